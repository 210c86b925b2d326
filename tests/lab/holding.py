# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A program in a machine that holds memory, and says whether what it holds is still what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from harness import Machine

PROGRAM = (Path(__file__).parent / "guest" / "hold_memory.py").read_text(encoding="utf-8")
UNIT = "hold"


class Held(NamedTuple):
    """Rounds through all that is held, MiB that are, and pages that were not as they had been written."""

    rounds: int
    mib: int
    wrong: int


def hold(machine: Machine, asked: str, *properties: str) -> None:
    """Starts it, as hold_memory.py says, and waits until it has been through all of it once."""
    machine.put("/root/hold_memory.py", PROGRAM)
    machine.spawn(UNIT, f"python3 /root/hold_memory.py {asked}", *properties)
    machine.until(lambda: machine.read("/run/held"), 240, "the memory's being held")


def held(machine: Machine) -> Held:
    """What it last said; fails where it does not run any more."""
    machine.shell(f"systemctl is-active {UNIT}")
    return Held(*map(int, (machine.read("/run/held") or "0 0 0").split()))


def held_after_a_round(machine: Machine) -> Held:
    """What it says of all that it holds from now on: two rounds, since one may have begun before."""
    before = held(machine).rounds
    machine.until(lambda: held(machine).rounds >= before + 2, 240, "another round through the memory")
    return held(machine)
