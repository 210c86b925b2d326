# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot artefact of a device: the plan for a machine that has just booted."""

from __future__ import annotations

import os

from ansible_collections.highwater.memory.plugins.module_utils.core.job import FILESYSTEM, SWAP, Job
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import fresh_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Present
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND, artefact_name, attribute, node

# journald's logs on disk, and what makes it begin to write there. That waits for what systemd itself mounts, as fstab
# has it, and not for local-fs.target: below a mount that came later it would go on writing out of everybody's sight.
JOURNAL, FLUSH = "/var/log/journal", "systemd-journal-flush.service"


def boot_job(spec: Present) -> Job:
    """What the boot does. It takes the first algorithm that works, which may not be the one that is settled: the kernel
    may be another by then.
    """
    first = (spec.settled,) if spec.settled else ()
    algorithms = first + tuple(algorithm for algorithm in spec.requested if algorithm not in first)
    number = int(spec.name[len("zram") :])
    use, table = spec.filesystem, "/proc/mounts" if spec.filesystem else "/proc/swaps"
    return Job(
        name=artefact_name(spec.name),
        maker=KIND,
        moment=FILESYSTEM if use else SWAP,
        description="Compressed %s in RAM on %s" % (use.fstype if use else "swap", node(spec.name)),
        plan=fresh_steps(spec._replace(algorithms=algorithms, offered=False), False, use.mount_point if use else ""),
        link="https://docs.kernel.org/admin-guide/blockdev/zram.html",
        done='grep -qs "^[1-9]" %s' % attribute(spec.name, "disksize"),
        shows=(
            'grep "" %s %s' % (attribute(spec.name, "comp_algorithm"), attribute(spec.name, "disksize")),
            'grep "^%s " %s' % (node(spec.name), table),
        ),
        # The kernel gives the lowest free number, so devices are made one after the other.
        after=tuple(artefact_name("zram%d" % before) for before in range(number)),
        needs=os.path.dirname(use.mount_point).rstrip("/") if use else "",
        devices=(spec.writeback_device,) if spec.writeback_device else (),
        set_id=bool(use and use.mode & 0o6000),
        waits=(FLUSH,) if use and (JOURNAL + "/").startswith(use.mount_point + "/") else (),
    )
