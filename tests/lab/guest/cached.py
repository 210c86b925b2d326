# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Prints how many bytes of each file named are in the page cache, by mincore(2); none of ours is asked."""

import ctypes
import mmap
import os
import sys


def cached(path: str) -> int:
    size = os.stat(path).st_size
    vector = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
    with open(path, "rb") as file:
        mapping = mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    start = ctypes.c_char.from_buffer(mapping)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), vector) != 0:
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(one & 1 for one in vector) * mmap.PAGESIZE


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(cached(name))
