# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs in the measured machine: `zeros.py MIB ROUNDS` writes a file of zeros as swapfile does and as dd does, in turns.

One line of JSON a round: seconds of each, and by how many bytes the page cache grew while ours was written.
"""

import json
import os
import subprocess
import sys
import time

from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter, Slice
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.zeros import write_zeros

FILE = "/root/zeros.file"


def page_cache() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = dict(line.split(":") for line in file)
    return sum(int(lines[name].split()[0]) for name in ("Cached", "Buffers")) << 10


def ours(size: int) -> None:
    fd = os.open(FILE, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_zeros(fd, FILE, size, Meter(Slice(), "zeros", 0, size))
    finally:
        os.close(fd)


def theirs(size: int) -> None:
    arguments = ("if=/dev/zero", "of=" + FILE, "bs=4M", "oflag=direct", "conv=fsync", "count=%d" % (size >> 22))
    subprocess.run(("dd", *arguments), check=True, stderr=subprocess.DEVNULL)


def main() -> None:
    size = int(sys.argv[1]) << 20
    for _round in range(int(sys.argv[2])):
        told = {}
        for name, write in (("ours", ours), ("theirs", theirs)):
            os.sync()
            before, began = page_cache(), time.monotonic()
            write(size)
            told[name] = time.monotonic() - began
            if name == "ours":
                told["cached"] = page_cache() - before
            os.unlink(FILE)
        print(json.dumps(told), flush=True)


main()
