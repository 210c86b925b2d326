# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every finding of memory_info: that it speaks, and that it is silent.

A machine that is well, with a zram device of 4 GiB on 8 GiB, watched for five seconds, is changed in one thing. Fails
when a rule does not speak beyond its threshold, when it speaks at it, when another speaks as well, when its words lack
the figures, and when a rule has no row here.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

import pytest
import yaml
from ansible_collections.highwater.memory.plugins.module_utils.memory import findings
from ansible_collections.highwater.memory.plugins.module_utils.memory.at_boot import AtBoot, Drift, Promise
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import State, Zram
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import BdStat, IoStat, MmStat
from ansible_collections.highwater.memory.plugins.module_utils.parse.pressure import Pressure, Share
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone
from ansible_collections.highwater.memory.plugins.modules.memory_info import RETURN

MIB, GIB = 2**20, 2**30
RAM = 8 * GIB
SECONDS = 5.0
ZRAM, DISK = "/dev/zram0", "/swapfile"
NORMAL = Zone(0, "Normal", 500000, 0, 10000, 12500, 15000, 2000000, 2000000, 2000000)


def area(path: str, size: int = 4 * GIB, used: int = 0, priority: int = 100) -> SwapArea:
    return SwapArea(path, "file" if path == DISK else "partition", size, used, priority)


def stat(orig: int = 0, compr: int = 0, same: int = 0, limit: int = 0) -> MmStat:
    return MmStat(orig, compr, compr, limit, compr, same, 0)


def zram(size: int = 4 * GIB, failed: int = 0, written_back: int | None = None, **amounts: int) -> Zram:
    bd_stat = None if written_back is None else BdStat(written_back, 0, 0)
    return Zram("zram0", size, "zstd", stat(**amounts), IoStat(0, failed, 0, 0), bd_stat)


def waited(some: float, full: float = 0.0) -> dict[str, Pressure]:
    """Pressure after the sample, in percent of its time; before it there was none."""
    share = [Share(0.0, 0.0, 0.0, int(percent / 100 * SECONDS * 1e6)) for percent in (some, full)]
    return {"memory": Pressure(*share)}


MEMINFO = {
    "MemTotal": RAM, "MemFree": 2 * GIB, "MemAvailable": 4 * GIB, "SwapTotal": 4 * GIB, "SwapFree": 4 * GIB,
    "SUnreclaim": 200 * MIB, "Committed_AS": 3 * GIB, "CommitLimit": 8 * GIB,
}  # fmt: skip
VMSTAT = {
    "allocstall_dma32": 40, "allocstall_normal": 1000, "compact_stall": 50, "compact_fail": 40, "pswpin": 0,
    "pgscan_kswapd": 0, "pgscan_direct": 0, "pgmajfault": 0, "kswapd_low_wmark_hit_quickly": 0, "oom_kill": 0,
    "nr_dirty": 100, "nr_dirty_threshold": 100000,
}  # fmt: skip
WELL = State(
    moment=100.0 + SECONDS,
    page_size=4096,
    meminfo=MEMINFO,
    vmstat=VMSTAT,
    zones=(NORMAL,),
    buddies=(Buddies(0, "Normal", (1000, 1000, 1000, 1000, 1000, 1000, 1000, 100, 100, 100, 100)),),
    swaps=(area(ZRAM),),
    zram=(zram(),),
    zswap={"enabled": "N"},
    pressure=waited(0.0),
    huge={"enabled": "always [madvise] never", "hpage_pmd_size": "2097152"},
    sockets={"sockets": {"used": 40}, "TCP": {"inuse": 12, "mem": 79}},
    tcp_mem=(90000, 120000, 180000),
    settings={"overcommit_memory": 0, "swappiness": 100, "min_free_kbytes": 67584, "watermark_scale_factor": 10},
    node_cpus={0: "0-3"},
    at_boot=AtBoot(),
)
BEFORE = State(100.0, 4096, vmstat=VMSTAT, pressure=waited(0.0))


