# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on swap: none, full, tiers upside down, swappiness that does not fit."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import (
    CRITICAL,
    INFO,
    WARNING,
    Case,
    Rule,
    available,
    grown,
    memory,
    setting,
)
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import on_disk, on_zram

MIB = 2**20


def _nearly_full(sample: Sample) -> Iterable[Case]:
    total, free = memory(sample, "SwapTotal"), memory(sample, "SwapFree")
    ram, left = memory(sample, "MemTotal"), available(sample)
    if total and free * 10 < total and left * 10 < ram:
        yield {"total": total, "free": free, "ram": ram, "available": left}


def _zram_full(sample: Sample) -> Iterable[Case]:
    """Alone and full, a zram just holds what it was made for; it is said, since what comes next has nowhere to go."""
    if on_disk(sample.now) or any(_nearly_full(sample)):
        return
    for area in on_zram(sample.now):
        if area.used * 10 > area.size * 9:
            yield {"path": area.path, "used": area.used, "size": area.size}


def _none(sample: Sample) -> Iterable[Case]:
    ram, left, kills = memory(sample, "MemTotal"), available(sample), sample.total("oom_kill") or 0
    if sample.now.swaps == ():
        short = left * 100 < ram * 15 or kills > 0
        yield {
            "severity": WARNING if short else INFO,
            "ram": ram,
            "available": left,
            "kills": kills,
        }


def _disk_first(sample: Sample) -> Iterable[Case]:
    for zram in on_zram(sample.now):
        for disk in on_disk(sample.now):
            if disk.priority >= zram.priority:
                yield {
                    "disk": disk.path,
                    "disk_priority": disk.priority,
                    "zram": zram.path,
                    "zram_priority": zram.priority,
                    "how": "in turns with" if disk.priority == zram.priority else "before",
                }


def _hot_pages_on_disk(sample: Sample) -> Iterable[Case]:
    zram, disk = on_zram(sample.now), on_disk(sample.now)
    size, used = (sum(getattr(area, field) for area in zram) for field in ("size", "used"))
    behind, coming = sum(area.used for area in disk), grown(sample, "pswpin")
    if size and used * 100 >= size * 95 and behind > 64 * MIB and coming:
        yield {"used": used, "size": size, "behind": behind, "rate": sample.rate("pswpin")}


def _swappiness(sample: Sample) -> Iterable[Case]:
    value, zram, disk = setting(sample, "swappiness"), on_zram(sample.now), on_disk(sample.now)
    if value is None or bool(zram) == bool(disk):
        return
    if zram and value <= 10:
        yield {
            "value": value,
            "where": "zram",
            "how": "below 100 although it is the faster one",
            "better": "100 to 180",
        }
    if disk and value > 100:
        yield {"value": value, "where": "a disk", "how": "above 100, as only fits zram", "better": "60 or less"}


def _zswap_too(sample: Sample) -> Iterable[Case]:
    if (sample.now.zswap or {}).get("enabled") == "Y" and on_zram(sample.now):
        yield {"zram": ", ".join(area.path for area in on_zram(sample.now))}


def _oomd(sample: Sample) -> Iterable[Case]:
    total, free = memory(sample, "SwapTotal"), memory(sample, "SwapFree")
    if sample.now.oomd and total and free * 4 < total:
        yield {"total": total, "used": total - free}


RULES = (
    Rule(
        "swap_nearly_full",
        CRITICAL,
        "swap",
        _nearly_full,
        "swap and memory are nearly used up",
        "{free:size} of {total:size} of swap are free, and {available:size} of {ram:size} of memory are available",
        "find who holds memory (gather: [processes]); playbook highwater.memory.emergency_swap gives room at once",
        "earlyoom and systemd-oomd act at 10 % of both",
    ),
    Rule(
        "zram_full",
        INFO,
        "zram",
        _zram_full,
        "{path} is nearly full, and there is no other swap",
        "it holds {used:size} of {size:size}",
        "make it larger, or put a swapfile of lower priority behind it",
        "judgement: 90 %",
    ),
    Rule(
        "no_swap",
        INFO,
        "swap",
        _none,
        "there is no swap",
        "/proc/swaps is empty; {available:size} of {ram:size} of memory are available, and {kills} processes were "
        "killed for want of memory since boot",
        "turn on a zram device, a swapfile or both (playbook highwater.memory.site)",
        "judgement: a warning below 15 % of memory available, or after a kill",
    ),
    Rule(
        "disk_swap_first",
        WARNING,
        "swap",
        _disk_first,
        "swap on disk is used {how} zram",
        "{disk} has priority {disk_priority}, {zram} has {zram_priority}; the higher is used first",
        "give {zram} the higher priority",
        "swapon(8), priorities",
    ),
    Rule(
        "zram_full_before_disk",
        WARNING,
        "swap",
        _hot_pages_on_disk,
        "zram is full of pages that nobody needs, and those that are needed go to disk",
        "zram holds {used:size} of {size:size}, the disk behind it {behind:size}; {rate:g} pages a second come "
        "back from the two",
        "give zram a writeback device, or use zswap in front of the disk instead of zram",
        "Documentation/admin-guide/mm/zswap.rst: least recently used pages leave first there, and not with zram",
    ),
    Rule(
        "swappiness_at_odds",
        WARNING,
        "swap",
        _swappiness,
        "vm.swappiness does not fit swap on {where}",
        "it is {value}: {how}",
        "set vm.swappiness to {better} (role vm_tuning knows the swap that is on)",
        "Documentation/admin-guide/sysctl/vm.rst, swappiness",
    ),
    Rule(
        "oomd_near",
        INFO,
        "swap",
        _oomd,
        "systemd-oomd will kill whole services once swap and memory are 90 % used",
        "it runs, and {used:size} of {total:size} of swap are used",
        "make swap larger, or say in the units what may be killed (ManagedOOMSwap=, ManagedOOMPreference=)",
        "oomd.conf(5), SwapUsedLimit=; three quarters are judgement",
    ),
    Rule(
        "zswap_and_zram",
        WARNING,
        "zswap",
        _zswap_too,
        "pages are compressed twice",
        "zswap is enabled in front of {zram}",
        "turn zswap off (module highwater.memory.zswap), or swap to a disk behind it instead of zram",
        "Documentation/admin-guide/blockdev/zram.rst and mm/zswap.rst",
    ),
)
