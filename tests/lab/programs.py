# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Programs in a machine that fill its memory and then only wait, and what the kernel says of it.

Where a program is to go on using what it holds, see holding.py.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from harness import Machine

PAGES = Path(__file__).parent / "guest" / "pages.py"
FOLDER = "/run/pages"
LIVES = 3  # programs
CHECKED = 600.0  # seconds in which they have read all that they hold, from a swapfile, on a machine that is emulated


class Programs:
    """Programs that hold memory on a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.questions = itertools.count(1)
        machine.shell(f"mkdir {FOLDER}")
        machine.put("/root/pages.py", PAGES.read_text())

    def start(self, mib: int, unit: str, *properties: str, ratio: int = 3) -> None:
        """One more, which has filled its memory when this returns."""
        self.machine.spawn(unit, f"python3 /root/pages.py {FOLDER} {mib} {ratio}", *properties)
        self.machine.until(
            lambda: self.machine.shell(f"systemctl is-active {unit}; ls {FOLDER}").count(".ready") >= self.count(),
            300,
            f"{unit} filling {mib} MiB",
        )

    def stop(self, unit: str) -> None:
        """One less."""
        pid = self.machine.shell(f"systemctl show -P MainPID {unit}").strip()
        self.machine.shell(f"systemctl stop {unit}; rm {FOLDER}/{pid}.*")

    def count(self) -> int:
        return int(self.machine.shell("systemctl list-units --no-legend --state=running 'pages-*' | wc -l"))

    def fill(self, mib: int) -> None:
        """So much in all, by several programs."""
        for number in range(1, LIVES + 1):
            self.start(mib // LIVES, f"pages-{number}")

    def check(self, lives: int = LIVES) -> None:
        """All of them live, and none of their pages has changed."""
        question = f"question-{next(self.questions)}"
        self.machine.put(f"{FOLDER}/check", question)
        count = f"cat {FOLDER}/*.checked | grep -c '^{question} '"
        self.machine.until(lambda: self.machine.attempt(count).out.strip() == str(lives), CHECKED, f"{lives} answers")
        assert self.machine.shell(f"cat {FOLDER}/*.checked").splitlines() == [f"{question} 0"] * lives


def kills(machine: Machine) -> int:
    return int(machine.shell("sed -n 's/^oom_kill //p' /proc/vmstat"))


def number(machine: Machine, name: str) -> int:
    """A line of meminfo, in MiB."""
    return int(machine.shell(f"sed -n 's/^{name}: *//p' /proc/meminfo").split()[0]) // 1024
