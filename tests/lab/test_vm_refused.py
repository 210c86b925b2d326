# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""vm_sysctl where it cannot do its work: nothing is half done, and one sentence says why.

Fails where a read-only /proc/sys, or a file that cannot be written, leaves a setting, a file or a record behind.
"""

from __future__ import annotations

from harness import Machine

MODULE = "highwater.memory.vm_sysctl"
FILE = "/etc/sysctl.d/90-highwater.conf"
ASKED = {"swappiness": 99, "vfs_cache_pressure": 150, "dirty_bytes": "64MiB"}
SEEN = """
cd /proc/sys/vm && grep -H . swappiness vfs_cache_pressure dirty_bytes dirty_ratio
find /etc/sysctl.d /var/lib/highwater -type f -exec sha256sum {} +
true
"""


def test_a_read_only_proc_sys(machine: Machine) -> None:
    """As a container has it that shows no other sign of being one; here, sshd and all its sessions see it so."""
    before = machine.shell(SEEN)
    machine.shell("mkdir /etc/systemd/system/ssh.service.d")
    machine.put("/etc/systemd/system/ssh.service.d/test.conf", "[Service]\nProtectKernelTunables=yes\n")
    machine.shell("systemctl daemon-reload && systemctl --no-block restart ssh")
    machine.until(lambda: machine.attempt("systemctl is-active ssh").out == "active\n", 60, "sshd restarted")
    machine._hang_up()  # what was open has the old view
    assert machine.attempt("echo 99 > /proc/sys/vm/swappiness").code != 0

    refused = machine.refused(MODULE, settings=ASKED)
    assert refused["reason"] == "container"
    assert "/proc/sys/vm is read-only" in refused["msg"]
    passed_over = machine.module(MODULE, settings=ASKED, on_unsupported="skip")
    assert passed_over["changed"] is False
    assert ["/proc/sys/vm is read-only" in warning for warning in passed_over["warnings"]] == [True]
    assert machine.shell(SEEN) == before
    # For the next boot it need not be written.
    assert machine.module(MODULE, settings=ASKED, apply="next_boot")["changed"] is True
    assert "vm.swappiness = 99" in (machine.read(FILE) or "")
    assert machine.module(MODULE, state="absent", apply="next_boot")["changed"] is True
    assert machine.shell(SEEN) == before


def test_a_file_that_cannot_be_written(machine: Machine) -> None:
    before = machine.shell(SEEN)
    machine.shell("mount --bind /etc/sysctl.d /etc/sysctl.d && mount -o remount,bind,ro /etc/sysctl.d")
    refused = machine.refused(MODULE, settings=ASKED)
    assert f"could not write {FILE}" in refused["msg"]
    assert "Read-only file system" in refused["msg"]
    assert machine.shell(SEEN) == before

    machine.shell("umount /etc/sysctl.d")
    machine.module(MODULE, settings={"swappiness": 98})
    ours = machine.shell(SEEN)
    machine.shell(f"chattr +i {FILE}")
    for options in ({"settings": ASKED}, {"state": "absent"}):
        assert FILE in machine.refused(MODULE, **options)["msg"]
        assert machine.shell(SEEN) == ours
    machine.shell(f"chattr -i {FILE}")
    machine.module(MODULE, state="absent")
    assert machine.shell(SEEN) == before
