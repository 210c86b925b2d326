# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Convergence from every state on each filesystem, all that is refused, and steps that fail: guest/swapfile_*.py, run
on machines of their own.

Fails where a state is not converged from, where check mode or a second run changes something, where a case is not run,
or where giving all back, or a step that fails, does not give what was there.
"""

from __future__ import annotations

import json

import pytest
from guest_code import install
from harness import Machine

SCRIPTS = (
    "swapfile_states.py",
    "swapfile_cases.py",
    "swapfile_refusals.py",
    "swapfile_faults.py",
    "swapfile_pages.py",
)
FILESYSTEMS = ("ext4", "xfs", "btrfs")
STATES, REFUSALS, FAULTS = 45, 50, 35  # at least


def examined(machine: Machine, script: str) -> dict[str, list[str]]:
    """What is wrong, by case."""
    folder = install(machine, *SCRIPTS)
    done = machine.attempt(f"cd {folder} && python3 {script}", timeout=900)
    lines = [json.loads(line) for line in done.out.splitlines()]
    # An error of the script itself ends it with 1 too, in the middle.
    assert done.code == int(any(line["wrong"] for line in lines)), f"{script} ended with {done.code}: {done.err}"
    return {line["case"]: line["wrong"] for line in lines}


@pytest.mark.parametrize("filesystem", FILESYSTEMS)
def test_converges_from_every_state(machine: Machine, filesystem: str) -> None:
    found = examined(machine, f"swapfile_states.py --filesystem {filesystem}")
    assert len(found) >= STATES
    assert {case: wrong for case, wrong in found.items() if wrong} == {}


def test_refuses_and_leaves_all_as_it_was(machine: Machine) -> None:
    found = examined(machine, "swapfile_refusals.py")
    assert len(found) >= REFUSALS
    assert "the file to resume from" in found
    assert {case: wrong for case, wrong in found.items() if wrong} == {}


def test_a_step_that_fails_is_taken_back_with_all_before_it(machine: Machine) -> None:
    found = examined(machine, "swapfile_faults.py")
    assert len(found) >= FAULTS
    assert {case: wrong for case, wrong in found.items() if wrong} == {}
