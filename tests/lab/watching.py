# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""How much swap a machine had at the least while something was done to it: asked of its kernel all the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness import Machine

UNIT = "watching"
LEAST = "/run/least-swap"
PROGRAM = f"""\
import re, time

least = None
while True:
    with open("/proc/meminfo") as meminfo:
        total = int(re.search(r"SwapTotal: *([0-9]+)", meminfo.read()).group(1))
    if least is None or total < least:
        least = total
        with open("{LEAST}", "w") as file:
            file.write(str(least))
    time.sleep(0.01)
"""


def swap_total(machine: Machine) -> int:
    """KiB."""
    return int(machine.shell("grep SwapTotal /proc/meminfo").split()[1])


@contextmanager
def never_less_swap(machine: Machine) -> Iterator[None]:
    """Fails where there is less swap at any moment than before and than after."""
    before = swap_total(machine)
    machine.put("/root/watching.py", PROGRAM)
    machine.spawn(UNIT, "python3 /root/watching.py")
    machine.until(lambda: machine.read(LEAST), 60, "the first look at swap")
    yield
    machine.shell(f"systemctl is-active {UNIT}")
    least = int(machine.shell(f"cat {LEAST}; systemctl stop {UNIT}; rm {LEAST}").split()[0])
    after = swap_total(machine)
    assert least >= min(before, after), f"{before} KiB of swap became {after}, and were {least} in between"
