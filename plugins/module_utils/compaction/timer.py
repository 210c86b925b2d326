# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timer that compacts where the kernel does not do it by itself, and the program that it runs."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.compaction.command import NAME
from ansible_collections.highwater.memory.plugins.module_utils.core import zipapp
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan
from ansible_collections.highwater.memory.plugins.module_utils.core.timer import (
    CONFINED,
    Timer,
    Wanted,
    off_steps,
    on_steps,
    wanted_timer,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.zipapp import Zipapp

MAKER = "compaction"
UNIT = "highwater-compaction"
DESCRIPTION = "Compact memory where blocks of order %d have become scarce"
# It reads /proc and writes a number to a file of the kernel's: no capability, but no ProtectKernelTunables either.
SERVICE = """\
[Unit]
Description={description}
Documentation=https://docs.kernel.org/admin-guide/sysctl/vm.html#compact-memory

[Service]
Type=oneshot
Environment=LC_ALL=C.UTF-8
ExecStart={command}
SyslogIdentifier={unit}
# When a node was compacted last.
RuntimeDirectory=highwater-memory
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=
ProtectHome=yes
PrivateTmp=yes
MemoryDenyWriteExecute=yes
{confined}SystemCallFilter=@system-service
"""


def wanted(order: int, threshold: float, schedule: str, interpreter: str) -> Wanted:
    """The two units; interpreter: the Python that runs the program."""
    command = zipapp.command_line(interpreter, NAME, "--order", str(order), "--threshold", "%g" % threshold)
    description = DESCRIPTION % order
    service = SERVICE.format(description=description, command=command, unit=UNIT, confined=CONFINED)
    return wanted_timer(UNIT, MAKER, description, schedule, service)


def present_steps(timer: Timer, program: Zipapp, asked: Wanted, now: bool) -> Plan:
    """Steps to the program and the timer that runs it; none where both are there."""
    return zipapp.on_steps(program, zipapp.zipapp_text(program.interpreter)) + on_steps(timer, asked, now)


def absent_steps(timer: Timer, program: Zipapp, why: str, now: bool) -> Plan:
    """Steps to no timer, and to no program where nothing else of ours runs it."""
    leaving = (timer.service_path, timer.timer_path)
    return off_steps(timer, why, now, runs=True) + zipapp.off_steps(program, leaving)
