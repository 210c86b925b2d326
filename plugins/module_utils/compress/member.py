# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of the compressed file: each is a gzip of its own, and says which bytes of which original it holds.

RFC 1952 lets members follow each other, and lets each carry an extra field; so the file that grows is an ordinary .gz
at every moment, and its own journal: what it holds up to its last whole member may be given back by the original.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Callable, Iterator, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

# magic, deflate, FEXTRA; mtime in seconds; no hint on the level, Unix (RFC 1952, 2.3)
_HEAD = struct.Struct("<4sIBB")
_MAGIC = b"\x1f\x8b\x08\x04"
_UNIX = 3
_FIELD = struct.Struct("<H2sH")  # XLEN, the subfield's name, its length
_NAME = b"HW"
_BODY = struct.Struct("<QQqQQII")  # inode, size, mtime_ns, on_disk; offset, length; packed
_TAIL = struct.Struct("<II")  # CRC32, ISIZE
FIELD = _FIELD.pack(_FIELD.size - 2 + _BODY.size, _NAME, _BODY.size)
HEADER = _HEAD.size + _FIELD.size + _BODY.size
LARGEST_BLOCK = 2**30  # what ISIZE and our own lengths hold with room to spare
_PIECE = 2**18  # of what is unpacked at once
_FEED = 2**15  # of what is packed: what of it waits is copied for each piece

Reader = Callable[[int, int], bytes]  # (length, offset) -> bytes, as os.pread of an open file


class Stamp(NamedTuple):
    """Which original it is: its inode number; its size, mtime and bytes in blocks as they were at the start."""

    inode: int
    size: int
    mtime_ns: int
    on_disk: int


class Member(NamedTuple):
    """One member: it stands at ``at`` with ``packed`` bytes, and holds ``length`` bytes from ``offset`` on."""

    stamp: Stamp
    offset: int
    length: int
    at: int
    packed: int


def pack(stamp: Stamp, offset: int, data: bytes, level: int) -> bytes:
    """The member for these bytes of the original; level as for gzip, 1 to 9."""
    engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = (engine.compress(data), engine.flush())
    packed = HEADER + sum(map(len, body)) + _TAIL.size
    return b"".join(
        (
            _head(stamp),
            FIELD,
            _BODY.pack(*stamp, offset, len(data), packed),
            *body,
            _TAIL.pack(zlib.crc32(data), len(data)),
        )
    )


