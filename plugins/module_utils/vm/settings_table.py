# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of each ``vm.*`` setting: one row a setting, and adding a setting is adding its row.

The table also has settings that a kernel at hand may lack, so that a wrong value is refused the same everywhere.
A setting without a row is passed on: then the kernel alone says what it takes.
Sources: Documentation/admin-guide/sysctl/vm.rst, the kernel's vm_table of 5.10, 6.1, 6.12 and 6.18, and the
integration target vm_sysctl, which tries every row's bounds against the kernel that it runs on.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

Version = Tuple[int, int]  # of a kernel: (6, 12)

# Units in which the kernel takes a number. PLAIN is no amount of memory: percent, centiseconds, switches.
PLAIN, IN_BYTES, IN_KIB, IN_PAGES = "", "bytes", "kB", "pages"

INT_MAX = 2**31 - 1
ANY: Version = (0, 0)


class Range(NamedTuple):
    """The least and the most that kernels since a version take; None where there is no upper bound."""

    since: Version
    low: int
    high: Optional[int]


class Setting(NamedTuple):
    """One row.

    name:    the file's name below /proc/sys/vm, in the kernel's spelling.
    unit:    PLAIN, or that of an amount of memory: such a setting also takes a SIZE.
    ranges:  by kernel version, oldest first.
    since:   the first kernel that has it; until: the first that no longer has it.
    partner: the setting that this one excludes: writing one makes the other read 0.
    zero:    0 is taken too, below the range ("off").
    several: holds several numbers, separated by blanks.
    action:  writing it does something instead of setting something; says what does that properly.
    """

    name: str
    unit: str = PLAIN
    ranges: tuple[Range, ...] = (Range(ANY, 0, INT_MAX),)
    since: Version = ANY
    until: Optional[Version] = None
    partner: Optional[str] = None
    zero: bool = False
    several: bool = False
    action: Optional[str] = None

    def range(self, kernel: Version) -> Range:
        """What a kernel takes; for one older than all rows, the oldest."""
        fitting = [one for one in self.ranges if one.since <= kernel]
        return fitting[-1] if fitting else self.ranges[0]

    def bytes_per_unit(self, page_size: int) -> int:
        """Bytes that a 1 stands for; only for amounts of memory."""
        return {IN_BYTES: 1, IN_KIB: 1024, IN_PAGES: page_size}[self.unit]


def _between(low: int, high: int | None) -> tuple[Range, ...]:
    return (Range(ANY, low, high),)


