# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""zram_device stopped after each of its steps, and run again: guest/zram_crash.py, on a machine of its own.

Fails where a second run does not end with the swap that was asked for in /proc/swaps and nothing else, where a page of
a program in that swap has changed, where a case is not run, or where a process had to die for want of memory.
"""

from __future__ import annotations

import itertools
import json

import pytest
from guest_code import install
from harness import Machine

SCENARIOS = ("fresh", "resized", "absent", "resized by temporary", "algorithm by temporary", "priority by temporary")
SAMPLE = ("fresh", "absent", "algorithm by temporary")  # for a short series


@pytest.mark.machine(memory=512)
def test_stopped_after_each_step(machine: Machine, rounds: int) -> None:
    folder = install(machine, "zram_crash.py")
    chosen = SAMPLE if rounds <= len(SAMPLE) else SCENARIOS
    words = " ".join(f"'{scenario}'" for scenario in chosen)
    told = machine.shell(f"python3 {folder}/zram_crash.py {folder} zram0 {words}", timeout=900)
    check_cases(told, chosen)
    assert machine.shell("sed -n 's/^oom_kill //p' /proc/vmstat").strip() == "0"


def check_cases(told: str, chosen: tuple[str, ...]) -> None:
    """What the script has told: nothing is wrong after any step, and each step was there."""
    cases = [json.loads(line) for line in told.splitlines()]
    wrong = [case for case in cases if case["wrong"]]
    assert not wrong, "\n".join(f"{case}" for case in wrong)
    assert tuple(dict.fromkeys(case["scenario"] for case in cases)) == chosen
    for scenario, found in itertools.groupby(cases, key=lambda case: case["scenario"]):
        steps = list(found)
        assert [case["steps"] for case in steps] == list(range(steps[0]["of"] + 1)), scenario
        assert any("temporary" in case["next"] for case in steps) == ("temporary" in scenario), scenario
