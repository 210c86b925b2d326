# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Playbook emergency_swap on a machine of 512 MiB whose memory is nearly gone, with a second one that is only next.

Fails where the kernel's OOM killer comes even once (/proc/vmstat) or a page is not what was written, where the second
machine is touched or not called next, where what would not fit is swapped off, or where anything is left: after it was
taken back, and after a reboot.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, Played
from programs import Programs, kills, number

from lab.images import Shape

PLAYBOOK = "highwater.memory.emergency_swap"
FILE = "/highwater-emergency.swap"
LEFT, NEXT = 36, 70  # MiB of memory that are available: below a tenth of RAM, and below two
PROGRAM = 8  # MiB that the program takes itself
MORE = 160  # MiB that nobody would get without swap
SLOW = 600.0  # seconds for a playbook on a machine that has to look for each page, emulated

pytestmark = pytest.mark.machine(memory=512)


@pytest.fixture
def neighbour(machine: Machine, machines: dict[str, Machine]) -> Iterator[Machine]:
    """A second machine, taken down with the first."""
    name = machine.name + "-2"
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        machines[name] = it = Machine(name, "trixie", Shape(memory=512), Path(folder))
        it.pristine()
        yield it
        it.down()
        del machines[name]


def leave(machine: Machine, mib: int) -> Programs:
    """Has a program hold so much, and hardly look at it, that only some MiB are available."""
    programs = Programs(machine)
    programs.start(number(machine, "MemAvailable") - mib - PROGRAM, "pages-1")
    left = number(machine, "MemAvailable")
    assert abs(left - mib) < 12, f"{left} MiB are available instead of {mib}"
    return programs


def swaps(machine: Machine) -> list[str]:
    return [line.split()[0] for line in machine.shell("cat /proc/swaps").splitlines()[1:]]


def traces(machine: Machine) -> list[str]:
    """All that it may leave: the swapfile, its drafts, the note, the list, the record."""
    places = "/highwater* /.highwater* /run/motd.d/* /etc/tmpfiles.d/highwater* /var/lib/highwater/memory/*/*"
    return machine.shell(f"ls -d {places} 2>/dev/null; true").split()


def play(machine: Machine, *arguments: str) -> Played:
    """What is printed is what docs/memory_is_going.md shows."""
    played = machine.play(PLAYBOOK, *arguments, timeout=SLOW)
    print(played.output)
    return played


def row(played: Played, machine: Machine) -> str:
    """What the table says of a host, behind its figures."""
    lines = [line for line in played.output.splitlines() if re.match(rf'\s*"{machine.name}\s', line)]
    assert len(lines) == 1, played.output
    return lines[0].partition(" on /")[2].strip(' ",')


def test_swap_for_the_night(machine: Machine, neighbour: Machine) -> None:
    everybody = ("-i", str(neighbour.inventory))
    programs = leave(machine, LEFT)
    leave(neighbour, NEXT)

    checked = play(machine, "--check", *everybody)
    assert swaps(machine) == traces(machine) == []
    assert row(checked, machine) == "needed"

    done = play(machine, *everybody)
    assert (row(done, machine), row(done, neighbour)) == ("needed", "next")
    assert swaps(machine) == [FILE]
    assert swaps(neighbour) == traces(neighbour) == []
    assert kills(machine) == kills(neighbour) == 0
    assert "emergency_swap_state=absent" in done.output
    assert "emergency_swap_state=absent" in (machine.read("/run/motd.d/highwater-emergency-swap") or "")
    assert machine.shell(f"stat -c '%a %U' {FILE}").split() == ["600", "root"]

    again = play(machine, *everybody)
    assert again.changed == 0
    assert row(again, machine) == "is on"

    # It is of use: what nobody would have got is there. (What is held is compared once it fits again: two programs
    # that read all of theirs where it does not fit keep an emulated machine busy for minutes.)
    programs.start(MORE, "pages-2")
    assert kills(machine) == 0
    assert number(machine, "SwapTotal") - number(machine, "SwapFree") > MORE // 2

    # In the morning, too early: refused with figures, and nothing has changed.
    early = attempt(machine, "-e", "emergency_swap_state=absent")
    assert re.search(rf"swapping off {FILE} would bring [\d.]+ MiB back and leave .* headroom: 128 MiB", early)
    assert swaps(machine) == [FILE]
    programs.stop("pages-2")
    programs.check(1)
    programs.stop("pages-1")

    late = play(machine, "-e", "emergency_swap_state=absent", *everybody)
    assert row(late, machine) == "to be taken back"
    assert swaps(machine) == traces(machine) == []
    assert kills(machine) == 0
    assert play(machine, "-e", "emergency_swap_state=absent", *everybody).changed == 0


def attempt(machine: Machine, *arguments: str) -> str:
    """The playbook where it has to fail: what it printed."""
    with pytest.raises(AssertionError) as caught:
        play(machine, *arguments)
    return " ".join(str(caught.value).split())


def test_it_is_used_after_the_swap_that_is_there(machine: Machine) -> None:
    """One of the usual kind, to which nobody gave a priority: the kernel counts these down from below 0."""
    machine.shell(
        "fallocate -l 64M /usual.swap && chmod 600 /usual.swap && mkswap -q /usual.swap && swapon /usual.swap"
    )
    machine.module("highwater.memory.emergency_swap", only_below="100%", size="256MiB")
    lines = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    priorities = {line[0]: int(line[-1]) for line in lines}
    assert priorities[FILE] < priorities["/usual.swap"]
    machine.module("highwater.memory.emergency_swap", state="absent")
    machine.shell("swapoff /usual.swap && rm /usual.swap")
    assert traces(machine) == []


def test_the_next_boot_leaves_nothing(machine: Machine) -> None:
    done = machine.module("highwater.memory.emergency_swap", only_below="100%", size="256MiB")
    assert done["changed"]
    assert swaps(machine) == [FILE]
    machine.reboot()
    assert swaps(machine) == traces(machine) == []
    assert machine.shell("systemctl is-system-running").strip() == "running"


def test_what_was_done_by_hand_is_done(machine: Machine) -> None:
    """The commands that it names leave nothing of use behind, and the next run nothing at all."""
    options: dict[str, Any] = {"only_below": "100%", "size": "256MiB"}
    done = machine.module("highwater.memory.emergency_swap", **options)
    machine.shell(" && ".join(done["take_back"]))
    assert swaps(machine) == []
    assert [trace for trace in traces(machine) if not trace.startswith("/var/lib/highwater/")] == []
    machine.module("highwater.memory.emergency_swap", state="absent")
    assert traces(machine) == []
