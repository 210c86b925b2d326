# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs that are killed at random moments, on a machine that goes on: guest/swapfile_killed.py.

Fails where the next run does not converge, leaves something of the killed one, or where a page in swap is lost. What
the killed run has begun may go on meanwhile (a swapoff), which a power cut does not show.
"""

from __future__ import annotations

import json
import os

from guest_code import install
from harness import Machine

TURNS = 8  # a round: as many first runs as resizes


def test_killed_at_random_moments(machine: Machine, rounds: int) -> None:
    seed = os.environ["HIGHWATER_SEED"]
    print(f"seed {seed}")
    folder = install(machine, "swapfile_killed.py", "swapfile_states.py", "swapfile_cases.py", "swapfile_pages.py")
    command = f"cd {folder} && python3 swapfile_killed.py {seed} {rounds * TURNS}"
    done = machine.attempt(command, timeout=600 + 120 * rounds)
    assert done.code in (0, 1), f"it ended with {done.code}: {done.err}"
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert {line["case"]: line["wrong"] for line in lines if line["wrong"]} == {}
    assert len(lines) == rounds * TURNS
    assert any(line["left"] not in ([], ["file"]) for line in lines), "no run was killed at its work"
