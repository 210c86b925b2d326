#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tries the bounds of every row of our table against the kernel: each least, each most, one below and one above.

A row that takes what the kernel refuses is a disagreement. So is one that refuses what the kernel takes, unless it is
among those of which the kernel checks less than makes sense. Every value tried is put back at once.
"""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import TABLE, group
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import kernel_version

FOLDER = "/proc/sys/vm/"
# Reserves, pools and what has no way back: their bounds are not tried on a machine that is to go on.
NOT_TRIED = ("min_free_kbytes", "mmap_min_addr", "memfd_noexec", "hugetlb_optimize_vmemmap", "nr_hugepages",
             "nr_hugepages_mempolicy", "nr_overcommit_hugepages")  # fmt: skip
# The kernel checks nothing, or less than makes sense (settings_table.py says which).
CHECKED_LESS = ("block_dump", "dirty_writeback_centisecs", "hugetlb_shm_group", "laptop_mode", "oom_dump_tasks",
                "oom_kill_allocating_task", "overcommit_kbytes", "overcommit_ratio", "page-cluster",
                "stat_interval")  # fmt: skip


def read(name):
    with open(FOLDER + name) as file:
        return file.read().strip()


def write(name, value):
    """Whether the kernel takes a value and says it back."""
    fd = os.open(FOLDER + name, os.O_WRONLY)
    try:
        os.write(fd, str(value).encode())
    except OSError:
        return False
    finally:
        os.close(fd)
    return read(name) == str(value)


def put_back(name, before):
    for member in group(name):
        if before[member] != "0" or len(group(name)) == 1:
            write(member, before[member])
            return
    write(name if name.endswith("ratio") else group(name)[1], 0)


def disagreements(row, kernel):
    bounds = row.range(kernel)
    before = {member: read(member) for member in group(row.name)}
    found = []
    tries = [(bounds.low, True), (bounds.low - 1, False)]
    if bounds.high is not None:
        tries += [(bounds.high, True), (bounds.high + 1, False)]
    if row.zero:
        tries.append((0, True))
    try:
        for value, ours in tries:
            kernels = write(row.name, value)
            if ours != kernels and not (kernels and row.name in CHECKED_LESS):
                found.append(
                    "%s: %d is %s by our table and %s by the kernel"
                    % (row.name, value, *("taken" if one else "refused" for one in (ours, kernels)))
                )
    finally:
        put_back(row.name, before)
    after = {member: read(member) for member in group(row.name)}
    if after != before:
        found.append("%s: was %s and is %s" % (row.name, before, after))
    return found


def main():
    module = AnsibleModule(argument_spec={})
    kernel = kernel_version(os.uname().release)
    rows = [
        row
        for name, row in sorted(TABLE.items())
        if not row.action and not row.several and name not in NOT_TRIED and os.path.exists(FOLDER + name)
    ]
    lacking = [
        name
        for name, row in sorted(TABLE.items())
        if os.path.exists(FOLDER + name) and (row.since > kernel or (row.until or (99, 0)) <= kernel)
    ]
    module.exit_json(
        changed=False,
        tried=[row.name for row in rows],
        disagreements=[line for row in rows for line in disagreements(row, kernel)]
        + ["%s is here, and by our table Linux %d.%d lacks it" % ((name,) + kernel) for name in lacking],
    )


if __name__ == "__main__":
    main()
