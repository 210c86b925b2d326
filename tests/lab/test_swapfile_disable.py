# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The distribution's own swap, put away by role swapfile: Debian's real dphys-swapfile, an installer's file, a disk.

Fails where any of it comes back after a reboot, after its own service, or after its package is configured again; where
there is less swap in between than before and than after; or where it is not given back as it was.
"""

from __future__ import annotations

import json
from typing import Any

import debs
import pytest
from harness import Machine
from watching import never_less_swap

DPHYS, IMAGE, DISK, OURS = "/var/swap", "/swap.img", "/dev/vdb", "/swapfile"
VARIABLES = {
    "swapfile_size": "192MiB",
    "swapfile_disable": [DPHYS, IMAGE, DISK, "/nothing/of/it"],
    "swapfile_on_unsupported": "fail",
}
ROLE = """
- hosts: all
  gather_facts: false
  roles: [highwater.memory.swapfile]
"""


def role(machine: Machine, **variables: Any) -> int:
    """What the role changes."""
    return machine.play(ROLE, "-e", json.dumps({**VARIABLES, **variables})).changed


def site(machine: Machine) -> int:
    """What the playbook changes, which does the same in one call."""
    return machine.play("highwater.memory.site", "--tags", "swapfile", "-e", json.dumps(VARIABLES)).changed


def on(machine: Machine) -> dict[str, int]:
    """What is on, with its priority."""
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    return {row[0]: int(row[4]) for row in rows}


def header(machine: Machine, path: str) -> str:
    return machine.shell(f"blkid -p -o value -s UUID {path}")


@pytest.mark.machine(extra=1)
def test_a_device_that_is_given_up(machine: Machine) -> None:
    """By a name that is a link; the device itself stays, and nothing has it back."""
    machine.shell(f"mkswap {DISK} && swapon {DISK} && ln -s {DISK} /dev/theirs")
    uuid = header(machine, DISK)
    assert "use state: disabled" in machine.refused("highwater.memory.swapfile", path=DISK, state="absent")["msg"]
    assert machine.module("highwater.memory.swapfile", path="/dev/theirs", state="disabled")["changed"]
    assert on(machine) == {}
    assert machine.module("highwater.memory.swapfile", path="/dev/theirs", state="absent")["changed"]
    assert not machine.module("highwater.memory.swapfile", path="/dev/theirs", state="absent")["changed"]
    assert not machine.module("highwater.memory.swapfile", path="all", state="absent")["changed"]
    assert on(machine) == {}
    assert header(machine, DISK) == uuid
    assert machine.shell("stat -c %F /dev/theirs") == "symbolic link\n"
    assert machine.attempt("find /var/lib/highwater").code != 0


@pytest.mark.machine(extra=1)
def test_put_away_for_good_and_given_back(machine: Machine) -> None:
    debs.install(machine, "dc", "dphys-swapfile")
    machine.shell(
        "systemctl stop dphys-swapfile && sed -i 's/^#*CONF_SWAPSIZE=.*/CONF_SWAPSIZE=96/' /etc/dphys-swapfile"
    )
    machine.shell("systemctl start dphys-swapfile")
    machine.shell(
        f"fallocate -l 64M {IMAGE} && chmod 600 {IMAGE} && mkswap -L installed {IMAGE} && swapon -p 3 {IMAGE}"
    )
    machine.shell(f"mkswap {DISK} && swapon {DISK}")
    machine.shell(f"echo '{IMAGE}\tnone swap sw,pri=3 0 0' >> /etc/fstab")
    machine.shell(f"printf 'UUID=%s none swap sw 0 0' $(blkid -p -o value -s UUID {DISK}) >> /etc/fstab")
    before, fstab = on(machine), machine.read("/etc/fstab")
    uuids = header(machine, IMAGE), header(machine, DISK)
    assert set(before) == {DPHYS, IMAGE, DISK}

    refused = machine.refused("highwater.memory.swapfile", path=DPHYS, size="64MiB")
    assert refused["reason"] == "owner"
    assert "dphys-swapfile" in refused["msg"]

    with never_less_swap(machine):
        assert role(machine) > 0
    assert set(on(machine)) == {OURS}
    assert machine.attempt(f"ls {IMAGE} {DPHYS}").out == ""
    assert role(machine) == 0

    machine.attempt("systemctl start dphys-swapfile; swapon -a")
    machine.shell("dpkg-reconfigure dphys-swapfile 2>&1")
    debs.install(machine, "dphys-swapfile")
    assert set(on(machine)) == {OURS}
    machine.reboot()
    assert set(on(machine)) == {OURS}
    assert site(machine) == 0

    # By hand it can be made again, and goes again.
    machine.shell("dphys-swapfile setup && dphys-swapfile swapon")
    assert site(machine) > 0
    assert set(on(machine)) == {OURS}

    with never_less_swap(machine):
        assert role(machine, swapfile_state="absent") > 0
    assert on(machine)[IMAGE] == 3
    assert set(on(machine)) == {DPHYS, IMAGE, DISK}
    assert (header(machine, IMAGE), header(machine, DISK)) == uuids
    assert machine.shell(f"stat -c %a:%s {IMAGE} {DPHYS}") == f"600:{64 << 20}\n600:{96 << 20}\n"
    # The lines that dphys-swapfile writes there when it makes its file by hand are its own.
    left = [line for line in (machine.read("/etc/fstab") or "").splitlines() if not line.startswith("#")]
    assert left == [line for line in (fstab or "").splitlines() if not line.startswith("#")]
    assert machine.attempt("find /var/lib/highwater").code != 0
    assert machine.shell("systemctl is-enabled dphys-swapfile") == "enabled\n"
