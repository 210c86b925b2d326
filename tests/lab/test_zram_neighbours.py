# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Debian's zram-tools and zram-generator and a unit made by hand, each with a device of its own, on one machine.

Fails where one of them is not named by its file, its stop command gets run, it comes back at the next boot beside ours,
or does not come back once ours is gone.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness import Machine

pytestmark = pytest.mark.machine(image="trixie")

MODULE = "highwater.memory.zram_device"
MIB = 2**20
STOPPED = "/var/tmp/stopped"
BY_HAND = f"""\
[Unit]
Description=Swap in RAM, my way
After=systemd-zram-setup@zram1.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=cat /sys/class/zram-control/hot_add
ExecStart=sh -c 'cd /sys/block/zram2 && echo lz4 > comp_algorithm && echo 64M > disksize'
ExecStart=sh -c 'mkswap /dev/zram2 && swapon -p 3 /dev/zram2'
ExecStop=sh -c 'touch {STOPPED}; swapoff /dev/zram2; echo 1 > /sys/block/zram2/reset'

[Install]
WantedBy=multi-user.target
"""
SIZES = {"/dev/zram0": 256, "/dev/zram1": 96, "/dev/zram2": 64}  # MiB, of theirs
OWNERS = {
    "zram0": ("zram-tools", "/etc/default/zramswap"),
    "zram1": ("zram-generator", "/etc/systemd/zram-generator.conf"),
    "zram2": ("a unit of this host's own", "/etc/systemd/system/by-hand.service"),
}
UNITS = "zramswap.service systemd-zram-setup@zram1.service by-hand.service"
# The last of them is just as it is already, so that it need not go off.
ASKED: dict[str, dict[str, Any]] = {
    "zram0": {"size": "128MiB", "priority": 100},
    "zram1": {"size": "80MiB", "priority": 90},
    "zram2": {"size": "64MiB", "priority": 3, "algorithm": ["lz4"], "discard": False},
}
OURS = {"/dev/zram0": (128, 100), "/dev/zram1": (80, 90), "/dev/zram2": (64, 3)}


def swaps(machine: Machine) -> dict[str, tuple[int, int]]:
    """Size in MiB, header included, and priority, by path."""
    rows = (line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:])
    return {row[0]: ((int(row[2]) + 4) // 1024, int(row[4])) for row in rows}


def sizes(machine: Machine) -> dict[str, int]:
    return {path: size for path, (size, _priority) in swaps(machine).items()}


def boot_files(machine: Machine) -> str:
    """All that the boot goes by, with content and links."""
    return machine.shell(
        "cd /etc; find systemd default modules-load.d fstab /var/lib/highwater ! -type d -printf '%p %l %M\\n'"
        " -type f -exec cksum {} + 2>/dev/null | sort; true"
    )


def install(machine: Machine) -> None:
    """The three of them, as they are after their packages were installed and they were configured."""
    # Before they are installed: both start at once, and by default with half the RAM on zram0.
    machine.put("/etc/default/zramswap", "ALGO=lz4\nSIZE=256\nPRIORITY=100\n")
    machine.put("/etc/systemd/zram-generator.conf", "[zram1]\nzram-size = 96\nswap-priority = 50\n")
    machine.shell("dpkg --force-confold -i /var/cache/lab/*.deb")
    machine.put("/etc/systemd/system/by-hand.service", BY_HAND)
    machine.shell("systemctl daemon-reload; systemctl start zramswap.service dev-zram1.swap")
    machine.shell("systemctl enable --now by-hand.service")
    assert sizes(machine) == SIZES


def test_taken_over_and_given_back(machine: Machine) -> None:
    install(machine)
    before, files = swaps(machine), boot_files(machine)
    for name, owner in OWNERS.items():
        refused = machine.refused(MODULE, name=name, **ASKED[name])
        assert (refused["reason"], refused["owner"], refused["file"]) == ("owner", *owner)
        assert "take_over: true" in refused["msg"]
    assert (swaps(machine), boot_files(machine)) == (before, files)

    for name, options in ASKED.items():
        assert machine.module(MODULE, name=name, take_over=True, **options)["changed"]
    assert swaps(machine) == OURS
    for name, options in ASKED.items():
        assert not machine.module(MODULE, name=name, take_over=True, **options)["changed"]
    machine.shell(f"systemctl stop {UNITS}")
    assert swaps(machine) == OURS

    machine.reboot()
    assert swaps(machine) == OURS
    assert machine.read(STOPPED) is None, "a stop command was run"
    assert machine.attempt(f"systemctl is-active {UNITS}").out.split() == ["inactive"] * 3
    status = machine.shell("systemctl status --no-pager --lines 20 highwater-zram0.service")
    assert f"/sys/block/zram0/disksize:{128 * MIB}" in status
    assert re.search(r": /dev/zram0\s.*\s100$", status, re.MULTILINE)
    for name, options in ASKED.items():
        assert not machine.module(MODULE, name=name, **options)["changed"]

    machine.module(MODULE, name="all", state="absent")
    assert boot_files(machine) == files
    # systemd may start a swap again as soon as its generator has made the unit again; nothing of ours is on.
    assert swaps(machine).items() <= before.items()
    machine.reboot()
    assert swaps(machine) == before
