# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the unit would boot otherwise than the module works. Its whole text is in cases/_ours.txt."""

from __future__ import annotations

import re

from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Algorithm, Present
from ansible_collections.highwater.memory.plugins.module_utils.zram.unit import unit_text

ZSTD, LZ4 = Algorithm("zstd", ("level=3",)), Algorithm("lz4")
SPEC = Present(
    name="zram2", size=2**30, algorithms=(ZSTD,), requested=(ZSTD, LZ4), offered=True, settled=ZSTD, keep=True,
    mem_limit=2**20, priority=7, discard=False, headroom=0, persistent=True, now=True, sizes={},
)  # fmt: skip


def commands(spec):
    return re.findall(r"(?m)^ExecStart=(.*)", unit_text(spec))


def test_the_order_is_the_kernels():
    assert commands(SPEC)[2:] == [
        "/bin/sh -c 'echo 1048576 > /sys/block/zram2/mem_limit'",
        "/bin/sh -c 'echo zstd > /sys/block/zram2/comp_algorithm'",
        "/bin/sh -c 'echo level=3 > /sys/block/zram2/algorithm_params'",
        "/bin/sh -c 'echo 1073741824 > /sys/block/zram2/disksize'",
        "mkswap /dev/zram2",
        "swapon -p 7 /dev/zram2",
    ]


def test_what_is_not_settled_is_chosen_at_boot_from_the_whole_request():
    line = next(line for line in commands(SPEC._replace(settled=None)) if "comp_algorithm" in line)
    assert re.findall(r"echo (\S+) > \S+/comp_algorithm", line) == ["zstd", "lz4"]


def test_lower_numbers_come_first():
    assert " highwater-zram0.service highwater-zram1.service\n" in unit_text(SPEC)


def test_no_mount_namespace():
    """In one, swapon makes /proc/swaps say /zram2 to everybody else (seen on Linux 6.12)."""
    assert not re.search(
        r"(?m)^(Protect|Private|ReadOnly|ReadWrite|Inaccessible|Bind|Root|TemporaryFile)", unit_text(SPEC)
    )
