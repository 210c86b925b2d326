# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fallocate(2) with FALLOC_FL_PUNCH_HOLE: gives blocks of a file back to its filesystem, the size stays.

Python has no call for it, and fallocate(1) would be a process for each block.
"""

from __future__ import annotations

import ctypes
import errno
import os

KEEP_SIZE, PUNCH_HOLE = 0x01, 0x02  # linux/falloc.h
CANNOT = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV)


def punch(fd: int, offset: int, length: int) -> None:
    """Make length bytes from offset on a hole, which reads as zeros. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    # 64-bit offsets: fallocate64 is the same function where off_t has 64 bits anyway, and musl has it as fallocate
    function = getattr(libc, "fallocate64", None) or libc.fallocate
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while function(fd, KEEP_SIZE | PUNCH_HOLE, offset, length) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def can_punch(folder: int, original: int) -> bool:
    """Whether holes can be made in an open file of that folder: asked with a file that never has a name, since even a
    hole behind the end would change the original's times.

    Raises OSError for what else stands against it: EPERM for a file that may only be appended to (chattr +a), EAGAIN
    for one that somebody holds a lease on (O_NONBLOCK: it is not waited for), ENOSPC where the filesystem has no room
    for one more file.
    """
    os.close(os.open(_again(original), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    try:
        fd = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in CANNOT + (errno.EISDIR, errno.ENOENT, errno.EINVAL):
            raise
        return _can_punch_behind(original)
    try:
        return _takes_holes(fd, 0, 4096)
    finally:
        os.close(fd)


def _can_punch_behind(original: int) -> bool:
    """Asked of the original, where the filesystem has no files without a name."""
    found = os.fstat(original)
    fd = os.open(_again(original), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        beyond = -(-found.st_size // found.st_blksize) * found.st_blksize
        return _takes_holes(fd, beyond, found.st_blksize)
    finally:
        os.utime(fd, ns=(found.st_atime_ns, found.st_mtime_ns))
        os.close(fd)


def _takes_holes(fd: int, offset: int, length: int) -> bool:
    try:
        punch(fd, offset, length)
    except OSError as error:
        if error.errno in CANNOT:
            return False
        raise
    return True


def _again(fd: int) -> str:
    """By what an open file is opened once more, whatever its name is now."""
    return "/proc/self/fd/%d" % fd
