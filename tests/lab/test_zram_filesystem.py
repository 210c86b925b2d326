# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Filesystems on zram, and a disk behind one, over a reboot.

Fails where one is not back in time for what uses it, is not what was asked for, comes back with what was in it, or has
the shutdown or the boot complain; where Debian's own tmpfs comes back to /tmp; where a mount that a service holds is
taken from it; and where taking all back leaves something.
"""

from __future__ import annotations

import re

import pytest
from harness import Machine

from lab import machine as lab_machine
from lab import qemu

ZRAM = "highwater.memory.zram_device"
TMP = {"name": "zram0", "size": "128MiB", "fstype": "ext4", "mount_point": "/tmp", "mount_options": "nosuid,nodev"}
CACHE = {
    "name": "zram2", "size": "320MiB", "fstype": "xfs", "mount_point": "/var/cache/hw/x-y",
    "mount_owner": "games", "mount_group": "60", "mount_mode": "2750",
}  # fmt: skip
DATA = {"name": "zram3", "size": "128MiB", "fstype": "btrfs", "mount_point": "/srv/hw", "mount_options": ["noatime"]}
SWAP = {"name": "zram1", "size": "64MiB", "algorithm": "lz4", "writeback_device": "/dev/disk/by-path/hw"}
# Wants the folder as early as a service can, and tells in a file whether it had it.
EARLY = """\
[Unit]
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'grep " /var/cache/hw/x-y " /proc/mounts > /root/early'
[Install]
WantedBy=sysinit.target
"""


def mounts(machine: Machine) -> dict[str, str]:
    """Of zram devices: device and type and options by mount point."""
    lines = [line.split() for line in (machine.read("/proc/mounts") or "").splitlines()]
    return {line[1]: " ".join((line[0], *line[2:4])) for line in lines if line[0].startswith("/dev/zram")}


@pytest.mark.machine(extra=1)
def test_back_after_a_reboot(machine: Machine) -> None:
    link = machine.shell("find /dev/disk/by-path -lname ../../vdb | head -n 1").strip()
    assert link, "the second disk has a lasting name"
    swap = dict(SWAP, writeback_device=link)
    machine.put("/etc/systemd/system/early.service", EARLY)
    machine.shell("systemctl enable --quiet early.service")

    assert machine.refused(ZRAM, **TMP)["reason"] == "mount_point"
    assert "tmpfs" in machine.shell("stat -f -c %T /tmp")
    assert not mounts(machine)
    machine.module(ZRAM, **TMP, apply="next_boot")
    machine.module(ZRAM, **CACHE)
    machine.module(ZRAM, **DATA)
    machine.module(ZRAM, **swap)
    machine.shell("echo before > /var/cache/hw/x-y/file")

    machine.reboot()

    console = (lab_machine.existing(machine.name).home / qemu.CONSOLE).read_text(errors="replace")
    assert not re.search(r"Failed (un)?mount|ordering cycle", console)
    assert machine.shell("systemctl list-units --failed --plain --no-legend") == ""
    assert "ordering cycle" not in machine.shell("journalctl -b -q -o cat _PID=1")
    found = mounts(machine)
    assert set(found) == {"/tmp", "/var/cache/hw/x-y", "/srv/hw"}
    assert re.match(r"/dev/zram3 btrfs rw,noatime,.*\bdiscard\b", found["/srv/hw"])
    assert re.match(r"/dev/zram0 ext4 rw,nosuid,nodev,.*\bdiscard\b", found["/tmp"])
    assert re.match(r"/dev/zram2 xfs rw,.*\bdiscard\b", found["/var/cache/hw/x-y"])
    assert machine.shell("stat -c '%a %u %g' /tmp /var/cache/hw/x-y").split("\n")[:2] == ["1777 0 0", "2750 5 60"]
    assert machine.shell("ls /var/cache/hw/x-y") == ""
    assert "/dev/zram2" in (machine.read("/root/early") or "")
    assert machine.read("/sys/block/zram1/backing_dev") == "/dev/vdb\n"
    assert "/dev/zram1 " in (machine.read("/proc/swaps") or "")
    for options in (TMP, CACHE, DATA, swap):
        assert machine.module(ZRAM, **options)["actions"] == []

    # A service with a /tmp of its own would keep the device after the unmount: it is named, and nothing has changed.
    machine.spawn("private", "sleep 3600", "PrivateTmp=yes")
    refused = machine.refused(ZRAM, name="zram0", state="absent")
    assert refused["reason"] == "in_use"
    assert re.search(r"held by .*\(process \d+\).*next_boot", refused["msg"])
    assert mounts(machine) == found
    machine.spawn("inside", "sleep 3600", "WorkingDirectory=/var/cache/hw/x-y")
    refused = machine.refused(ZRAM, name="zram2", state="absent")
    assert refused["reason"] == "in_use"
    assert "sleep (process " in refused["msg"]
    assert mounts(machine) == found
    machine.shell("systemctl stop inside")

    machine.module(ZRAM, name="zram2", state="absent")
    machine.module(ZRAM, name="zram3", state="absent")
    machine.module(ZRAM, name="zram1", state="absent")
    machine.module(ZRAM, name="zram0", state="absent", apply="next_boot")
    assert set(mounts(machine)) == {"/tmp"}
    assert machine.shell("find /etc/systemd/system -name '*highwater*' -o -name tmp.mount") == ""
    assert machine.attempt("ls -d /var/cache/hw /srv/hw").out == ""
