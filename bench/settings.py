# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Ten settings: one call of vm_sysctl against ansible.posix.sysctl in a loop."""

from __future__ import annotations

import collections
from collections.abc import Callable

from bench.figures import Chapter, Figure
from bench.machine import Bench

ROUNDS = 5
AT_MOST = 0.15
OURS, THEIRS = "bench/settings_ours.yml", "bench/settings_neighbours.yml"

TITLE = "Ten vm settings"
TEXT = """\
A playbook of one task, without facts: on a machine as new, and once more with nothing to do. What is wanted is of the
call and the loop, as `ansible.posix.profile_tasks` times them; the whole of `ansible-playbook`, which begins alike for
both, is shown as well."""
RUNS, PARTS = ("first", "second"), ("task", "playbook")


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    found: dict[tuple[str, str, str], list[float]] = collections.defaultdict(list)
    for number in range(1, ROUNDS + 1):
        for playbook in (OURS, THEIRS):
            bench.reset()
            told = []
            for run in RUNS:
                times = dict(zip(PARTS, bench.play_of_one_task(playbook, converged=run != RUNS[0]), strict=True))
                for part, seconds in times.items():
                    found[playbook, run, part].append(seconds)
                told.append("{} run {task:.2f} s of {playbook:.2f} s".format(run, **times))
            say(f"round {number} of {ROUNDS}: {playbook}: {', '.join(told)}")

    def figure(run: str, part: str) -> Figure:
        ours, theirs = (tuple(found[playbook, run, part]) for playbook in (OURS, THEIRS))
        most = AT_MOST if part == PARTS[0] else None
        return Figure(f"vm_sysctl, {run} run, {part}", f"ansible.posix.sysctl, {run} run, {part}", ours, theirs, most)

    return Chapter(TITLE, TEXT, tuple(figure(run, part) for run in RUNS for part in PARTS))