class Change(NamedTuple):
    """fields: of the state; the rest are values of /proc/meminfo, /proc/vmstat and settings that differ.

    began: what /proc/vmstat said before the sample, where that differs from what it said after.
    """

    fields: Optional[dict[str, Any]] = None
    meminfo: Optional[dict[str, int]] = None
    vmstat: Optional[dict[str, int]] = None
    began: Optional[dict[str, int]] = None
    settings: Optional[dict[str, int]] = None

    def sample(self, seconds: float = SECONDS) -> Sample:
        now = WELL._replace(
            moment=100.0 + seconds,
            meminfo=dict(MEMINFO, **(self.meminfo or {})),
            vmstat=dict(VMSTAT, **(self.vmstat or {})),
            settings=dict(WELL.settings or {}, **(self.settings or {})),
        )
        before = BEFORE._replace(vmstat=dict(VMSTAT, **(self.began or {}))) if seconds else None
        return Sample(now._replace(**(self.fields or {})), before)


def swapped(*areas: SwapArea, **more: Any) -> dict[str, Any]:
    return dict(swaps=areas, **more)


def zone(node: int = 0, name: str = "Normal", **pages: int) -> Zone:
    return NORMAL._replace(node=node, name=name, **pages)


def in_order_2(pages: int, node: int = 0, name: str = "Normal") -> Buddies:
    """Free memory of which no block is larger than four pages."""
    return Buddies(node, name, (0, 0, pages // 4, 0, 0, 0, 0, 0, 0, 0, 0))


FULL = {"meminfo": {"SwapFree": int(0.09 * 4 * GIB), "MemAvailable": int(0.09 * RAM)}}
HIGH_3_HALVES = 22500  # pages: 1.5 times the high watermark of NORMAL
TWO_NODES = {"node_cpus": {0: "0-1", 1: "2-3"}}
LOW, ROOMY = {"free": 12499}, {"free": 60001}  # below low, and above four times high
OFF = Promise(DISK, 3, None, None)
KEPT = area(DISK, priority=-2)


# name, severity, what has to be in evidence or finding, the change that makes it speak
SPEAKS: list[tuple[str, str, str, Change]] = [
    ("swap_nearly_full", "critical", "368.64 MiB of 4 GiB of swap", Change(**FULL)),
    ("zram_full", "info", "3.61 GiB of 4 GiB", Change(swapped(area(ZRAM, used=3_880_000_000)))),
    ("no_swap", "info", "4 GiB of 8 GiB of memory", Change(swapped(), {"SwapTotal": 0, "SwapFree": 0})),
    ("no_swap", "warning", "1.12 GiB of 8 GiB", Change(swapped(), {"SwapTotal": 0, "MemAvailable": int(0.14 * RAM)})),
    ("disk_swap_first", "warning", "/swapfile has priority 100, /dev/zram0 has 100",
     Change(swapped(area(ZRAM), area(DISK, priority=100), at_boot=None))),
    ("disk_swap_first", "warning", "used before zram",
     Change(swapped(area(ZRAM, priority=5), area(DISK, priority=6), at_boot=None))),
    ("zram_full_before_disk", "warning", "3.81 GiB of 4 GiB, the disk behind it 65 MiB; 0.2 pages a second",
     Change(swapped(area(ZRAM, used=4_090_000_000), area(DISK, used=65 * MIB, priority=-2)), vmstat={"pswpin": 1})),
    ("swappiness_at_odds", "warning", "it is 10", Change(settings={"swappiness": 10})),
    ("swappiness_at_odds", "warning", "it is 101", Change(swapped(KEPT), settings={"swappiness": 101})),
    ("oomd_near", "info", "3.00 GiB of 4 GiB", Change({"oomd": True}, {"SwapFree": GIB - 4096})),
    ("zswap_and_zram", "warning", "in front of /dev/zram0", Change({"zswap": {"enabled": "Y"}})),
    ("zram_compresses_badly", "warning", "382 MiB take 256 MiB, a ratio of 1.49, with zstd",
     Change({"zram": (zram(orig=600 * MIB, compr=256 * MIB, same=51200, written_back=18 * MIB),)})),
    ("zram_refuses_writes", "critical", "failed_writes is 1, mem_limit 1 GiB",
     Change({"zram": (zram(failed=1, limit=GIB),)})),
    ("zram_too_large", "warning", "16.00 GiB in all, on 8 GiB",
     Change({"zram": (zram(16 * GIB + 4096),)})),
    ("allocation_stalls", "warning", "stalled 100 allocations in 5 s (20 a second); tasks waited for memory in 1 %",
     Change({"pressure": waited(1.0, 9.9)}, vmstat={"allocstall_normal": 1060, "allocstall_dma32": 80})),
    ("allocation_stalls", "critical", "in 40 % of the time",
     Change({"pressure": waited(40.0, 10.0)}, vmstat={"allocstall_normal": 1100})),
    ("allocation_stalls", "warning", "(200 a second)", Change({"pressure": None}, vmstat={"allocstall_normal": 2000})),
    ("kswapd_sleeps_too_early", "warning", "1 times a second, beside stalls: 1 in 5 s",
     Change(vmstat={"kswapd_low_wmark_hit_quickly": 5, "allocstall_normal": 1001})),
    ("high_orders_used_up", "warning", "87.91 MiB are free (the high watermark is at 58.59 MiB), and no block of 2^3",
     Change({"buddies": (in_order_2(22504),)})),
    ("huge_pages_used_up", "warning", "no block of 2^9 pages; 51 of 100 compactions",
     Change({"buddies": (Buddies(0, "Normal", (0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0)),)},
            vmstat={"compact_stall": 100, "compact_fail": 51}, began={"compact_stall": 100, "compact_fail": 51})),
    ("node_full", "warning", "on node 1, below its low watermarks of 48.83 MiB; on node 0, 234.38 MiB",
     Change(dict(TWO_NODES, zones=(zone(0, **ROOMY), zone(1, **LOW))), vmstat={"pgscan_kswapd": 1})),
    ("dirty_pages_high", "warning", "312.5 MiB are dirty, the limit is at 390.63 MiB",
     Change(vmstat={"nr_dirty": 80000}, began={"nr_dirty": 80000})),
    ("major_faults", "warning", "500 major faults a second", Change(vmstat={"pgmajfault": 2501})),
    ("slab_large", "warning", "SUnreclaim is 1.00 GiB, 12 % of 8 GiB", Change(meminfo={"SUnreclaim": GIB + 4096})),
    ("socket_buffers_large", "warning", "they take 468.75 MiB; net.ipv4.tcp_mem is 351.56 MiB, 468.75 MiB, 703.13 MiB",
     Change({"sockets": {"sockets": {}, "TCP": {"mem": 120001}}})),
    ("oom_kills_now", "critical", "1 in the last 5 s", Change(vmstat={"oom_kill": 1})),
    ("oom_kills", "info", "2 so far", Change(vmstat={"oom_kill": 2}, began={"oom_kill": 2})),
    ("strict_overcommit", "warning", "7.20 GiB of at most 8 GiB",
     Change(meminfo={"Committed_AS": int(7.2 * GIB) + 4096}, settings={"overcommit_memory": 2})),
    ("sysctl_file_differs", "warning", "it is 100, and /etc/sysctl.d/a.conf, line 2 says 7",
     Change({"at_boot": AtBoot(drift=(Drift("vm.swappiness", "7", "100", "/etc/sysctl.d/a.conf, line 2"),))})),
    ("sysctl_file_differs", "warning", "it is 67584, and /etc/sysctl.conf, line 1 says 64M",
     Change({"at_boot": AtBoot(drift=(Drift("vm.min_free_kbytes", "64M", "67584", "/etc/sysctl.conf, line 1"),))})),
    ("sysctl_file_differs", "warning", "it is 4096, and /etc/sysctl.conf, line 1 says 67584",
     Change({"at_boot": AtBoot(drift=(Drift("vm.min_free_kbytes", "67584", "4096", "/etc/sysctl.conf, line 1"),))})),
    ("fstab_swap_off", "warning", "/etc/fstab, line 3, names /swapfile", Change({"at_boot": AtBoot(promises=(OFF,))})),
    ("fstab_swap_priority", "warning", "/swapfile has priority -2, and /etc/fstab, line 3, says priority 5",
     Change({"at_boot": AtBoot(promises=(Promise(DISK, 3, 5, KEPT),))})),
    ("fstab_swap_priority", "warning", "has priority 5, and /etc/fstab, line 3, says no priority",
     Change({"at_boot": AtBoot(promises=(Promise(DISK, 3, None, area(DISK, priority=5)),))})),
    ("swap_not_at_boot", "info", "/swapfile is in /proc/swaps", Change({"at_boot": AtBoot(unlisted=(DISK,))})),
]  # fmt: skip

# name, why it is silent, the change
SILENT: list[tuple[str, str, Change]] = [
    ("swap_nearly_full", "memory is available", Change(meminfo={"SwapFree": 0})),
    ("swap_nearly_full", "swap is free", Change(meminfo={"MemAvailable": 0})),
    ("swap_nearly_full", "at 10 %", Change(meminfo={"SwapFree": 429496730, "MemAvailable": 0})),
    ("zram_full", "at 90 %", Change(swapped(area(ZRAM, used=int(0.9 * 4 * GIB))))),
    ("zram_full", "a disk is behind it", Change(swapped(area(ZRAM, used=4 * GIB), KEPT, at_boot=None))),
    ("no_swap", "there is some", Change(meminfo={"MemAvailable": GIB})),
    ("no_swap", "it was not looked for", Change({"swaps": None})),
    ("disk_swap_first", "zram is first", Change(swapped(area(ZRAM, priority=6), area(DISK, priority=5)))),
    ("disk_swap_first", "a disk alone", Change(swapped(area(DISK, priority=200)))),
    ("zram_full_before_disk", "nothing comes back",
     Change(swapped(area(ZRAM, used=4 * GIB), area(DISK, used=GIB, priority=1)))),
    ("zram_full_before_disk", "little on disk",
     Change(swapped(area(ZRAM, used=4 * GIB), area(DISK, used=64 * MIB, priority=1)), vmstat={"pswpin": 99})),
    ("zram_full_before_disk", "zram has room",
     Change(swapped(area(ZRAM, used=int(3.7 * GIB)), area(DISK, used=GIB, priority=1)), vmstat={"pswpin": 99})),
    ("swappiness_at_odds", "zram and 11", Change(settings={"swappiness": 11})),
    ("swappiness_at_odds", "a disk and 100", Change(swapped(KEPT), settings={"swappiness": 100})),
    ("swappiness_at_odds", "both", Change(swapped(area(ZRAM), KEPT), settings={"swappiness": 180})),
    ("swappiness_at_odds", "none", Change(swapped(area("/dev/sda2", priority=-2)), settings={"swappiness": 0})),
    ("oomd_near", "a quarter is free", Change({"oomd": True}, {"SwapFree": GIB})),
    ("oomd_near", "it does not run", Change({"oomd": False}, {"SwapFree": GIB - 4096})),
    ("zswap_and_zram", "zswap off", Change({"zswap": {"enabled": "N"}})),
    ("zswap_and_zram", "zram is no swap", Change(swapped(KEPT, zswap={"enabled": "Y"}), settings={"swappiness": 60})),
    ("zram_compresses_badly", "at 1.5", Change({"zram": (zram(orig=384 * MIB, compr=256 * MIB),)})),
    ("zram_compresses_badly", "too little to judge", Change({"zram": (zram(orig=256 * MIB, compr=255 * MIB),)})),
    ("zram_refuses_writes", "none failed", Change({"zram": (zram(limit=GIB),)})),
    ("zram_too_large", "exactly twice", Change({"zram": (zram(16 * GIB),)})),
    ("allocation_stalls", "19.8 a second", Change({"pressure": waited(50.0)}, vmstat={"allocstall_normal": 1099})),
    ("allocation_stalls", "nobody waits", Change({"pressure": waited(0.9)}, vmstat={"allocstall_normal": 9000})),
    ("allocation_stalls", "tasks wait, nothing stalls", Change({"pressure": waited(50.0)})),
    ("kswapd_sleeps_too_early", "no stalls", Change(vmstat={"kswapd_low_wmark_hit_quickly": 50})),
    ("kswapd_sleeps_too_early", "0.8 a second",
     Change(vmstat={"kswapd_low_wmark_hit_quickly": 4, "allocstall_normal": 1001})),
    ("high_orders_used_up", "memory is short", Change({"buddies": (in_order_2(HIGH_3_HALVES),)})),
    ("high_orders_used_up", "a block is left", Change({"buddies": (Buddies(0, "Normal", (30000, 0, 0, 1, 0)),)})),
    ("high_orders_used_up", "a zone that is 4.9 % of its node",
     Change({"zones": (NORMAL, zone(name="DMA32", managed=102000, high=100)),
             "buddies": (in_order_2(9000, 0, "DMA32"),)})),
    ("huge_pages_used_up", "half of all fail",
     Change({"buddies": (Buddies(0, "Normal", (90000, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0)),)},
            vmstat={"compact_stall": 100, "compact_fail": 50})),
    ("huge_pages_used_up", "few were tried",
     Change({"buddies": (Buddies(0, "Normal", (90000, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0)),)},
            vmstat={"compact_stall": 99, "compact_fail": 99})),
    ("huge_pages_used_up", "no huge pages",
     Change({"buddies": (Buddies(0, "Normal", (90000, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0)),), "huge": None},
            vmstat={"compact_stall": 100, "compact_fail": 99})),
    ("node_full", "nobody reclaims", Change(dict(TWO_NODES, zones=(zone(0, **ROOMY), zone(1, **LOW))))),
    ("node_full", "both are full",
     Change(dict(TWO_NODES, zones=(zone(0, free=60000), zone(1, **LOW))), vmstat={"pgscan_kswapd": 1})),
    ("node_full", "at its low watermark",
     Change(dict(TWO_NODES, zones=(zone(0, **ROOMY), zone(1, free=12500))), vmstat={"pgscan_kswapd": 1})),
    ("node_full", "the full one has no processors",
     Change({"node_cpus": {0: "0-3", 1: ""}, "zones": (zone(0, **ROOMY), zone(1, **LOW))},
            vmstat={"pgscan_kswapd": 1})),
    ("node_full", "the free one has no processors",
     Change({"node_cpus": {0: "", 1: "0-3"}, "zones": (zone(0, **ROOMY), zone(1, **LOW))},
            vmstat={"pgscan_kswapd": 1})),
    ("dirty_pages_high", "only now", Change(vmstat={"nr_dirty": 99999})),
    ("dirty_pages_high", "only before", Change(began={"nr_dirty": 99999})),
    ("dirty_pages_high", "below 80 %", Change(vmstat={"nr_dirty": 79999}, began={"nr_dirty": 99999})),
    ("major_faults", "at 500 a second", Change(vmstat={"pgmajfault": 2500})),
    ("slab_large", "at 1 GiB", Change(meminfo={"SUnreclaim": GIB})),
    ("slab_large", "a tenth of much memory",
     Change(meminfo={"MemTotal": 64 * GIB, "MemAvailable": 32 * GIB, "SUnreclaim": 6 * GIB})),
    ("socket_buffers_large", "at the limit", Change({"sockets": {"sockets": {}, "TCP": {"mem": 120000}}})),
    ("socket_buffers_large", "no TCP at all", Change({"sockets": {"sockets": {}}})),
    ("oom_kills_now", "before the sample", Change(vmstat={"oom_kill": 2}, began={"oom_kill": 2})),
    ("oom_kills", "a kernel without the counter", Change({"vmstat": {}})),
    ("strict_overcommit", "at 90 %",
     Change(meminfo={"CommitLimit": 80, "Committed_AS": 72}, settings={"overcommit_memory": 2})),
    ("strict_overcommit", "mode 0", Change(meminfo={"Committed_AS": 9 * GIB})),
    ("sysctl_file_differs", "huge pages raised it",
     Change({"at_boot": AtBoot(drift=(Drift("vm.min_free_kbytes", "4096", "67584", "/etc/sysctl.conf, line 1"),))})),
    ("sysctl_file_differs", "a container", Change({"at_boot": None})),
    ("fstab_swap_off", "it is on", Change({"at_boot": AtBoot(promises=(Promise(DISK, 3, None, KEPT),))})),
    ("fstab_swap_priority", "any below 0 is the kernel's",
     Change({"at_boot": AtBoot(promises=(Promise(DISK, 3, None, area(DISK, priority=-3)),))})),
    ("fstab_swap_priority", "the same",
     Change({"at_boot": AtBoot(promises=(Promise(DISK, 3, 5, area(DISK, priority=5)),))})),
    ("swap_not_at_boot", "all is listed", Change({"at_boot": AtBoot()})),
]  # fmt: skip

RATED = ("allocation_stalls", "kswapd_sleeps_too_early", "node_full", "dirty_pages_high", "major_faults",
         "zram_full_before_disk")  # fmt: skip


def names(sample: Sample) -> list[str]:
    return [one["name"] for one in findings.of(sample)]


def test_a_machine_that_is_well() -> None:
    assert names(Change().sample()) == []


@pytest.mark.parametrize(("name", "severity", "evidence", "change"), SPEAKS)
def test_it_speaks(name: str, severity: str, evidence: str, change: Change) -> None:
    found = [one for one in findings.of(change.sample()) if one["name"] == name]
    assert [one["severity"] for one in found] == [severity]
    assert evidence in found[0]["evidence"] + "\n" + found[0]["finding"]
    assert all(word and "{" not in word for word in found[0].values())
    assert set(names(change.sample())) == {name}


@pytest.mark.parametrize(("name", "why", "change"), SILENT)
def test_it_is_silent(name: str, why: str, change: Change) -> None:
    assert name not in names(change.sample()), why


def test_every_rule_is_tried_both_ways() -> None:
    rules = [rule.name for rule in findings.RULES]
    assert len(set(rules)) == len(rules)
    assert {row[0] for row in SPEAKS} == {row[0] for row in SILENT} == set(rules)


def test_every_rule_is_in_the_documentation() -> None:
    said = yaml.safe_load(RETURN)["memory"]["contains"]["findings"]["contains"]["name"]["description"]
    assert re.findall(r"V\((\w+)\)", " ".join(said)) == [rule.name for rule in findings.RULES]


@pytest.mark.parametrize("name", RATED)
@pytest.mark.parametrize("seconds", [0.0, 4.9])
def test_rates_need_five_seconds(name: str, seconds: float) -> None:
    change = next(row[3] for row in SPEAKS if row[0] == name)
    assert name not in names(change.sample(seconds))


def test_the_worst_comes_first() -> None:
    change = Change(swapped(), {"SwapTotal": 0}, vmstat={"oom_kill": 1, "pgmajfault": 9999})
    assert [(one["name"], one["severity"]) for one in findings.of(change.sample())] == [
        ("oom_kills_now", "critical"),
        ("no_swap", "warning"),
        ("major_faults", "warning"),
    ]


def test_several_of_one_kind() -> None:
    """A zone each, a device each."""
    zones = (zone(0), zone(1))
    change = Change({"zones": zones, "buddies": tuple(in_order_2(90000, one.node) for one in zones)})
    assert [one["subject"] for one in findings.of(change.sample())] == ["node 0, zone Normal", "node 1, zone Normal"]


def test_nothing_was_read() -> None:
    """As in a kernel that lacks all of it: no rule speaks, and none fails."""
    assert findings.of(Sample(State(1.0, 4096))) == []
