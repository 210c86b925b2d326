# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The blocks of one file, one after the other: the part file grows while the original turns into a hole.

The order for each block is what keeps the bytes safe: its member is appended, synced, read back from the disk and
compared with what was compressed, and only then the block is punched out of the original. So at every instant each byte
of the original is in the original, or in a whole member of the part file that is on the disk.
"""

from __future__ import annotations

import errno
import os
import zlib
from typing import Callable, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.compress.ahead import Ahead, Block, Source, changed
from ansible_collections.highwater.memory.plugins.module_utils.compress.behind import PAGE
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import Member, holds, is_whole, pieces
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import (
    Pair,
    damaged,
    part_path,
    refuse_changed,
    unpunched,
)
from ansible_collections.highwater.memory.plugins.module_utils.compress.punch import punch
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.replace import write_all
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

SPARE = 2  # blocks of the filesystem that stay free for its own book-keeping while a member is appended
READ = 2**18  # bytes that are read back and compared at once

Signature = Tuple[int, int]
Reached = Callable[[int], None]


class Work(NamedTuple):
    """One file that is being compressed.

    part:   its part file, open for reading and writing.
    source: the original, and how it is compressed.
    guard:  what keeps writers away.
    """

    pair: Pair
    part: int
    source: Source
    guard: Guard


def go_on(work: Work, members: tuple[Member, ...], reached: Reached) -> int:
    """Compress from where the members end to where the file does; returns the bytes of the original that are in them.

    reached: called with the bytes that are done; what it raises ends the work. As with every other error, everything
    is whole then. Raises HighwaterError and OSError.
    """
    mtime_ns = _mtime_ns(work)
    done, at = _resume(work, members, mtime_ns)
    largest = work.source.block_size
    seen = signature(work.pair.original)
    with Ahead(work.source, done) as ahead:
        while done < seen[0]:
            # Small enough to fit on the disk whatever it compresses to.
            ahead.fill(seen[0], _aligned(min(largest, room(work.part) - SPARE * _unit(work)), work))
            block = ahead.next()
            try:
                member = _append(work, block, at)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                # The disk has filled up meanwhile: smaller blocks need less room each.
                if block.length <= _unit(work):
                    raise _full(work.pair, done) from None
                ahead.begin_again(done)
                largest = _aligned(block.length // 4, work)
                continue
            seen = _give_up(work, member, seen, mtime_ns)
            done, at = done + member.length, at + member.packed
            largest = min(2 * largest, work.source.block_size)  # its room is there now
            reached(done)
    return done


def go_back(pair: Pair, part: int, members: tuple[Member, ...], guard: Guard, reached: Reached) -> None:
    """Write the members back into the original, the last first.

    The part file ends with the member before, once the disk has the block; so it is cut off as a run forwards is.
    reached: called with the bytes of the original that are back; what it raises ends the work.
    Raises HighwaterError and OSError.
    """
    end = members[-1].offset + members[-1].length if members else 0
    if members:
        os.ftruncate(part, members[-1].at + members[-1].packed)  # what is torn behind it holds room
        os.fsync(part)  # which filesystems give back with their journal
        refuse_changed(pair, part, members[-1])
    seen = signature(pair.original)
    for member in reversed(members):
        if not is_whole(part, member):
            raise damaged(pair, member.offset)
        with guard.opened_for_writing() as fd:
            if signature(pair.original) != seen:
                raise changed(pair.path)
            _write_back(pair, fd, part, member)
            seen = _as_before(fd, (seen[0], member.stamp.mtime_ns if seen[0] == member.stamp.size else seen[1]))
        os.posix_fadvise(pair.original, 0, 0, os.POSIX_FADV_DONTNEED)
        if not holds(part, member, lambda length, at: os.pread(pair.original, length, at)):
            raise changed(pair.path)
        os.ftruncate(part, member.at)
        os.fsync(part)
        reached(end - member.offset)


def _write_back(pair: Pair, fd: int, part: int, member: Member) -> None:
    at = member.offset
    try:
        for piece in pieces(part, member):
            step = PAGE if bytes(PAGE) in piece else len(piece)
            for start in range(0, len(piece), step):
                some = piece[start : start + step]
                if some.count(0) != len(some):  # zeros are there already: what was a hole stays one
                    os.lseek(fd, at + start, os.SEEK_SET)
                    write_all(fd, some)
            at += len(piece)
        os.fdatasync(fd)
    except zlib.error:  # whole a moment ago
        raise damaged(pair, member.offset) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise HighwaterError(
            "%s: its filesystem has no room for the %s that are still to be written back: free that much and run "
            "again, or compress what is left (state: compressed)"
            % (pair.path, format_size(member.offset + member.length)),
            reason="disk_full",
        ) from None


def signature(fd: int) -> Signature:
    """What changes with every write to a file by somebody else: size, and mtime in nanoseconds."""
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns


def room(fd: int) -> int:
    """Bytes free on the filesystem of an open file, for root."""
    found = os.statvfs(fd)
    return found.f_bfree * found.f_frsize


def _mtime_ns(work: Work) -> int:
    """What the original's mtime stays at: that of the file that was begun, as long as it has not grown since."""
    found = os.fstat(work.pair.original)
    return work.source.stamp.mtime_ns if found.st_size == work.source.stamp.size else found.st_mtime_ns


