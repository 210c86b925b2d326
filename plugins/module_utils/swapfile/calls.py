# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three system calls that a swapfile takes and that Python has no function for.

fallocate(1) and swapon(8) do the same, at the price of a process each, which on a small machine is most of what a
swapfile costs; posix_fallocate(3) writes to every block where the filesystem cannot allocate.
"""

from __future__ import annotations

import ctypes
import errno
import os

_AT_FDCWD = -100  # linux/fcntl.h
_NOREPLACE = 1  # linux/fs.h
# linux/swap.h
_PREFER = 0x8000
_DISCARD = {"none": 0, "both": 0x10000, "once": 0x30000, "pages": 0x50000}


def allocate(fd: int, size: int) -> None:
    """Give an open file blocks for size bytes, and that length, without writing to them. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Offsets of 64 bits: fallocate64 is the same function where off_t has them anyway, and musl has it as fallocate.
    function = getattr(libc, "fallocate64", None) or libc.fallocate
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while function(fd, 0, 0, size) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def rename_new(old: str, new: str) -> None:
    """Rename a file to a path at which nothing stands. Raises OSError, FileExistsError where something does: by the
    kernel's own look at it, or by one just before where libc (musl), the kernel or the filesystem has none.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    number = errno.ENOSYS
    if hasattr(libc, "renameat2"):
        if libc.renameat2(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), _NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        if not os.path.lexists(new):
            return os.rename(old, new)
        number = errno.EEXIST
    raise OSError(number, os.strerror(number), new)


def swap_on(path: str, priority: int | None, discard: str) -> None:
    """Have the kernel use a file or device with a swap header. Raises OSError.

    priority: 0 to 32767, None for the kernel's choice; discard: a policy of swapon(8), none, once, pages or
    both.
    """
    flags = _DISCARD[discard] | (0 if priority is None else _PREFER | priority)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.swapon(os.fsencode(path), ctypes.c_int(flags)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
