# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the kernel will take a file as swap: its extents, asked by FIEMAP, and its blocks.

SEEK_HOLE would not do: it calls extents that were allocated and never written holes, which swapon takes.
Source: Documentation/filesystems/fiemap.rst.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Iterable

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

# _IOWR('f', 11, struct fiemap) is the same number on all architectures, unlike those for one direction only.
FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 1
LAST, DELALLOC, ENCODED, INLINE, SHARED = 0x1, 0x4, 0x8, 0x200, 0x2000

_HEAD = struct.Struct("=QQIIII")  # start, length, flags, mapped_extents, extent_count, reserved
_EXTENT = struct.Struct("=QQQQQIIII")  # logical, physical, length, reserved64[2], flags, reserved[3]
_AT_ONCE = 512
_CHUNK = 1 << 20


class Extent(NamedTuple):
    """A run of the file that has blocks: offset and length in bytes, flags as in linux/fiemap.h, physical: the byte of
    the filesystem's device at which it begins (of btrfs, an address of its own).
    """

    offset: int
    length: int
    flags: int
    physical: int = 0


def find_flaw(size: int, extents: Iterable[Extent]) -> str | None:
    """Why the kernel would refuse a file of size bytes with these extents (in order) as swap, in words, or None."""
    end = 0
    for extent in extents:
        if extent.offset > end:
            break
        if extent.flags & SHARED:
            return "it shares blocks with another file"
        if extent.flags & ENCODED:
            return "it is compressed or encrypted by its filesystem"
        if extent.flags & (INLINE | DELALLOC):
            return "it has parts without blocks of their own"
        end = extent.offset + extent.length
    return None if end >= size else "it has a hole at byte %d" % end


def read_extents(fd: int) -> list[Extent] | None:
    """All extents of an open file, in order; None where its filesystem cannot say."""
    found: list[Extent] = []
    while True:
        start = found[-1].offset + found[-1].length if found else 0
        buffer = bytearray(_HEAD.size + _AT_ONCE * _EXTENT.size)
        _HEAD.pack_into(buffer, 0, start, 2**64 - 1 - start, FIEMAP_FLAG_SYNC, 0, _AT_ONCE, 0)
        try:
            fcntl.ioctl(fd, FS_IOC_FIEMAP, buffer, True)
        except OSError:
            return None
        batch = _unpack(buffer)
        found += batch
        if not batch or batch[-1].flags & LAST:
            return found


def _unpack(buffer: bytearray) -> list[Extent]:
    mapped = _HEAD.unpack_from(buffer)[3]
    rows = (_EXTENT.unpack_from(buffer, _HEAD.size + n * _EXTENT.size) for n in range(mapped))
    return [Extent(row[0], row[2], row[5], row[1]) for row in rows]


def flaw_of(fd: int) -> str | None:
    """Why an open file cannot be swap, in words; None where nothing speaks against it."""
    found = os.fstat(fd)
    extents = read_extents(fd)
    if extents is not None:
        return find_flaw(found.st_size, extents)
    return "it has holes" if found.st_blocks * 512 < found.st_size else None


def is_blank(fd: int, end: int | None = None, start: int = 0) -> bool:
    """Whether an open file, from start to end (else all of it), holds nothing but zeros: nobody loses data with it.

    Stops at the first byte that is not zero; what was allocated and never written is not read.
    """
    end = os.fstat(fd).st_size if end is None else end
    at = start
    while at < end:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: no data from here on
            return True
        chunk = os.pread(fd, min(_CHUNK, end - at), at) if at < end else b""
        os.posix_fadvise(fd, at, len(chunk), os.POSIX_FADV_DONTNEED)  # nobody else is going to read it
        if chunk.count(0) != len(chunk):
            return False
        at += len(chunk) or end
    return True
