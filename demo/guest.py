# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs in a machine of the demo or the benchmark, from standard input: `python3 - look` or `python3 - fill`.

look  prints what the kernel says of its swap, zram devices and watermarks.
fill  fills memory until the kernel's OOM killer comes, and prints how far that went and who held the pages meanwhile.
fill RATIO MIB [SECONDS]  fills so much (0: as before), with pages that compress RATIO to 1, then goes through all of it
      again, looking at each; ended where in so many seconds less than 16 MiB went on.

It reads /proc and /sys itself and knows nothing of the collection. Amounts are bytes. Each line it prints is JSON,
the last one is the result. Python 3.8 or later, standard library only.
"""

from __future__ import annotations

import array
import glob
import json
import mmap
import os
import re
import select
import signal
import sys
import time
from typing import Any, Optional

MIB = 1 << 20
PAGE = 4096
RATIO = 3  # to 1: how well the pages compress that fill memory
AREA = 16 * MIB  # mapped at a time, so that overcommit never sees one large request
REPORT = 1.0  # seconds between lines
SAMPLE = 0.25  # seconds between looks at the swap
LIMIT = 900  # seconds that filling may take
STALLED = 120  # seconds in which less than an area was filled or looked at: a host that thrashes still creeps
WHOLE, WRONG = 0, 4  # how the filling program ends by itself


def text(path: str) -> Optional[str]:
    """A file's content without the blanks around it; None where the kernel has no such file."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def number(pattern: str, path: str) -> Optional[int]:
    """The number that the pattern finds in a file; None where there is none."""
    found = re.search(pattern, text(path) or "", re.MULTILINE)
    return int(found.group(1)) if found else None


# ── look


def swaps() -> list[dict[str, Any]]:
    """Each area of /proc/swaps, the one that is used first first."""
    rows = [line.split() for line in (text("/proc/swaps") or "").splitlines()[1:]]
    areas = [
        {"name": name, "size": int(size) * 1024, "used": int(used) * 1024, "priority": int(priority)}
        for name, _kind, size, used, priority in rows
    ]
    return sorted(areas, key=lambda area: -area["priority"])


def zram() -> list[dict[str, Any]]:
    """Each zram device that has a size: mm_stat by the kernel's names, and the algorithm in brackets."""
    devices = []
    for folder in sorted(glob.glob("/sys/block/zram*")):
        size = int(text(folder + "/disksize") or 0)
        stat = [int(field) for field in (text(folder + "/mm_stat") or "0 0 0").split()]
        chosen = re.search(r"\[(\S+)\]", text(folder + "/comp_algorithm") or "")
        if size:
            devices.append(
                {
                    "name": os.path.basename(folder),
                    "size": size,
                    "algorithm": chosen.group(1) if chosen else "?",
                    "orig_data_size": stat[0],
                    "compr_data_size": stat[1],
                    "mem_used_total": stat[2],
                }
            )
    return devices


def watermarks() -> dict[str, int]:
    """min, low and high, added up over the zones, with the boost that comes and goes taken off."""
    total = {"min": 0, "low": 0, "high": 0}
    for zone in re.split(r"^Node ", text("/proc/zoneinfo") or "", flags=re.MULTILINE)[1:]:
        # The marks come after "pages free"; fields of the same names come again further down.
        marks = zone.partition("pages free")[2].partition("protection")[0]
        numbers = re.findall(r"^\s+(boost|min|low|high)\s+(\d+)$", marks, re.MULTILINE)
        found = {name: int(pages) for name, pages in numbers}
        for name in total:
            total[name] += (found.get(name, 0) - found.get("boost", 0)) * PAGE
    return total


def look() -> dict[str, Any]:
    return {
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "ram": (number(r"^MemTotal:\s+(\d+) kB", "/proc/meminfo") or 0) * 1024,
        "swaps": swaps(),
        "zram": zram(),
        "watermarks": watermarks(),
    }


# ── fill


