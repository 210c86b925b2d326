# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs in a machine: zram_device is stopped after each of its steps, and a second run has to make all right.

    zram_crash.py COLLECTIONS NAME [SCENARIO …]

COLLECTIONS is a folder with ansible_collections in it, NAME the device (zram0). For each scenario (all by default) and
each k, a process of its own carries out the first k steps of the plan and is gone, as if it had been killed there; then
a whole run. A program's pages are in the device all the while. Prints a line of JSON for each k: what is wrong, if
anything.

What it looks at is /proc/swaps, /sys/block and the program's pages. It leaves the machine as it was.
"""

from __future__ import annotations

import contextlib
import glob
import json
import mmap
import os
import sys
import traceback
from typing import Any, Iterator

MIB = 1 << 20
PAGE = 4096
HELD = 24  # MiB that the program has in the device

BASE = {"size": "64MiB", "algorithm": ["lz4"], "priority": 32000}
# Headroom that no machine has makes the pages go by way of a temporary device.
FULL = {"headroom": "ram * 2"}
SCENARIOS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # what there is before, what is asked for
    "fresh": ({"state": "absent"}, BASE),
    "resized": (BASE, dict(BASE, size="96MiB")),
    "absent": (BASE, {"state": "absent"}),
    "resized by temporary": (BASE, dict(BASE, size="96MiB", **FULL)),
    "algorithm by temporary": (BASE, dict(BASE, algorithm=["lzo-rle", "zstd"], **FULL)),
    "priority by temporary": (BASE, dict(BASE, priority=31000, **FULL)),
}


class Pages:
    """Memory of which every page is different."""

    def __init__(self, mib: int) -> None:
        self.mib = mib
        self.area = mmap.mmap(-1, mib * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.random = os.urandom(PAGE // 4)
        for number in range(mib * MIB // PAGE):
            self.area[number * PAGE : (number + 1) * PAGE] = self.page(number)

    def page(self, number: int) -> bytes:
        return (b"%016d" % number + self.random).ljust(PAGE, b"\x5a")

    def out(self) -> None:
        """Asks the kernel to swap it out, madvise(2); 21 is MADV_PAGEOUT, of Linux 5.4."""
        self.area.madvise(21)

    def wrong(self) -> int:
        return sum(
            self.area[number * PAGE : (number + 1) * PAGE] != self.page(number)
            for number in range(self.mib * MIB // PAGE)
        )


def swaps() -> dict[str, tuple[int, int, int]]:
    """/proc/swaps by path: size and used in KiB, priority."""
    with open("/proc/swaps") as file:
        rows = [line.split() for line in file.read().splitlines()[1:]]
    return {row[0]: (int(row[2]), int(row[3]), int(row[4])) for row in rows}


def devices() -> set[str]:
    return {os.path.basename(path) for path in glob.glob("/sys/block/zram*")}


def text(path: str) -> str:
    with open(path) as file:
        return file.read()


class Zram:
    """The module, without Ansible around it."""

    def __init__(self, name: str) -> None:
        from ansible_collections.highwater.memory.plugins.module_utils.core import host, plan
        from ansible_collections.highwater.memory.plugins.module_utils.zram import arguments, resource

        self.name = name
        self.path = "/dev/" + name
        self.host, self.apply, self.resource = host.Host(), plan.apply, resource
        self.defaults = {key: option.get("default") for key, option in arguments.ARGUMENTS.items()}

    def params(self, options: dict[str, Any]) -> dict[str, Any]:
        return dict(self.defaults, name=self.name, persistent=False, **options)

    def plan(self, options: dict[str, Any]) -> Any:
        states = self.resource.observe(self.host, self.params(options))
        return self.resource.plan(self.resource.resolve(self.params(options), states), states)

    def run(self, options: dict[str, Any]) -> bool:
        """A whole run; whether it had anything to do."""
        with self.host.lock():
            plan = self.plan(options)
            self.apply(plan, self.host)
        return bool(plan)

    def stopped(self, options: dict[str, Any], steps: int) -> tuple[int, str]:
        """A run that is gone after so many steps; how many there would have been, and the first that was not taken."""
        with self.host.lock():
            plan = self.plan(options)
            child = os.fork()
            if not child:
                code = 1
                try:
                    self.apply(plan[:steps], self.host)
                    code = 0
                finally:
                    os._exit(code)
            if os.waitpid(child, 0)[1]:
                raise RuntimeError("the first %d steps failed" % steps)
        return len(plan), plan[steps].does if steps < len(plan) else "nothing"


@contextlib.contextmanager
def pages_in(zram: Zram) -> Iterator[Pages]:
    """A program's pages, swapped out to the device where it is on."""
    pages = Pages(HELD)
    try:
        pages.out()
        area = swaps().get(zram.path)
        if area and area[1] < HELD * 1024 // 2:
            raise RuntimeError("only %d KiB went to %s" % (area[1], zram.path))
        yield pages
    finally:
        pages.area.close()


def judge(zram: Zram, options: dict[str, Any], others: set[str], pages: Pages) -> list[str]:
    """What is not as it has to be."""
    wrong = []
    area, there = swaps().get(zram.path), devices() - others
    if options.get("state") == "absent":
        if area or there:
            wrong.append("still there: %s %s" % (area, sorted(there)))
    else:
        size = int(options["size"][: -len("MiB")]) * 1024 - PAGE // 1024
        if not area or (area[0], area[2]) != (size, options["priority"]):
            wrong.append("/proc/swaps says %s" % (area,))
        if there != {zram.name}:
            wrong.append("devices: %s" % sorted(there))
        if not any("[%s]" % name in text("/sys/block/%s/comp_algorithm" % zram.name) for name in options["algorithm"]):
            wrong.append("compressed by %s" % text("/sys/block/%s/comp_algorithm" % zram.name).strip())
    if glob.glob("/run/highwater-memory.%s.*" % zram.name):
        wrong.append("the note of a temporary device is still there")
    if pages.wrong():
        wrong.append("%d pages are wrong" % pages.wrong())
    if zram.run(options):
        wrong.append("a third run changed something")
    return wrong


def case(zram: Zram, before: dict[str, Any], options: dict[str, Any], steps: int) -> tuple[int, str, list[str]]:
    zram.run(before)
    others = devices() - {zram.name}
    with pages_in(zram) as pages:
        planned, next_step = zram.stopped(options, steps)
        try:
            zram.run(options)
            return planned, next_step, judge(zram, options, others, pages)
        except Exception:
            return planned, next_step, [traceback.format_exc()]


def main(collections: str, name: str, *chosen: str) -> None:
    sys.path.insert(0, collections)
    zram = Zram(name)
    try:
        for scenario in chosen or tuple(SCENARIOS):
            before, options = SCENARIOS[scenario]
            steps, planned = 0, 1
            while steps <= planned:
                planned, next_step, wrong = case(zram, before, options, steps)
                found = {"scenario": scenario, "steps": steps, "of": planned, "next": next_step, "wrong": wrong}
                print(json.dumps(found), flush=True)
                zram.run({"state": "absent"})
                steps += 1
    finally:
        zram.run({"state": "absent"})


if __name__ == "__main__":
    main(*sys.argv[1:])
