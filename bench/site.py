# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""site.yml against the neighbours' way, and against the least that Ansible can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.figures import Chapter, Figure
from bench.machine import Bench

ROUNDS = 3
AGAIN = 2  # converged runs in a round
OURS, THEIRS = "highwater.memory.site", str(Path(__file__).with_name("neighbours.yml"))

TITLE = "site.yml against the neighbours' way"
TEXT = """\
The neighbours' way is
[bench/neighbours.yml](https://github.com/highwater/memory/blob/main/bench/neighbours.yml):
a swapfile of 512 MiB by `dd`, `mkswap`, `swapon` and `ansible.posix.mount`; zram by `community.general.modprobe` and a
unit; ten settings by `ansible.posix.sysctl` in a loop; facts gathered, as published roles need them. `site.yml` has
its default variables: zram, a swapfile as large as the memory, the settings of its profiles. No packages are installed
by either side.

Same controller, same machine, same user (root), pipelining and one lasting ssh connection for both. Each round begins
on the machine as new and runs a side once, then again on what it has made; a run that changes something then is an
error."""


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    seconds: dict[str, list[float]] = defaultdict(list)

    def note(what: str, took: float) -> None:
        seconds[what].append(took)
        say(f"{what}: {took:.2f} s")

    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        bench.reset()
        note("site.yml, first", bench.play(OURS))
        for _again in range(AGAIN):
            note("ping", bench.ping())
            note("site.yml, converged", bench.play(OURS, converged=True))
        bench.reset()
        note("neighbours, first", bench.play(THEIRS))
        note("neighbours, converged", bench.play(THEIRS, converged=True))

    def figure(ours: str, theirs: str, at_most: float) -> Figure:
        return Figure(ours, theirs, tuple(seconds[ours]), tuple(seconds[theirs]), at_most)

    return Chapter(
        TITLE,
        TEXT,
        (
            figure("site.yml, converged", "neighbours, converged", 0.17),
            figure("site.yml, first", "neighbours, first", 0.25),
            figure("site.yml, converged", "ping", 3.5),
        ),
    )
