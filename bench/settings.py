# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Ten settings: one call of vm_sysctl against ansible.posix.sysctl in a loop."""

from __future__ import annotations

from collections.abc import Callable

from bench.figures import Chapter, Figure
from bench.machine import Bench

ROUNDS = 5
AT_MOST = 0.15
OURS, THEIRS = "bench/settings_ours.yml", "bench/settings_neighbours.yml"

TITLE = "Ten vm settings"
TEXT = "A playbook of one task, without facts: on a machine as new, and once more with nothing to do."


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    runs: dict[str, dict[str, list[float]]] = {which: {OURS: [], THEIRS: []} for which in ("first", "second")}
    for number in range(1, ROUNDS + 1):
        for playbook in (OURS, THEIRS):
            bench.reset()
            runs["first"][playbook].append(bench.play(playbook))
            runs["second"][playbook].append(bench.play(playbook, converged=True))
            told = ", ".join(f"{which} run {times[playbook][-1]:.2f} s" for which, times in runs.items())
            say(f"round {number} of {ROUNDS}: {playbook}: {told}")

    def figure(which: str) -> Figure:
        ours, theirs = (tuple(runs[which][playbook]) for playbook in (OURS, THEIRS))
        return Figure(f"vm_sysctl, {which} run", "ansible.posix.sysctl in a loop", ours, theirs, AT_MOST)

    return Chapter(TITLE, TEXT, tuple(map(figure, runs)))
