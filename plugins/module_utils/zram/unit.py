# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot artefact of a device: the plan for a machine that has just booted, as a systemd unit."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import exec_lines
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import fresh_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Present
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import attribute

# No ExecStop: systemd makes a .swap unit of all that is on, and swaps it off itself at shutdown, in its own order and
# time; a stop of this unit by hand must not bring the pages back into RAM without a guard.
# No Protect... and no Private...: what gives the unit a mount namespace of its own makes /proc/swaps show its swap as
# /zram0 to everybody else, and then neither systemd nor swapon(8) know that /dev/zram0 is on.
TEXT = """\
# Made by highwater.memory.zram_device, and written again by it: changes here do not last.
# What follows is what the module did on the running machine, step by step.

[Unit]
Description=Compressed swap in RAM on /dev/{name}
Documentation=https://docs.kernel.org/admin-guide/blockdev/zram.html
DefaultDependencies=no
After=systemd-modules-load.service{after}
Before=swap.target

[Service]
Type=oneshot
RemainAfterExit=yes
# Nothing to do where the device is set up already.
ExecCondition=/bin/sh -c '! grep -qs "^[1-9]" {disksize}'
{lines}
# There is no ExecStop: systemd swaps off by itself at shutdown, and by hand it should be thought about.
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SYS_MODULE
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native

[Install]
WantedBy=swap.target
"""


def unit_text(spec: Present) -> str:
    """The unit's text; with an algorithm that is not settled yet, the first that works is taken at boot."""
    algorithms = (spec.settled,) if spec.settled else spec.requested
    number = int(spec.name[len("zram") :])
    return TEXT.format(
        name=spec.name,
        # The kernel gives the lowest free number, so devices are made one after the other.
        after="".join(" highwater-zram%d.service" % before for before in range(number)),
        disksize=attribute(spec.name, "disksize"),
        lines="\n".join(exec_lines(fresh_steps(spec._replace(algorithms=algorithms, offered=False), loaded=False))),
    )
