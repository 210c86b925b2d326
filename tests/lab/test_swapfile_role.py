# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Several swapfiles by role swapfile: new ones on before old ones off, those that are not listed left alone; and one
for tonight that is taken back by hand.

Fails where check mode changes a fresh host, where there is less swap in between than before or after, where a second
run changes something, or where anything is left in the end.
"""

from __future__ import annotations

import json
import re
from typing import Any

from harness import Machine, Played
from watching import never_less_swap

ROLE = """
- hosts: all
  gather_facts: false
  roles: [highwater.memory.swapfile]
"""
ONE = {"path": "/swap/one", "size": "64MiB", "priority": 5}
TWO = {"path": "/swap/two", "size": "48MiB", "keep_free": "64MiB"}
THREE = {"path": "/swap/3 of them", "size": "32MiB", "priority": 7, "nofail": False}


def role(machine: Machine, *arguments: str, files: Any = (), **variables: Any) -> Played:
    variables = {"swapfile_files": files, "swapfile_on_unsupported": "fail", **variables}
    return machine.play(ROLE, "-e", json.dumps(variables), *arguments)


def on(machine: Machine) -> dict[str, tuple[int, int]]:
    """Of what is on: size in KiB with the header's page, and priority (-1: the kernel's)."""
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    return {row[0].replace("\\040", " "): (int(row[2]) + 4, max(int(row[4]), -1)) for row in rows}


def files(machine: Machine) -> list[str]:
    return machine.shell("find /swap -type f -printf '%P %m %u:%g %s\\n' 2>/dev/null | sort").splitlines()


def left(machine: Machine) -> list[str]:
    """What there is of ours on the disk, beside lines of files."""
    return machine.attempt("find /swap /var/lib/highwater; ls -A /etc | grep highwater").out.splitlines()


def lines(machine: Machine) -> list[str]:
    return [line for line in (machine.read("/etc/fstab") or "").splitlines() if "/swap/" in line]


def test_several_files(machine: Machine) -> None:
    fstab = machine.read("/etc/fstab")
    told = role(machine, "--check", "--diff", files=[ONE, TWO])
    assert told.changed > 0
    assert re.search(r"^\+.*/swap/one none swap sw,pri=5,nofail 0 0", told.output, re.MULTILINE), told.output
    assert (on(machine), machine.read("/etc/fstab")) == ({}, fstab)
    assert left(machine) == []

    assert role(machine, files=[ONE, TWO]).changed > 0
    assert on(machine) == {"/swap/one": (64 << 10, 5), "/swap/two": (48 << 10, -1)}
    assert role(machine, files=[ONE, TWO]).changed == 0

    # The one that goes stands first in the list, and the second is not in it.
    change = [{"path": "/swap/one", "state": "absent"}, THREE]
    with never_less_swap(machine):
        assert role(machine, files=change).changed > 0
    assert on(machine) == {"/swap/two": (48 << 10, -1), "/swap/3 of them": (32 << 10, 7)}
    assert files(machine) == [f"3 of them 600 root:root {32 << 20}", f"two 600 root:root {48 << 20}"]
    assert lines(machine) == ["/swap/two none swap sw,nofail 0 0", "/swap/3\\040of\\040them none swap sw,pri=7 0 0"]
    assert role(machine, files=change).changed == 0

    assert role(machine, swapfile_state="absent").changed > 0
    assert (on(machine), machine.read("/etc/fstab")) == ({}, fstab)
    assert left(machine) == []


def test_one_for_tonight(machine: Machine) -> None:
    """The way back that the module returns is one: nothing of the file is left, and the next run begins anew."""
    options: dict[str, Any] = {"path": "/swap/for tonight", "size": "32MiB", "persistent": False}
    fstab = machine.read("/etc/fstab")
    done = machine.module("highwater.memory.swapfile", **options)
    assert on(machine) == {"/swap/for tonight": (32 << 10, -1)}
    assert machine.read("/etc/fstab") == fstab
    for command in done["take_back"]:
        machine.shell(command)
    assert (on(machine), files(machine)) == ({}, [])
    assert machine.module("highwater.memory.swapfile", **options)["changed"]
    assert on(machine) == {"/swap/for tonight": (32 << 10, -1)}
    machine.reboot()
    assert on(machine) == {}
    machine.module("highwater.memory.swapfile", path="all", state="absent")
    assert left(machine) == []
    assert machine.read("/etc/fstab") == fstab
