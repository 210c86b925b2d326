# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs that are stopped by SIGTERM, SIGINT or SIGHUP at random moments: guest/swapfile_killed.py.

Fails where anything of a run that was stopped is left, in the kernel, fstab, the folder or our record, where swap that
was on is off, or where the next run does not converge.
"""

from __future__ import annotations

import json
import os

from guest_code import install
from harness import Machine

TURNS = 6  # a round: as many first runs as resizes


def test_stopped_at_random_moments(machine: Machine, rounds: int) -> None:
    seed = os.environ["HIGHWATER_SEED"]
    print(f"seed {seed}")
    folder = install(machine, "swapfile_killed.py", "swapfile_states.py", "swapfile_cases.py", "swapfile_pages.py")
    command = f"cd {folder} && python3 swapfile_killed.py {seed} {rounds * TURNS} TERM INT HUP"
    done = machine.attempt(command, timeout=600 + 120 * rounds)
    assert done.code in (0, 1), f"it ended with {done.code}: {done.err}"
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert {line["case"]: line["wrong"] for line in lines if line["wrong"]} == {}
    assert len(lines) == rounds * TURNS
    assert any(line["ended"] for line in lines), "no run was stopped"
