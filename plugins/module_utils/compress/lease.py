# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lease (fcntl(2), F_SETLEASE): the kernel's own word that nobody has a file open for writing, or is about to.

A read lease is given only where nobody has the file open for writing, mapped files included, and whoever opens it for
writing afterwards waits until the lease is given back (at most /proc/sys/fs/lease-break-time, 45 s).
"""

from __future__ import annotations

import errno
import fcntl
import signal
from typing import Optional

# The filesystem has no leases (NFS, FUSE), or we may not take one (not the owner and without CAP_LEASE).
NONE_HERE = (errno.EINVAL, errno.EACCES, errno.EPERM, errno.EOPNOTSUPP, errno.ENOLCK)


def take(fd: int) -> Optional[bool]:
    """Take a read lease on a file that is open for reading: True where it is given, False where somebody writes,
    None where there are no leases to be had.
    """
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # what the kernel says it with would end this process; broken() asks
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        if error.errno in NONE_HERE:
            return None
        raise
    return True


def broken(fd: int) -> bool:
    """Whether somebody waits to write to the file (or the lease was taken from us)."""
    return fcntl.fcntl(fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK


def give_back(fd: int) -> None:
    """Let those who wait go on."""
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
