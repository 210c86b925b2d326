# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""zram that is full is changed and removed while programs live on it: never a kill, and every page as it was written.

Memory is filled to the brim by programs that stay and whose pages compress 3:1. Fails where the kernel's OOM killer
comes even once (/proc/vmstat), where one of the programs is gone, where one page is not what was written, where the
device is not as asked for, or where anything of the temporary device stays.
"""

from __future__ import annotations

from typing import Any

import pytest
from harness import Machine
from programs import Programs, kills, number

ZRAM = "highwater.memory.zram_device"
SLOW = 900.0  # seconds for a call on a machine that has to move all its pages, emulated

pytestmark = pytest.mark.machine(memory=512)


def swaps(machine: Machine) -> dict[str, dict[str, int]]:
    """/proc/swaps by path; MiB."""
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    return {
        path: {"size": int(size) // 1024, "used": int(used) // 1024, "priority": int(priority)}
        for path, _kind, size, used, priority in rows
    }


def devices(machine: Machine) -> list[str]:
    return machine.shell(
        "ls -d /sys/block/zram* 2>/dev/null | xargs -rn1 basename; ls /run/highwater-memory.zram* 2>/dev/null; true"
    ).split()


def change(machine: Machine, **options: Any) -> dict[str, Any]:
    return machine.module(ZRAM, persistent=False, timeout=SLOW, **options)


# One a round, in turn.
CHANGES: tuple[dict[str, Any], ...] = (
    {"size": "ram * 3", "algorithm": ["lz4"]},
    {"size": "ram * 2", "algorithm": ["zstd"]},
    {"size": "ram * 2", "algorithm": ["lz4"], "priority": 5},
)


def test_full_zram_is_changed_and_removed(machine: Machine, turn: int) -> None:
    change(machine, size="ram * 2", algorithm=["lz4"])
    machine.shell("sysctl -qw vm.swappiness=180 vm.page-cluster=0 vm.watermark_scale_factor=125")
    programs = Programs(machine)
    programs.fill(number(machine, "MemTotal") * 8 // 5)
    before = swaps(machine)["/dev/zram0"]
    # What the test is about: what is in use could not be in memory, by far.
    assert before["used"] > 3 * number(machine, "MemAvailable") + 100

    # A limit is set on the device as it is.
    limited = change(machine, size="ram * 2", algorithm=["lz4"], mem_limit="ram")
    assert [action.split()[0] for action in limited["actions"]] == ["limit", "remember"]
    assert swaps(machine)["/dev/zram0"]["used"] > before["used"] // 2
    limit = int(machine.shell("cat /sys/block/zram0/mm_stat").split()[3])
    assert abs(limit - number(machine, "MemTotal") * 2**20) <= 2**20
    tight = machine.refused(ZRAM, persistent=False, size="ram * 2", algorithm=["lz4"], mem_limit="16MiB")
    assert tight["msg"].startswith("mem_limit: 16 MiB is less than")
    assert int(machine.shell("cat /sys/block/zram0/mm_stat").split()[3]) == limit

    options = CHANGES[(turn - 1) % len(CHANGES)]
    done = change(machine, **options)
    assert any("temporary device zram1" in action for action in done["actions"]), done["actions"]
    area = swaps(machine)
    assert list(area) == ["/dev/zram0"]
    assert area["/dev/zram0"]["priority"] == options.get("priority", 100)
    assert round(area["/dev/zram0"]["size"] / number(machine, "MemTotal")) == int(options["size"][-1])
    assert f"[{options['algorithm'][0]}]" in machine.shell("cat /sys/block/zram0/comp_algorithm")
    assert machine.shell("cat /sys/block/zram0/mm_stat").split()[3] == "0"
    told = done["zram"]["stats"]
    assert 2.3 < told["ratio"] < 3.5, "the pages compress 3:1"
    assert told["mem_limit"] == 0 < told["mem_used_total"] < told["orig_data_size"] // 2
    assert devices(machine) == ["zram0"]
    assert kills(machine) == 0
    programs.check()

    # Removed it cannot be while there is nothing else for the pages: that is said before anything is touched.
    refused = machine.refused(ZRAM, state="absent")
    assert refused["reason"] == "headroom"
    assert "apply: next_boot" in refused["msg"]
    assert swaps(machine)["/dev/zram0"]["used"] > 100
    machine.module("highwater.memory.swapfile", path="/swapfile", size="1200MiB", persistent=False, timeout=SLOW)
    machine.module(ZRAM, state="absent", timeout=SLOW)
    assert list(swaps(machine)) == ["/swapfile"]
    assert devices(machine) == []
    assert kills(machine) == 0
    programs.check()