def template(ratio: int) -> bytearray:
    """1 MiB of pages that compress to one part in `ratio`: so much of each is random, the rest one byte repeated."""
    random = PAGE // ratio
    return bytearray(b"".join(os.urandom(random) + b"\x5a" * (PAGE - random) for _page in range(MIB // PAGE)))


def stamp(chunk: bytearray, first: int) -> None:
    """Writes its number at the start of each page, so that no two pages that are ever filled are the same."""
    pages = len(chunk) // PAGE
    memoryview(chunk).cast("Q")[:: PAGE // 8] = memoryview(array.array("Q", range(first, first + pages)))


def eat(pipe: int, ratio: int, most: int) -> None:
    """Fills memory, for ever or `most` MiB and then looks at all of it; one byte into the pipe for each MiB that was
    written or looked at. Runs in a process of its own.
    """
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    signal.alarm(LIMIT + 30)  # whatever becomes of the parent
    chunk, page = template(ratio), 0
    areas: list[mmap.mmap] = []
    while not most or page < most * (MIB // PAGE):
        # Private, or else it would be a file in a tmpfs.
        areas.append(mmap.mmap(-1, AREA, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        for offset in range(0, AREA, MIB):
            stamp(chunk, page)
            areas[-1][offset : offset + MIB] = chunk
            page += MIB // PAGE
            os.write(pipe, b".")
    for number, area in enumerate(areas):
        first = number * (AREA // PAGE)
        if memoryview(area).cast("Q")[:: PAGE // 8].tolist() != list(range(first, first + AREA // PAGE)):
            os._exit(WRONG)
        os.write(pipe, b"." * (AREA // MIB))
    os._exit(WHOLE)


def start_eater(ratio: int, most: int) -> tuple[int, int]:
    """The process and the end of the pipe that tells how much it has filled."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    try:
        eat(writer, ratio, most)
    finally:
        os._exit(3)  # only an error ends it from inside: memory was refused


def held() -> dict[str, Any]:
    return {"swaps": swaps(), "zram": zram()}


def used(sample: dict[str, Any]) -> int:
    return sum(area["used"] for area in sample["swaps"])


def follow(reader: int, child: int, stalled: int) -> tuple[int, dict[str, Any], Optional[str]]:
    """Reads the pipe until the other end is gone: MiB filled, the fullest sample of the swap, why it was ended."""
    filled, fullest, why = 0, held(), None
    began = grown = sampled = reported = time.monotonic()
    then = 0  # MiB when it had last grown by an area
    while True:
        ready = select.select([reader], [], [], SAMPLE)[0]
        now = time.monotonic()
        if ready:
            new = len(os.read(reader, 65536))
            if not new:
                return filled, fullest, why
            filled += new
            if filled >= then + AREA // MIB:
                then, grown = filled, now
        if now - sampled >= SAMPLE:
            sample, sampled = held(), now
            fullest = max(fullest, sample, key=used)
        if now - reported >= REPORT:
            reported = now
            say({"filled": filled * MIB, "swap_used": used(fullest)})
        if not why and (now - began > LIMIT or now - grown > stalled):
            why = "stalled" if now - grown > stalled else "time"
            os.kill(child, signal.SIGKILL)


def fill(ratio: int = RATIO, most: int = 0, stalled: int = STALLED) -> dict[str, Any]:
    """How much could be filled, and by whose hand it ended: `oom` is the kernel's own word, from two sides.

    With `most` MiB, which is to be a multiple of 16, it may end `whole`: all of it was filled, and was right when it
    was looked at again.
    """
    kills = number(r"^oom_kill (\d+)$", "/proc/vmstat")
    began = time.monotonic()
    child, reader = start_eater(ratio, most)
    filled, fullest, why = follow(reader, child, stalled)
    status = os.waitpid(child, 0)[1]
    more = (number(r"^oom_kill (\d+)$", "/proc/vmstat") or 0) - (kills or 0)
    if not why and os.WIFEXITED(status) and os.WEXITSTATUS(status) in (WHOLE, WRONG):
        why = {WHOLE: "whole", WRONG: "wrong"}[os.WEXITSTATUS(status)]
        filled = most
    if not why:
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        why = "oom" if killed and more == 1 else "%d other processes killed" % (more - 1) if more > 1 else "refused"
    return {
        "filled": filled * MIB,
        "end": why,
        "oom_kills": more,
        "seconds": round(time.monotonic() - began, 1),
        "fullest": fullest,
    }


def say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    say(look() if sys.argv[1] == "look" else fill(*map(int, sys.argv[2:])))
