# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of a file the page cache holds: by cachestat(2), by mincore(2) on kernels before 6.5, or not at all.

Python has neither call.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Optional, Tuple

PAGE = os.sysconf("SC_PAGE_SIZE")

CACHESTAT, MINCORE = "cachestat", "mincore"

# Numbers of cachestat(2) that are not everybody's (kernel, arch/*/tools/syscall.tbl); MIPS counts from elsewhere, gets
# ENOSYS by this one, and is counted by mincore.
_NUMBERS = {"alpha": 561}
_NUMBER = 451

_PROT_READ, _MAP_SHARED = 1, 1
_MAP_FAILED = ctypes.c_void_p(-1).value
_WINDOW = 2**30  # bytes of a file that are mapped at a time: a vector of 256 KiB

_CAP_FOWNER = 3
_INITIAL_UID_MAP = ["0", "0", "4294967295"]
_OVERFLOW_UID = 65534  # who owns what belongs to nobody in this user namespace


# Bytes of a range of a file, in whole pages: cached; of these dirty (not written yet, or being written), None where the
# kernel does not say. A plain tuple, since there are two for each file of a tree.
Count = Tuple[int, Optional[int]]


class _Range(ctypes.Structure):
    _fields_ = [("off", ctypes.c_uint64), ("len", ctypes.c_uint64)]


class _Stat(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("cache", "dirty", "writeback", "evicted", "recently_evicted")]


class Counter:
    """Counts by the best that the kernel has."""

    def __init__(self, cachestat: bool = True) -> None:
        """cachestat: whether to try that."""
        self.how: Optional[str] = None  # by what it has counted: mincore, where one file was
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._syscall = self._libc.syscall
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = (
            (ctypes.c_void_p, ctypes.c_size_t) + (ctypes.c_int,) * 3 + (ctypes.c_long,)  # off_t of this libc's mmap
        )
        self._libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self._libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
        self._cachestat = cachestat
        # Arguments that are made once: with argtypes the call would take twice as long.
        self._range, self._stat = _Range(0, 0), _Stat()
        self._number = ctypes.c_long(_NUMBERS.get(os.uname().machine, _NUMBER))
        self._others = ctypes.byref(self._range), ctypes.byref(self._stat), ctypes.c_uint(0)
        self._may_ask_of_all: Optional[bool] = None

    def count(self, fd: int, start: int = 0, length: int = 0) -> Count | None:
        """What is cached of a range of a regular file (length 0: up to its end), None where nobody may know.

        Raises OSError.
        """
        if self._cachestat:
            self._range.off, self._range.len = start, length
            if self._syscall(self._number, fd, *self._others) == 0:
                self.how = self.how or CACHESTAT
                stat = self._stat
                return stat.cache * PAGE, (stat.dirty + stat.writeback) * PAGE
            number = ctypes.get_errno()
            if number == errno.ENOSYS:
                self._cachestat = False
            elif number == errno.EOPNOTSUPP:  # hugetlbfs, which is no page cache
                return None
            elif number != errno.EPERM:  # not ours to ask of, or a sandbox that does not know the call
                raise OSError(number, os.strerror(number))
        found = os.fstat(fd)
        if not self._may_ask(found):
            return None
        self.how = MINCORE
        return self._by_mincore(fd, start, max(0, min(length or found.st_size, found.st_size - start))), None

    def _may_ask(self, found: os.stat_result) -> bool:
        """Whether mincore tells the truth: since 5.2 it says that all is cached to who is neither the file's owner
        nor may act as such. Source: can_do_mincore() of mm/mincore.c.
        """
        if self._may_ask_of_all is None:
            self._may_ask_of_all = _has_capability(_CAP_FOWNER)
        return found.st_uid == os.geteuid() or (self._may_ask_of_all and _is_mapped(found.st_uid))

    def _by_mincore(self, fd: int, start: int, length: int) -> int:
        """Bytes; start is a multiple of the page size. Mapping a file reads nothing of it."""
        cached = 0
        vector = ctypes.create_string_buffer(max(min(length, _WINDOW) + PAGE - 1, PAGE) // PAGE)
        for offset in range(start, start + length, _WINDOW):
            size = min(_WINDOW, start + length - offset)
            address = self._libc.mmap(None, size, _PROT_READ, _MAP_SHARED, fd, offset)
            if address == _MAP_FAILED:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            try:
                if self._libc.mincore(address, size, vector) != 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            finally:
                self._libc.munmap(address, size)
            pages = -(-size // PAGE)
            cached += vector.raw[:pages].count(b"\1") * PAGE
        return cached


def _has_capability(number: int) -> bool:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        effective = [line.split()[1] for line in file if line.startswith("CapEff:")]
    return bool(effective) and bool(int(effective[0], 16) >> number & 1)


def _is_mapped(uid: int) -> bool:
    """Whether capabilities reach a file of that owner."""
    if uid != _OVERFLOW_UID:
        return True
    with open("/proc/self/uid_map", encoding="utf-8") as file:
        return file.read().split() == _INITIAL_UID_MAP
