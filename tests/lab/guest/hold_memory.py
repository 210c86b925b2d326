# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs in a machine: holds memory until so little swap is free, and goes on reading all of it.

    hold_memory.py MIB      until at most MIB of swap are free (or, as 100M, that much is held)

Each page has its number at its start and its end. After each round through all of them /run/held has the number of
rounds, of MiB, and of pages that were not as they had been written.
"""

import mmap
import os
import struct
import sys
import time

PAGE = 4096
CHUNK = 256  # pages: 1 MiB
STAMP = struct.Struct("=Q4080xQ")


def free_swap() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = dict(line.split(":") for line in file)
    return int(lines["SwapFree"].split()[0]) >> 10


def filled(number: int) -> mmap.mmap:
    chunk = mmap.mmap(-1, CHUNK * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(CHUNK):
        STAMP.pack_into(chunk, page * PAGE, number * CHUNK + page + 1, number * CHUNK + page + 1)
    return chunk


def wrong(number: int, chunk: mmap.mmap) -> int:
    expected = ((number * CHUNK + page + 1,) * 2 for page in range(CHUNK))
    return sum(STAMP.unpack_from(chunk, page * PAGE) != stamp for page, stamp in enumerate(expected))


def main() -> None:
    asked = sys.argv[1]
    chunks: list[mmap.mmap] = []
    while len(chunks) < int(asked[:-1]) if asked.endswith("M") else free_swap() > int(asked):
        chunks.append(filled(len(chunks)))
    rounds = bad = 0
    while True:
        for number, chunk in enumerate(chunks):
            bad += wrong(number, chunk)
            time.sleep(0.02)
        rounds += 1
        with open("/run/held.new", "w", encoding="ascii") as file:
            file.write(f"{rounds} {len(chunks)} {bad}\n")
        os.rename("/run/held.new", "/run/held")


main()
