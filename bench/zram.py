# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""How much memory a program can fill, with zram and without."""

from __future__ import annotations

import concurrent.futures
import json
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.figures import Chapter, Figure
from bench.machine import NAME, Bench
from demo.remote import ask
from lab import machine
from lab.errors import LabError
from lab.images import Shape
from lab.machine import Machine

ROUNDS = 5
AT_ONCE = 2  # machines
SHAPE = Shape(memory=768)  # less than for the other chapters: all of it is compressed several times over
RATIOS = (3, 2, 1)  # to 1: how well the pages compress
KINDS = (*RATIOS, 0)  # without swap for 0; what takes longest first, so that all machines end at about the same time
AT_LEAST = 0.9  # of what device, compression and memory allow
NEVER_BELOW = 0.95  # of no swap
STEP = 16  # MiB, in which guest.py fills
TRIES = 8
MINUTES = 150  # after which the whole of it is given up
STALLED = 45  # seconds; a program that goes on by less than STEP in these is not going to get through

TITLE = "Memory that a program can fill, with zram and without"
TEXT = """\
A program fills memory with pages that are all different, none of them zeros, then goes through all of them again and
finds each as it was written; the figure is the largest amount that it got through with, in steps of {step} MiB. It
starts with what the kernel let it fill before the OOM killer came or less than {step} MiB went on in {stalled} s, and
tries less where it does not get through; later rounds start with what the first has found. The machines of this chapter
have {memory} MiB.

With zram: twice the RAM, zstd, by `zram_device`, and the settings of `vm_tuning`'s profiles. R is what fits without
swap, D the size of the device, c how the pages compress by `mm_stat` (original by compressed size), all measured.

Two things bound what can be filled. The device: with it full to its end, R + D · (1 - 1/c). And memory: even if all of
it held nothing but compressed pages, c · R. The first is out of reach where D is more than c · R, for then memory is
full before the device is. So what is asked for is {at_least:g} of the smaller of the two; the first is shown as well
where it is not the smaller.

{measured}"""

ZRAM = {"size": "ram * 2", "algorithm": ["zstd"]}
TUNING = json.dumps(
    [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.import_role": {"name": "highwater.memory.vm_tuning"}}],
        }
    ]
)


def machine_for(ratio: int) -> str:
    return f"{NAME}-{ratio}"


MACHINES = tuple(map(machine_for, KINDS))


class Filled(NamedTuple):
    """MiB; compression by mm_stat at the fullest moment, 1 where there is no zram."""

    mib: int
    compression: float
    size: int


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    """Two kinds at a time, one for each processor: what is measured is an amount, which no neighbour changes."""
    say(f"{ROUNDS} fills without swap and as many for each of {len(RATIOS)} kinds of pages, {AT_ONCE} at a time")
    over, end = threading.Event(), time.monotonic() + MINUTES * 60

    def one(ratio: int) -> list[Filled]:
        mine = Bench(bench.folder / machine_for(ratio), machine_for(ratio))
        mine.folder.mkdir()
        try:
            return series(mine, ratio, over, end, say)
        except BaseException:
            over.set()
            raise

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(KINDS, pool.map(one, KINDS), strict=True))
    return Chapter(TITLE, text(found), figures(found))


def series(bench: Bench, ratio: int, over: threading.Event, end: float, say: Callable[[str], None]) -> list[Filled]:
    """All fills with pages that compress so well, without swap for 0; fewer where another series has failed."""
    found: list[Filled] = []
    for number in range(1, ROUNDS + 1):
        if over.is_set():
            return found
        if time.monotonic() > end:
            raise LabError(f"not through after {MINUTES} minutes, in round {number} of {ROUNDS}")
        it = with_zram(bench) if ratio else bench.reset(SHAPE)
        found.append(fill(it, ratio or RATIOS[0], found))
        kind = f"with zram, pages compress {found[-1].compression:.2f} to 1" if ratio else "without swap"
        say(f"round {number} of {ROUNDS}: {found[-1].mib} MiB {kind}")
    machine.down(bench.name)  # or what comes after would have it beside it
    return found


def text(found: dict[int, list[Filled]]) -> str:
    compressions = [statistics.median(one.compression for one in found[ratio]) for ratio in RATIOS]
    *others, last = [f"{compression:.2f}" for compression in compressions]
    measured = (
        f"Medians: R is {fits(found):.0f} MiB, D {found[RATIOS[0]][0].size} MiB, c {', '.join(others)} and {last}."
    )
    return TEXT.format(step=STEP, stalled=STALLED, memory=SHAPE.memory, at_least=AT_LEAST, measured=measured)


def fits(found: dict[int, list[Filled]]) -> float:
    """MiB without swap."""
    return statistics.median(one.mib for one in found[0])


def with_zram(bench: Bench) -> Machine:
    """The machine as new, with zram and the settings for it."""
    it = bench.reset(SHAPE)
    bench.adhoc("highwater.memory.zram_device", json.dumps(ZRAM))
    playbook = bench.folder / "tuning.yml"
    playbook.write_text(TUNING)
    bench.play(str(playbook))
    return it


def fill(it: Machine, ratio: int, before: list[Filled]) -> Filled:
    """The largest amount that a program fills and then finds whole; no more than in the rounds before."""
    mib = max(one.mib for one in before) if before else most(it, ratio)
    first = mib
    for _try in range(TRIES):
        last = ask(it, f"fill {ratio} {mib} {STALLED}", lambda line: None)
        if last["end"] == "whole":
            return filled(mib, last)
        if last["end"] == "wrong":
            raise LabError(f"of {mib} MiB in {it.name}, not all came back as they were")
        mib -= STEP
    raise LabError(f"not even {mib + STEP} MiB in {it.name} could be gone through, of {first} filled")


def most(it: Machine, ratio: int) -> int:
    """MiB that a program fills before it is ended, in whole steps."""
    last = ask(it, f"fill {ratio} 0 {STALLED}", lambda line: None)
    return int(last["filled"]) // 2**20 // STEP * STEP


def filled(mib: int, last: dict[str, Any]) -> Filled:
    devices = last["fullest"]["zram"]
    if not devices:
        return Filled(mib, 1.0, 0)
    device = devices[0]
    compressed = device["compr_data_size"]
    compression = device["orig_data_size"] / compressed if compressed else 1.0
    return Filled(mib, compression, device["size"] >> 20)


def figures(found: dict[int, list[Filled]]) -> list[Figure]:
    rows = []
    for ratio in RATIOS:
        ours = tuple(float(one.mib) for one in found[ratio])
        name = f"zram, pages {ratio}:1"
        by_device = tuple(fits(found) + one.size * (1 - 1 / max(1.0, one.compression)) for one in found[ratio])
        by_memory = tuple(fits(found) * max(1.0, one.compression) for one in found[ratio])
        if statistics.median(by_device) <= statistics.median(by_memory):
            rows.append(Figure(name, f"R + D · (1 - 1/c), {ratio}:1", ours, by_device, at_least=AT_LEAST, unit="MiB"))
        else:
            rows.append(Figure(name, f"c · R, {ratio}:1", ours, by_memory, at_least=AT_LEAST, unit="MiB"))
            rows.append(Figure(name, f"R + D · (1 - 1/c), {ratio}:1", ours, by_device, unit="MiB"))
        without = tuple(float(one.mib) for one in found[0])
        rows.append(Figure(name, "no swap", ours, without, at_least=NEVER_BELOW, unit="MiB"))
    return rows
