# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Leaves a program behind that has 8 MiB of its memory in swap, until the file STOP is there (or for two minutes), and
then says in the file RESULT whether all is as it was.

    python3 swapfile_pages.py STOP RESULT
"""

from __future__ import annotations

import mmap
import os
import sys
import time

SIZE = 8 << 20
MADV_PAGEOUT = 21

stop, result = sys.argv[1:]
reading, writing = os.pipe()
if os.fork():
    os.close(writing)
    os.read(reading, 1)  # ends when they are in swap
    sys.exit()
os.setsid()
for stream in (0, 1, 2):
    os.dup2(os.open(os.devnull, os.O_RDWR), stream)
memory = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE + mmap.MAP_ANONYMOUS)
content = os.urandom(1 << 20)
memory[:] = content * (SIZE >> 20)
memory.madvise(MADV_PAGEOUT)
os.close(writing)
end = time.monotonic() + 120
while not os.path.exists(stop) and time.monotonic() < end:
    time.sleep(0.1)
with open(result, "w") as file:
    file.write("intact" if memory[:] == content * (SIZE >> 20) else "damaged")
