# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Swapfiles where SELinux is enabled (permissive, the base of Debian's policy): the label, and the rule by which it
comes back.

Fails where a swapfile gets another type than the boot may turn on, where a relabelling takes that away, where a second
run has something to do, or where the rule stays behind.
"""

from __future__ import annotations

from typing import Any

import debs
import pytest
from harness import Machine
from test_vm_command_line import INSTALL_GRUB

pytestmark = pytest.mark.machine(image="grub")

OPTIONS: dict[str, Any] = {"path": "/swap.d/file", "size": "16MiB"}
PACKAGES = ("selinux-policy-default", "policycoreutils", "policycoreutils-python-utils")
# Of the policy's 400 modules, which take an emulated machine a quarter of an hour to compile, those that are needed.
INSTALL_POLICY = """
set -e
cd /root/debs
export DEBIAN_FRONTEND=noninteractive
dpkg --unpack *.deb
dpkg-query --show --showformat '${Package} ${Status}\\n' |
  awk '$4 == "unpacked" && $1 != "selinux-policy-default" {print $1}' | xargs dpkg --configure
cd /usr/share/selinux/default
semodule --noreload --store default --priority 100 --install base.pp.bz2 --install unconfined.pp.bz2 \\
  --install /root/display.cil
"""
# A user whom the base speaks of and another module defines.
DISPLAY = """
(user xdm)
(userrole xdm system_r)
(userlevel xdm (s0))
(userrange xdm ((s0) (s0)))
"""


def type_of(machine: Machine, path: str) -> str:
    """The type of a file's label, as the kernel has it."""
    return machine.shell(f"stat -c %C {path}").split(":")[2]


def boot_with_selinux(machine: Machine) -> None:
    debs.put_with_needs(machine, *PACKAGES)
    machine.put("/root/display.cil", DISPLAY)
    machine.shell(INSTALL_POLICY, timeout=600)
    machine.shell(INSTALL_GRUB.replace("mitigations=off", "mitigations=off security=selinux selinux=1"), timeout=600)
    machine.shell("grep -x SELINUX=permissive /etc/selinux/config; sync")
    machine.cut()
    machine.start(own_loader=True)
    assert machine.shell("cat /sys/fs/selinux/enforce") == "0"


def test_label_and_rule(machine: Machine) -> None:
    boot_with_selinux(machine)
    done = machine.module("highwater.memory.swapfile", **OPTIONS, timeout=900.0)
    assert "tell SELinux that /swap.d/file is swapfile_t (so that a relabelling leaves it)" in done["actions"]
    assert "/swap.d/file" in machine.shell("cat /proc/swaps")
    assert type_of(machine, "/swap.d/file") == "swapfile_t"
    assert not machine.module("highwater.memory.swapfile", **OPTIONS)["changed"]

    # As a relabelling of the whole disk would, and as one by hand does.
    machine.shell("restorecon -F /swap.d/file")
    assert type_of(machine, "/swap.d/file") == "swapfile_t"
    machine.shell("chcon -t etc_t /swap.d/file")
    done = machine.module("highwater.memory.swapfile", **OPTIONS)
    assert done["actions"] == ["give /swap.d/file the SELinux type swapfile_t (it is etc_t)"]
    assert type_of(machine, "/swap.d/file") == "swapfile_t"

    # A new file in the old one's place.
    machine.module("highwater.memory.swapfile", **{**OPTIONS, "size": "24MiB"})
    assert type_of(machine, "/swap.d/file") == "swapfile_t"

    machine.module("highwater.memory.swapfile", path="all", state="absent", timeout=900.0)
    assert "swap" not in machine.shell("semanage fcontext --list --locallist --noheading")
    assert machine.shell("ls -d /swap.d 2>/dev/null || true") == ""
