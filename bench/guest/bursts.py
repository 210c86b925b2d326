# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs on the machine that is measured: bursts of allocation where memory is full, settings in turn.

Memory is filled by a program that then does nothing, with compressed swap behind it (zram, zstd), and files are read
all the while, so that the page cache fills what gets free. So reclaim means compressing, which takes longer than
allocating.

Standard input is JSON: `configurations` (by name the files below /proc/sys and their values), `bursts` (MiB), `rounds`,
`seconds` (no round is begun that would end later than this, but the first), `kind` ("pages" or "order-3"). Each burst
is one line of JSON on standard output: `configuration`, `burst`, and what happened while it lasted: `stalls`
(allocations that had to reclaim memory themselves), `compactions` (that had to compact), `some` and `full` (seconds of
PSI), `pauses` (seconds that each single allocation took), `lost` (those that failed); and `large`, the bytes that were
free in blocks of 32 KiB and more when it began.

A burst is two programs that allocate as fast as they can: for "pages" 256 KiB at a time, for "order-3" 32 KiB in one
piece at a time, which is what the kernel takes for the ring of a pipe of 2 MiB.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import random
import re
import resource
import subprocess
import sys
import time
from typing import Any, Callable

MIB = 1 << 20
FILE = "/var/tmp/cache"  # sparse: its pages cost memory and no disk
FILE_SIZE = 8 << 30
STEP = 256 << 10  # bytes
RATE = 5 * MIB  # bytes a second that are read meanwhile
LEAVE = 64 * MIB  # of MemAvailable, by the program that fills memory
SETTLE = 12.0  # seconds that the background reclaim is given to come to rest
PROGRAMS = 2
PIPE_SIZE = 2 * MIB  # its ring has 512 slots of 40 bytes: an allocation of order 3
SMALL_ZONE = 64 * MIB
LARGE = 3  # the order of what counts as a large block
PIPES = 6000
PIPE_PAGES = 16  # that a new pipe can hold
PAGE = os.sysconf("SC_PAGE_SIZE")
SLACK = 4 * MIB


def text(path: str) -> str:
    with open(path) as file:
        return file.read()


def counters() -> dict[str, float]:
    """Totals since the boot; PSI in seconds."""
    stat = dict(line.split() for line in text("/proc/vmstat").splitlines())
    psi = dict(re.findall(r"(?m)^(some|full) .*total=(\d+)$", text("/proc/pressure/memory")))
    return {
        "stalls": sum(int(value) for name, value in stat.items() if name.startswith("allocstall")),
        "compactions": int(stat["compact_stall"]),
        "some": int(psi["some"]) / 1e6,
        "full": int(psi["full"]) / 1e6,
    }


def zones() -> dict[str, dict[str, int]]:
    """Pages that are free, managed and at the marks, by node and zone; without the one that is kept for old devices."""
    found = {}
    for zone in re.split(r"(?m)^Node ", text("/proc/zoneinfo"))[1:]:
        marks = re.findall(r"(?m)^\s+(?:pages )?(free|min|low|high|managed)\s+(\d+)$", zone)
        found[" ".join(zone.splitlines()[0].split())] = {key: int(value) for key, value in marks}
    return {name: pages for name, pages in found.items() if pages["managed"] * PAGE > SMALL_ZONE}


def above(mark: str) -> int:
    """Bytes free above a mark."""
    return sum((pages["free"] - pages[mark]) * PAGE for pages in zones().values())


def large() -> int:
    """Bytes free in large blocks."""
    total, counted = 0, zones()
    for line in text("/proc/buddyinfo").splitlines():
        _node, number, _zone, name, *free = line.split()
        if f"{number} zone {name}" in counted:
            total += sum(int(count) * PAGE << order for order, count in enumerate(free) if order >= LARGE)
    return total


def available() -> int:
    return int(re.findall(r"(?m)^MemAvailable:\s+(\d+) kB$", text("/proc/meminfo"))[0]) * 1024


