# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs on a machine of the lab: takes most of its memory in small pages, and gives every other one back.

What it keeps can be moved, so that compaction can join what it gave back. Makes /run/broken once it is done.
"""

import mmap
import re
import time

PAGE = mmap.PAGESIZE
LEFT = 32 << 20  # bytes that stay as they are, so that nothing has to be swapped or killed


def main() -> None:
    with open("/proc/meminfo") as file:
        available = int(re.findall(r"(?m)^MemAvailable:\s+(\d+) kB$", file.read())[0]) * 1024
    size = (available - LEFT) // (2 * PAGE) * 2 * PAGE
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.madvise(mmap.MADV_NOHUGEPAGE)
    for at in range(0, size, PAGE):
        held[at] = 1
    for at in range(0, size, 2 * PAGE):
        held.madvise(mmap.MADV_DONTNEED, at, PAGE)
    with open("/run/broken", "w"):
        time.sleep(100000)


main()