def _head(stamp: Optional[Stamp]) -> bytes:
    return _HEAD.pack(_MAGIC, max(0, stamp.mtime_ns // 10**9) & 0xFFFFFFFF if stamp else 0, 0, _UNIX)


def read_chain(fd: int) -> tuple[Member, ...]:
    """The whole members from the start of an open file, in order; what follows the last of them is torn, damaged or
    not ours (behind.py tells).

    Each is checked for its place and its length, the last one byte by byte: those before it were on disk before it.
    """
    members = tuple(_in_place(fd))
    return members[:-1] if members and not is_whole(fd, members[-1]) else members


def _in_place(fd: int) -> list[Member]:
    members: list[Member] = []
    end = os.fstat(fd).st_size
    at, offset = 0, 0
    while True:
        member = claimed_at(fd, at)
        if member is None or not _fits(fd, member, end):
            return members
        if member.offset != offset or (members and member.stamp != members[0].stamp):
            return members
        members.append(member)
        at, offset = at + member.packed, offset + member.length


def claimed_at(fd: int, at: int) -> Optional[Member]:
    """What a header says of the member that it begins; None where there is none of ours."""
    head = os.pread(fd, HEADER, at)
    if len(head) < HEADER or head[: len(_MAGIC)] != _MAGIC or head[_HEAD.size : _HEAD.size + _FIELD.size] != FIELD:
        return None
    *stamp, offset, length, packed = _BODY.unpack_from(head, _HEAD.size + _FIELD.size)
    return Member(Stamp(*stamp), offset, length, at, packed)


def _fits(fd: int, member: Member, end: int) -> bool:
    """Whether a member ends within the file, and with its length."""
    if not member.length or member.packed <= HEADER + _TAIL.size:  # what has no length would be read for ever
        return False
    return member.at + member.packed <= end and _tail(fd, member.at, member.packed)[1] == member.length


def resembles(head: bytes, stamp: Optional[Stamp], offset: int) -> bool:
    """Whether this is the beginning of the header for a block, or what of it has reached the disk: of each byte that is
    known beforehand, itself or a zero. stamp: None where that is not known.
    """
    body = _BODY.pack(*(stamp or (0, 0, 0, 0)), offset, 0, 0)
    known = _head(stamp) + FIELD + body
    unknown = set(range(HEADER - 8, HEADER))  # length, packed
    if stamp is None:
        unknown |= set(range(len(_MAGIC), _HEAD.size)) | set(range(_HEAD.size + _FIELD.size, HEADER - 16))
    return all(at in unknown or byte in (0, known[at]) for at, byte in enumerate(head))


def has_header(fd: int, start: int, end: int, inode: int) -> bool:
    """Whether a member of this original begins somewhere from start to end."""
    wanted = FIELD + _BODY.pack(inode, 0, 0, 0, 0, 0, 0)[:8]
    at, kept = start + _HEAD.size, b""
    while at < end:
        found = kept + os.pread(fd, min(_PIECE, end - at), at)
        if wanted in found:
            return True
        at, kept = at + _PIECE, found[1 - len(wanted) :]
    return False


def is_complete(fd: int, at: int) -> bool:
    """Whether what follows a header is all of a member, whatever the header says."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    checksum, length = 0, 0
    at += HEADER
    try:
        while not engine.eof:
            waiting = engine.unconsumed_tail or os.pread(fd, _FEED, at)
            if not waiting:
                return False
            at += 0 if engine.unconsumed_tail else len(waiting)
            piece = engine.decompress(waiting, _PIECE)
            checksum, length = zlib.crc32(piece, checksum), length + len(piece)
    except zlib.error:
        return False
    return os.pread(fd, _TAIL.size, at - len(engine.unused_data)) == _TAIL.pack(checksum, length & 0xFFFFFFFF)


def _tail(fd: int, at: int, packed: int) -> tuple[int, int]:
    tail = os.pread(fd, _TAIL.size, at + packed - _TAIL.size)
    checksum, length = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, -1)
    return checksum, length


def pieces(fd: int, member: Member) -> Iterator[bytes]:
    """The original bytes of a member, some at a time. Raises zlib.error where they are not whole."""
    return _unpacked(lambda length, at: os.pread(fd, length, at), member.at, member.packed)


def _unpacked(reader: Reader, at: int, packed: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    end = at + packed - _TAIL.size
    at += HEADER
    while at < end:
        waiting = reader(min(_FEED, end - at), at)
        if not waiting:
            raise zlib.error("the file is shorter than its member says")
        at += len(waiting)
        while waiting:
            piece = engine.decompress(waiting, _PIECE)
            if piece:
                yield piece
            waiting = engine.unconsumed_tail
    rest = engine.flush()
    if rest:
        yield rest


def is_whole(fd: int, member: Member) -> bool:
    """Whether a member can be read to its end, and its checksum agrees."""
    checksum, length = 0, 0
    try:
        for piece in pieces(fd, member):
            checksum, length = zlib.crc32(piece, checksum), length + len(piece)
    except zlib.error:
        return False
    return (checksum, length) == _tail(fd, member.at, member.packed) and length == member.length


def holds(fd: int, member: Member, original: Reader) -> bool:
    """Whether a member gives, byte for byte, what the original has at its place."""
    return _agree(pieces(fd, member), original, member.offset, member.length)


def gives(packed: bytes, data: bytes) -> bool:
    """Whether a member that is not on disk yet unpacks to data."""
    unpacked = _unpacked(lambda length, at: packed[at : at + length], 0, len(packed))
    return _agree(unpacked, lambda length, at: data[at : at + length], 0, len(data))


def _agree(unpacked: Iterator[bytes], original: Reader, offset: int, length: int) -> bool:
    at = offset
    try:
        for piece in unpacked:
            if original(len(piece), at) != piece:
                return False
            at += len(piece)
    except zlib.error:
        return False
    return at == offset + length