class Filler:
    """A program that takes memory when it is told to, and keeps it; its data compress to a third."""

    def __init__(self) -> None:
        orders, self.orders = os.pipe()
        self.answers, answers = os.pipe()
        self.process = os.fork()
        if not self.process:
            try:
                os.close(self.orders)
                os.close(self.answers)
                self._work(orders, answers)
            finally:
                os._exit(0)
        os.close(orders)
        os.close(answers)

    @staticmethod
    def _work(orders: int, answers: int) -> None:
        held, pattern = [], b"".join(os.urandom(PAGE // 3) + bytes(PAGE - PAGE // 3) for _each in range(256))
        while True:
            order = os.read(orders, 8)
            if not order:
                return
            for _each in range(int.from_bytes(order, "big") // len(pattern)):
                held.append(
                    mmap.mmap(-1, len(pattern), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
                )
                held[-1].write(pattern)
            os.write(answers, b".")

    def take(self, size: int) -> None:
        os.write(self.orders, max(0, size).to_bytes(8, "big"))
        if not os.read(self.answers, 1):
            sys.exit("the program that fills memory was killed")

    def end(self) -> None:
        os.close(self.orders)
        os.close(self.answers)
        os.waitpid(self.process, 0)


def swap_on() -> None:
    """As role zram has it, and its settings for all turns alike."""
    commands = (
        "modprobe zram; echo zstd > /sys/block/zram0/comp_algorithm",
        "cat /proc/meminfo | awk '/MemTotal/ {print $2 \"K\"}' > /sys/block/zram0/disksize",
        "mkswap -q /dev/zram0 && swapon -p 100 /dev/zram0",
        "echo 180 > /proc/sys/vm/swappiness; echo 0 > /proc/sys/vm/page-cluster",
    )
    for command in commands:
        subprocess.run(command, shell=True, check=True)


def read_on() -> int:
    """Reads a file again and again in the background, at a rate; its process."""
    with open(FILE, "wb") as file:
        file.truncate(FILE_SIZE)
    process = os.fork()
    if process:
        return process
    fd, buffer, offset, due = os.open(FILE, os.O_RDONLY), bytearray(STEP), 0, time.monotonic()
    try:
        while os.getppid() != 1:
            os.preadv(fd, [buffer], offset)
            offset = (offset + STEP) % FILE_SIZE
            due = max(due + STEP / RATE, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
    finally:
        os._exit(0)


def settle(filler: Filler) -> None:
    """Returns when memory is as full as it gets: the background reclaim has worked, and is at rest."""
    filler.take(available() - LEAVE if available() > LEAVE + SLACK else 0)
    end = time.monotonic() + SETTLE
    while time.monotonic() < end:
        if above("high") > SLACK:
            filler.take(above("high"))
        elif above("low") >= 0 and above("high") <= 0:
            break
        time.sleep(0.1)
    # Anywhere between waking up and going to sleep, as when nobody planned the burst.
    time.sleep(random.uniform(0.1, 0.8))


def pages(share: int) -> list[float]:
    """Allocates so many bytes; seconds that each step took."""
    held, pauses = [], []
    for _each in range(share // STEP):
        began = time.perf_counter()
        held.append(mmap.mmap(-1, STEP, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
        pauses.append(time.perf_counter() - began)
    return pauses


def order_3(share: int) -> list[float]:
    """The same in pieces of 32 KiB; a piece that the kernel does not have is -1."""
    pauses = []
    for _each in range(share // (8 * PAGE)):
        ends = os.pipe()
        began = time.perf_counter()
        try:
            fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, PIPE_SIZE)
            pauses.append(time.perf_counter() - began)
        except OSError:
            pauses.append(-1.0)
    return pauses


def burst(allocate: Callable[[int], list[float]], size: int) -> dict[str, Any]:
    """Programs that share so many bytes; what happened until the last of them had its own."""
    blocks, before, ends = large(), counters(), []
    for _each in range(PROGRAMS):
        reading, writing = os.pipe()
        if not os.fork():
            try:
                os.write(writing, json.dumps(allocate(size // PROGRAMS)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        ends.append(reading)
    pauses: list[float] = []
    for reading in ends:
        with open(reading, "rb") as file:
            pauses += json.loads(file.read())
    happened = {name: value - before[name] for name, value in counters().items()}
    for _each in ends:
        os.wait()
    done = [pause for pause in pauses if pause >= 0]
    return {**happened, "large": blocks, "pauses": done, "lost": len(pauses) - len(done)}


def fragment() -> list[tuple[int, int]]:
    """Leaves free pages, and pages that cannot be moved between them: half of a great many pipes are given up.

    The pipes get their pages in turns, since a pipe's own would lie side by side, and leave large blocks with it.
    """
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    held = [os.pipe() for _each in range(PIPES)]
    for _round in range(PIPE_PAGES):
        for ends in held:
            os.write(ends[1], b"x" * PAGE)
    for ends in held[::2]:
        os.close(ends[0])
        os.close(ends[1])
    return held[1::2]


def turn(asked: dict[str, Any], names: list[str], allocate: Callable[[int], list[float]]) -> None:
    """Each configuration once, each size of burst once; each begins with memory filled anew, and nothing swapped."""
    for name in names:
        filler = Filler()
        filler.take(available() - 2 * LEAVE)
        for path, value in asked["configurations"][name].items():
            with open(path, "w") as file:
                file.write(value)
        for size in random.sample(asked["bursts"], len(asked["bursts"])):
            settle(filler)
            found = burst(allocate, size * MIB)
            print(json.dumps({"configuration": name, "burst": size, **found}), flush=True)
        filler.end()


def main() -> None:
    asked = json.load(sys.stdin)
    allocate = {"pages": pages, "order-3": order_3}[asked["kind"]]
    swap_on()
    reader = read_on()
    try:
        held = fragment() if allocate is order_3 else []
        names = list(asked["configurations"])
        began = longest = 0.0
        for number in range(asked["rounds"]):
            now = time.monotonic()
            began = began or now
            if now - began + longest > asked["seconds"]:
                break
            # Each goes first as often as the others.
            first = number % len(names)
            turn(asked, names[first:] + names[:first], allocate)
            longest = max(longest, time.monotonic() - now)
        del held
    finally:
        os.kill(reader, 9)


if __name__ == "__main__":
    main()