def _as_before(fd: int, wanted: Signature) -> Signature:
    """Take back what our own work on a file does to its mtime; returns how it is to be found at the next look.

    So its age stays; and whoever writes to it from now on shows, even in the same tick of the kernel's clock, since the
    file is not asked how it looks now.
    """
    os.utime(fd, ns=(os.fstat(fd).st_atime_ns, wanted[1]))
    return wanted


def _resume(work: Work, members: tuple[Member, ...], mtime_ns: int) -> tuple[int, int]:
    """Cut off what is torn behind the last whole member, and punch that one's block, where a run was ended between
    the two, and others that are back after a power cut; returns the bytes of the original that are in members, and
    where these end.
    """
    if not members:
        os.ftruncate(work.part, 0)
        return 0, 0
    last = members[-1]
    os.ftruncate(work.part, last.at + last.packed)
    os.fsync(work.part)
    refuse_changed(work.pair, work.part, last)
    for member in (*unpunched(work.pair, members[:-1]), last):
        _give_up(work, member, signature(work.pair.original), mtime_ns)
    return last.offset + last.length, last.at + last.packed


def _append(work: Work, block: Block, at: int) -> Member:
    """The block's member, on the disk and read back from there; nothing is left of one that fails.

    at: where the member before it ends, which is the end of the file but where that could not be cut off.
    """
    member = Member(work.source.stamp, block.offset, block.length, at, len(block.packed))
    if os.fstat(work.part).st_size != at:
        os.ftruncate(work.part, at)
    try:
        os.lseek(work.part, member.at, os.SEEK_SET)
        write_all(work.part, block.packed)
        os.fdatasync(work.part)
        _read_back(work, member, block.packed)
    except (OSError, HighwaterError):
        os.ftruncate(work.part, member.at)
        raise
    return member


def _read_back(work: Work, member: Member, packed: bytes) -> None:
    """Raise HighwaterError where the disk has anything else than what was written.

    All pages of the file are let go of first, so that it is the disk that is asked and not our own memory of it; a page
    that this member shares with the one before would stay, if only its bytes were named.
    """
    os.posix_fadvise(work.part, 0, 0, os.POSIX_FADV_DONTNEED)
    for start in range(0, member.packed, READ):
        written = packed[start : start + READ]
        if os.pread(work.part, len(written), member.at + start) != written:
            raise HighwaterError(
                "%s: the disk does not give back what was written to %s, so nothing was taken out of the original: "
                "see the kernel's log" % (work.pair.path, part_path(work.pair)),
                reason="verify",
            )


def _give_up(work: Work, member: Member, seen: Signature, mtime_ns: int) -> Signature:
    """Punch a block that its member holds out of the original, which must be as it was last seen."""
    original = work.pair.original
    with work.guard.opened_for_writing() as fd:
        if signature(original) != seen:
            raise changed(work.pair.path)
        try:
            punch(fd, member.offset, member.length)
        except OSError as error:
            if error.errno != errno.ENOSPC:  # a hole may want a block more for the file's extents
                raise
            raise _full(work.pair, member.offset + member.length) from None
        return _as_before(fd, (seen[0], mtime_ns))


def _unit(work: Work) -> int:
    return os.fstatvfs(work.part).f_frsize


def _aligned(length: int, work: Work) -> int:
    """Whole blocks of the filesystem, since only such can be punched; at least one."""
    unit = _unit(work)
    return max(length // unit, 1) * unit


def _full(pair: Pair, done: int) -> HighwaterError:
    return HighwaterError(
        "%s: its filesystem is full to the last block, with %s of the file compressed: free some MiB and run again, "
        "which goes on from there" % (pair.path, format_size(done)),
        reason="disk_full",
    )


def refuse_without_room(pair: Pair) -> None:
    """Raise HighwaterError where the disk has not even room for the smallest block."""
    refuse_less(pair, room(pair.folder), (SPARE + 1) * os.fstatvfs(pair.folder).f_frsize)


def refuse_less(pair: Pair, free: int, needed: int) -> None:
    """Raise HighwaterError where fewer bytes are free than are needed to begin with."""
    if free < needed:
        raise HighwaterError(
            "%s: its filesystem has %s free, and compressing it in place begins with %s: free that much first"
            % (pair.path, format_size(free), format_size(needed)),
            reason="disk_full",
        )