_SWITCH = _between(0, 1)
_PERCENT = _between(0, 100)
_AMOUNT = _between(0, None)  # an unsigned long: what does not fit is the kernel's to refuse
# Kept in jiffies: seconds times HZ, which is at most 1000, must fit an int.
_SECONDS = _between(0, INT_MAX // 1000)

_ROWS = (
    Setting("admin_reserve_kbytes", IN_KIB, _AMOUNT),
    Setting("block_dump", until=(5, 13)),
    Setting("compact_memory", action="module highwater.memory.memory_compact compacts memory"),
    Setting("compact_unevictable_allowed", PLAIN, _SWITCH),
    Setting("compaction_proactiveness", PLAIN, _PERCENT, since=(5, 9)),
    Setting("defrag_mode", PLAIN, _SWITCH, since=(6, 15)),
    Setting("dirty_background_bytes", IN_BYTES, _between(1, None), partner="dirty_background_ratio"),
    Setting("dirty_background_ratio", PLAIN, _PERCENT, partner="dirty_background_bytes"),
    Setting("dirty_bytes", IN_BYTES, _between(8192, None), partner="dirty_ratio"),  # two pages of 4 KiB
    Setting("dirty_expire_centisecs"),
    Setting("dirty_ratio", PLAIN, _PERCENT, partner="dirty_bytes"),
    Setting("dirty_writeback_centisecs"),  # the kernel takes -1 without a check
    Setting("dirtytime_expire_seconds"),
    Setting("drop_caches", action="module highwater.memory.page_cache_purge drops the page cache"),
    Setting("enable_soft_offline", PLAIN, _SWITCH, since=(6, 11)),
    Setting("extfrag_threshold", PLAIN, _between(0, 1000)),
    Setting("highmem_is_dirtyable", PLAIN, _SWITCH),
    Setting("hugetlb_optimize_vmemmap", PLAIN, _SWITCH, since=(5, 19)),
    Setting("hugetlb_shm_group"),  # a group id
    Setting("laptop_mode", PLAIN, _SECONDS),
    Setting("legacy_va_layout"),
    Setting("lowmem_reserve_ratio", PLAIN, _between(0, INT_MAX), several=True),
    Setting("max_map_count"),
    Setting("memfd_noexec", PLAIN, _between(0, 2), since=(6, 3)),
    Setting("memory_failure_early_kill", PLAIN, _SWITCH),
    Setting("memory_failure_recovery", PLAIN, _SWITCH),
    Setting("min_free_kbytes", IN_KIB),  # no bound but the int: the guards bound it
    Setting("min_slab_ratio", PLAIN, _PERCENT),
    Setting("min_unmapped_ratio", PLAIN, _PERCENT),
    Setting("mmap_min_addr", IN_BYTES, _AMOUNT),
    Setting("nr_hugepages", PLAIN, _AMOUNT),
    Setting("nr_hugepages_mempolicy", PLAIN, _AMOUNT),
    Setting("nr_overcommit_hugepages", PLAIN, _AMOUNT),
    Setting("numa_stat", PLAIN, _SWITCH),
    Setting("oom_dump_tasks"),
    Setting("oom_kill_allocating_task"),
    # The kernel takes 0, and sets the ratio to 0 as well: a limit of nothing but swap, which nobody means.
    Setting("overcommit_kbytes", IN_KIB, _between(1, None), partner="overcommit_ratio"),
    Setting("overcommit_memory", PLAIN, _between(0, 2)),
    Setting("overcommit_ratio", partner="overcommit_kbytes"),  # the kernel takes even -1
    Setting("page-cluster", PLAIN, _between(0, 31)),  # older kernels do not check: 2^32 pages make no sense there too
    Setting("page_lock_unfairness", since=(5, 9)),
    Setting("panic_on_oom", PLAIN, _between(0, 2)),
    Setting("percpu_pagelist_fraction", PLAIN, _between(8, INT_MAX), until=(5, 14), zero=True),
    Setting("percpu_pagelist_high_fraction", PLAIN, _between(8, INT_MAX), since=(5, 14), zero=True),
    Setting("stat_interval", PLAIN, _SECONDS),
    Setting("stat_refresh", action="module highwater.memory.memory_info reads /proc/vmstat"),
    Setting("swappiness", PLAIN, (Range(ANY, 0, 100), Range((5, 8), 0, 200))),
    Setting("unprivileged_userfaultfd", PLAIN, _SWITCH),
    Setting("user_reserve_kbytes", IN_KIB, _AMOUNT),
    Setting("vfs_cache_pressure"),
    Setting("vfs_cache_pressure_denom", PLAIN, _between(100, INT_MAX), since=(6, 16)),
    Setting("watermark_boost_factor", since=(5, 0)),
    Setting("watermark_scale_factor", PLAIN, (Range(ANY, 1, 1000), Range((5, 18), 1, 3000))),
    Setting("zone_reclaim_mode"),  # a mask of 1, 2 and 4; the kernel takes more
)

TABLE = {row.name: row for row in _ROWS}
_SPELLINGS = {row.name.replace("-", "_"): row.name for row in _ROWS}


def spelled(name: str) -> str:
    """The kernel's spelling of a name in which dashes and underscores may be mixed up."""
    return _SPELLINGS.get(name.replace("-", "_"), name)


def row(name: str) -> Setting:
    """What is known of a setting; one without a row may be any whole number."""
    return TABLE.get(name) or Setting(name, PLAIN, (Range(ANY, -INT_MAX, None),))


def group(name: str) -> tuple[str, ...]:
    """The settings of which at most one counts, name first: ``("dirty_bytes", "dirty_ratio")``."""
    partner = row(name).partner
    return (name,) if partner is None else (name, partner)
