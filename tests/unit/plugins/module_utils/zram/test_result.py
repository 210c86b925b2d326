# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a statistic has another name than the kernel's, another unit than documented, or is made up."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import recall
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND

PARAMS = {**{name: option.get("default") for name, option in ARGUMENTS.items()}, "size": "64MiB"}
FILES = {
    "/proc/meminfo": "MemTotal: 9999 kB\nMemFree: 9999 kB\nCommitted_AS: 1 kB\nCommitLimit: 1 kB\n",
    "/proc/stat": "cpu  1\ncpu0 1\n",
    "/proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 65532 8 100\n",
    "/run/systemd/system/x": "",
    "/sys/class/zram-control/hot_remove": "",
    "/sys/block/zram0/comp_algorithm": "lzo-rle [lz4] zstd\n",
    "/sys/block/zram0/disksize": "67108864\n",
    # Documentation/admin-guide/blockdev/zram.rst: the order of the columns.
    "/sys/block/zram0/mm_stat": " 40960 10240 12288 1048576 16384 3 5 7 9\n",
    "/sys/block/zram0/io_stat": "  11   12   13   14\n",
}
MM_STAT = {
    "orig_data_size": 40960,
    "compr_data_size": 10240,
    "mem_used_total": 12288,
    "mem_limit": 1048576,
    "mem_used_max": 16384,
    "same_pages": 3,
    "pages_compacted": 5,
    "huge_pages": 7,
    "huge_pages_since": 9,
}
IO_STAT = {"failed_reads": 11, "failed_writes": 12, "invalid_io": 13, "notify_free": 14}


def stats(root, more):
    host = Host(str(root))
    for path, text in {**FILES, **more}.items():
        host.install(path, text)
    states = resource.observe(host, PARAMS)
    return resource.result(resource.resolve(PARAMS, states), states)["zram"]["stats"]


def test_a_kernel_without_writeback(tmp_path):
    assert stats(tmp_path, {}) == {**MM_STAT, **IO_STAT, "ratio": 4.0}


def test_what_is_on_the_disk_is_told_in_bytes(tmp_path):
    found = stats(tmp_path, {"/sys/block/zram0/backing_dev": "none\n", "/sys/block/zram0/bd_stat": " 2 3 4\n"})
    assert found == {**MM_STAT, **IO_STAT, "ratio": 4.0, "bd_count": 8192, "bd_reads": 12288, "bd_writes": 16384}


@pytest.mark.parametrize("mm_stat", ["0 0 0 0 0 0 0 0 0\n", "4096 0 0 0 0 1 0 0 0\n"], ids=["empty", "one same page"])
def test_there_is_no_ratio_of_nothing(tmp_path, mm_stat):
    assert stats(tmp_path, {"/sys/block/zram0/mm_stat": mm_stat})["ratio"] is None


def test_what_a_device_was_before_us_is_remembered_once(tmp_path):
    """So that state: absent can give it back."""
    host = Host(str(tmp_path))
    for path, text in FILES.items():
        host.install(path, text)
    host.install("/proc/swaps", "Filename Type Size Used Priority\n")
    host.install("/sys/block/zram0/mm_stat", "0 0 0 0 0 0 0 0 0\n")
    host.install("/sys/block/zram0/disksize", "0\n")
    for _turn in range(2):
        states = resource.observe(host, PARAMS)
        plan = resource.plan(resource.resolve(PARAMS, states), states)
        remember = next(step for step in plan if step.does.startswith("remember"))
        remember.action.perform(host)
        assert recall(host, KIND, "zram0")["had"] == "lz4"
        host.install("/sys/block/zram0/comp_algorithm", "lzo-rle lz4 [zstd]\n")
        host.install("/sys/block/zram0/disksize", "4096\n")
