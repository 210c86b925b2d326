# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zeros written past the page cache, at the speed of the disk, from wherever an earlier call has stopped."""

from __future__ import annotations

import errno
import mmap
import os

from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter

# What one write(2) takes: large enough for a disk, small enough for any machine.
PIECE = 4 * 2**20


def write_zeros(fd: int, path: str, size: int, meter: Meter) -> None:
    """Bring an open file to size bytes (whole pages) by zeros behind what it has; path is where it stands.

    By O_DIRECT, or where the filesystem does not take it with the cache dropped behind each piece. Its length is always
    what has been written, so whoever finds it knows how far it is. Raises Unfinished by the meter.
    """
    at = os.fstat(fd).st_size
    direct = _opened_directly(path)
    with _zeros() as zeros:
        try:
            while at < size:
                at += _write_piece(fd, direct, zeros, at, min(PIECE, size - at))
                if at < size:
                    meter.reached(at)
        finally:
            if direct >= 0:
                os.close(direct)
    os.fsync(fd)


def _zeros() -> mmap.mmap:
    """A piece of zeros that begins at a page, as O_DIRECT wants it, and takes no memory: never written to, it is the
    kernel's page of zeros over and over, the huge one where there is one, which the disk gets in few parts.
    """
    zeros = mmap.mmap(-1, PIECE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        zeros.madvise(mmap.MADV_HUGEPAGE)
    except (AttributeError, OSError):  # a Python, or a kernel, without
        pass
    return zeros


def _opened_directly(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # this filesystem has no O_DIRECT
        return -1


def _write_piece(fd: int, direct: int, zeros: mmap.mmap, at: int, length: int) -> int:
    with memoryview(zeros) as view, view[:length] as piece:
        if direct >= 0:
            try:
                return os.pwrite(direct, piece, at)
            except OSError as error:
                if error.errno != errno.EINVAL:  # this filesystem wants another alignment
                    raise
        written = os.pwrite(fd, piece, at)
    os.fdatasync(fd)
    os.posix_fadvise(fd, at, written, os.POSIX_FADV_DONTNEED)
    return written
