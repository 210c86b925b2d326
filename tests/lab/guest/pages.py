# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs in a machine: holds memory whose every page is different, and tells at any time whether it is still right.

    pages.py FOLDER MIB RATIO

It fills MIB mebibytes with pages of which one part in RATIO is random, and writes FOLDER/PID.ready. Whenever
FOLDER/check is another text than last time, it reads every page, compares it with what it has to be, and writes the
text and the number of wrong pages to FOLDER/PID.checked. It ends when the folder is gone.

Python 3.8 or later, standard library only.
"""

from __future__ import annotations

import array
import mmap
import os
import sys
import time

MIB = 1 << 20
PAGE = 4096
AREA = 16  # MiB that are mapped at a time, so that overcommit never sees one large request


def template(ratio: int) -> bytearray:
    """1 MiB of pages; so much of each is random, the rest one byte repeated."""
    random = PAGE // ratio
    return bytearray(b"".join(os.urandom(random) + b"\x5a" * (PAGE - random) for _page in range(MIB // PAGE)))


class Pages:
    """So many MiB of memory, each page with its own number at its start."""

    def __init__(self, mib: int, ratio: int) -> None:
        self.chunk = template(ratio)
        self.areas: list[mmap.mmap] = []
        for number in range(mib):
            if number % AREA == 0:
                self.areas.append(mmap.mmap(-1, AREA * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
            start = number % AREA * MIB
            self.areas[-1][start : start + MIB] = self.expected(number)
        self.mib = mib

    def expected(self, number: int) -> bytearray:
        """What has to stand in a MiB; the same buffer each time."""
        pages = MIB // PAGE
        stamps = array.array("Q", range(number * pages, (number + 1) * pages))
        memoryview(self.chunk).cast("Q")[:: PAGE // 8] = memoryview(stamps)
        return self.chunk

    def wrong(self) -> int:
        """Pages that are not as they were written."""
        count = 0
        for number in range(self.mib):
            start = number % AREA * MIB
            # A copy, since bytes are compared as a whole, and a memoryview one by one.
            found, expected = self.areas[number // AREA][start : start + MIB], self.expected(number)
            if found != expected:
                count += sum(found[at : at + PAGE] != expected[at : at + PAGE] for at in range(0, MIB, PAGE))
        return count


def text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def say(path: str, words: str) -> None:
    with open(path + ".new", "w") as file:
        file.write(words)
    os.rename(path + ".new", path)


def main(folder: str, mib: int, ratio: int) -> None:
    pages = Pages(mib, ratio)
    own = os.path.join(folder, str(os.getpid()))
    say(own + ".ready", "")
    checked = ""
    while os.path.isdir(folder):
        asked = text(os.path.join(folder, "check"))
        if asked not in ("", checked):  # it is empty for a moment when it is written, and a look at all takes minutes
            say(own + ".checked", "%s %d\n" % (asked.strip(), pages.wrong()))
            checked = asked
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
