# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of each ``vm.*`` setting: one row a setting, and adding a setting is adding its row.

A setting outside ``vm`` has a row only where it belongs to the same subject: ``kernel.numa_balancing``. Its name has
the dot; the names of all others are those below ``vm``.

The table has every setting that Linux 5.10 to 7.x may have, so that a wrong value is refused the same everywhere, also
where the kernel at hand lacks it. A setting without a row is passed on: then the kernel alone says what it takes.
Sources: Documentation/admin-guide/sysctl/vm.rst, the kernel's vm_table of 5.10, 6.1, 6.12 and 6.18, and
tests/lab/test_vm_ranges.py, which tries every row's bounds against the kernels of the lab.
"""

from __future__ import annotations

from typing import Optional, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

Version = Tuple[int, int]  # of a kernel: (6, 12)

# Units in which the kernel takes a number. PLAIN is no amount of memory: percent, centiseconds, switches.
PLAIN, IN_BYTES, IN_KIB, IN_PAGES = "", "bytes", "kB", "pages"

INT_MAX, ULONG_MAX = 2**31 - 1, 2**64 - 1
ANY: Version = (0, 0)
NEWEST: Version = (99, 0)


class Range(NamedTuple):
    """The least and the most that kernels since a version take; None where only an unsigned long bounds it."""

    since: Version
    low: int
    high: Optional[int]

    @property
    def most(self) -> int:
        return ULONG_MAX if self.high is None else self.high


class Setting(NamedTuple):
    """One row.

    name:    the file's name below /proc/sys/vm, in the kernel's spelling; of another folder with it: kernel.x.
    unit:    PLAIN, or that of an amount of memory: such a setting also takes a SIZE.
    ranges:  by kernel version, oldest first.
    since:   the first kernel that has it; until: the first that no longer has it. Its configuration decides as well.
    partner: the setting that this one excludes: writing one makes the other read 0.
    zero:    0 is taken too, below the range ("off").
    several: holds several numbers, separated by blanks; their bounds are not tried, since kernels mend each by itself.
    pages:   the least is so many pages, where those are larger than 4 KiB.
    judged:  why the range is narrower than what all kernels take; None where it is the kernel's.
    untried: why no test writes what is within its bounds, on a machine that is to go on.
    refused: why the module does not set it at all: it is an action, or has no other value than the one it has.
    """

    name: str
    unit: str = PLAIN
    ranges: tuple[Range, ...] = (Range(ANY, 0, INT_MAX),)
    since: Version = ANY
    until: Optional[Version] = None
    partner: Optional[str] = None
    zero: bool = False
    several: bool = False
    pages: int = 0
    judged: Optional[str] = None
    untried: Optional[str] = None
    refused: Optional[str] = None

    def range(self, kernel: Version) -> Range:
        """What a kernel takes; for one older than all rows, the oldest."""
        fitting = [one for one in self.ranges if one.since <= kernel]
        return fitting[-1] if fitting else self.ranges[0]

    def of_pages(self, page_size: int) -> Setting:
        """The row for a kernel with pages of that size."""
        if not self.pages:
            return self
        ranges = tuple(one._replace(low=max(one.low, self.pages * page_size)) for one in self.ranges)
        return self._replace(ranges=ranges)

    def bytes_per_unit(self, page_size: int) -> int:
        """Bytes that a 1 stands for; only for amounts of memory."""
        return {IN_BYTES: 1, IN_KIB: 1024, IN_PAGES: page_size}[self.unit]


def _between(low: int, high: int | None) -> tuple[Range, ...]:
    return (Range(ANY, low, high),)


_SWITCH = _between(0, 1)
_PERCENT = _between(0, 100)
_AMOUNT = _between(0, None)
# Kept in jiffies: seconds times HZ, which is at most 1000, must fit an int.
_SECONDS = _between(0, INT_MAX // 1000)

_ACTION = "is an action and no setting, so it is not for this module: module highwater.memory."
_POOL = "huge pages are taken from the machine at once"
_NOT_LESS = "less than 0 means nothing"

_ROWS = (
    Setting("admin_reserve_kbytes", IN_KIB, _AMOUNT),
    Setting("allocate_pgste", PLAIN, _SWITCH),  # s390
    Setting("block_dump", until=(5, 13), judged=_NOT_LESS),
    Setting("cmm_pages", IN_PAGES, _AMOUNT, untried="the hypervisor takes them"),  # s390, as the next two
    Setting("cmm_timed_pages", IN_PAGES, _AMOUNT, untried="the hypervisor takes them"),
    Setting("cmm_timeout", PLAIN, _between(0, INT_MAX), several=True),
    Setting("compact_memory", refused=_ACTION + "memory_compact compacts memory"),
    Setting("compact_unevictable_allowed", PLAIN, _SWITCH),
    Setting("compaction_proactiveness", PLAIN, _PERCENT, since=(5, 9)),
    Setting("defrag_mode", PLAIN, _SWITCH, since=(6, 15)),
    Setting("dirty_background_bytes", IN_BYTES, _between(1, None), partner="dirty_background_ratio"),
    Setting("dirty_background_ratio", PLAIN, _PERCENT, partner="dirty_background_bytes"),
    Setting("dirty_bytes", IN_BYTES, _between(8192, None), partner="dirty_ratio", pages=2),
    Setting("dirty_expire_centisecs"),
    Setting("dirty_ratio", PLAIN, _PERCENT, partner="dirty_bytes"),
    Setting("dirty_writeback_centisecs", judged=_NOT_LESS),
    Setting("dirtytime_expire_seconds"),
    Setting("drop_caches", refused=_ACTION + "page_cache_purge drops the page cache"),
    Setting("enable_soft_offline", PLAIN, _SWITCH, since=(6, 11)),
    Setting("extfrag_threshold", PLAIN, _between(0, 1000)),
    Setting("highmem_is_dirtyable", PLAIN, _SWITCH),  # 32-bit machines
    Setting("hugetlb_optimize_vmemmap", PLAIN, _SWITCH, since=(5, 19)),
    Setting("hugetlb_shm_group", judged="a group id is not less than 0"),
    # 1 moves pages to who reads them, 2 moves them between tiers of memory; a mask, of which kernels take 4 as well.
    Setting("kernel.numa_balancing", PLAIN, (Range(ANY, 0, 1), Range((5, 18), 0, 3)), judged="a mask of 1 and 2"),
    Setting("laptop_mode", PLAIN, _SECONDS, until=(7, 0), judged="seconds that do not fit into the kernel's jiffies"),
    Setting("legacy_va_layout"),
    Setting("lowmem_reserve_ratio", PLAIN, _between(0, INT_MAX), several=True),
    Setting("max_map_count"),
    Setting("mem_profiling", PLAIN, _SWITCH, since=(6, 10)),
    Setting("memfd_noexec", PLAIN, _between(0, 2), since=(6, 3), untried="it cannot be lowered again"),
    Setting("memory_failure_early_kill", PLAIN, _SWITCH),
    Setting("memory_failure_recovery", PLAIN, _SWITCH),
    Setting("min_free_kbytes", IN_KIB, untried="no kernel bounds it: most of its range ends in the OOM killer at once"),
    Setting("min_slab_ratio", PLAIN, _PERCENT),
    Setting("min_unmapped_ratio", PLAIN, _PERCENT),
    Setting("mmap_min_addr", IN_BYTES, _AMOUNT),
    # The bounds of all architectures: those of one are narrower (28 to 32 and 8 to 16 on x86).
    Setting("mmap_rnd_bits", PLAIN, _between(7, 33), untried="its bounds are the architecture's"),
    Setting("mmap_rnd_compat_bits", PLAIN, _between(7, 17), untried="its bounds are the architecture's"),
    Setting("movable_gigantic_pages", PLAIN, _SWITCH, since=(7, 0), judged="anything but 0 counts as 1"),
    Setting("nr_hugepages", PLAIN, _AMOUNT, untried=_POOL),
    Setting("nr_hugepages_mempolicy", PLAIN, _AMOUNT, untried=_POOL),
    Setting("nr_overcommit_hugepages", PLAIN, _AMOUNT),
    Setting("nr_trim_pages"),  # machines without an MMU
    Setting("numa_stat", PLAIN, _SWITCH),
    Setting("numa_zonelist_order", refused="has no other value than Node in any kernel since 4.14: leave it out"),
    Setting("oom_dump_tasks", judged=_NOT_LESS),
    Setting("oom_kill_allocating_task", judged=_NOT_LESS),
    Setting(
        "overcommit_kbytes",
        IN_KIB,
        _between(1, None),
        partner="overcommit_ratio",
        judged="with 0 the kernel sets the ratio to 0 as well: a limit of nothing but swap, which nobody means",
    ),
    Setting("overcommit_memory", PLAIN, _between(0, 2)),
    Setting("overcommit_ratio", partner="overcommit_kbytes", judged=_NOT_LESS),
    Setting("page-cluster", PLAIN, _between(0, 31), judged="a power of two; 2^32 pages make no sense on any kernel"),
    Setting("page_lock_unfairness", since=(5, 9)),
    Setting("panic_on_oom", PLAIN, _between(0, 2)),
    Setting("percpu_pagelist_fraction", PLAIN, _between(8, INT_MAX), until=(5, 14), zero=True),
    Setting("percpu_pagelist_high_fraction", PLAIN, _between(8, INT_MAX), since=(5, 14), zero=True),
    Setting("stat_interval", PLAIN, _SECONDS, judged="seconds that do not fit into the kernel's jiffies"),
    Setting("stat_refresh", refused=_ACTION + "memory_info reads /proc/vmstat"),
    Setting("swappiness", PLAIN, (Range(ANY, 0, 100), Range((5, 8), 0, 200))),
    Setting("unprivileged_userfaultfd", PLAIN, _SWITCH),
    Setting("user_reserve_kbytes", IN_KIB, _AMOUNT),
    Setting("vdso_enabled", PLAIN, _SWITCH, judged="anything but 0 counts as 1"),  # 32-bit x86, and sh
    Setting("vfs_cache_pressure"),
    Setting("vfs_cache_pressure_denom", PLAIN, _between(100, INT_MAX), since=(6, 16)),
    Setting("watermark_boost_factor", since=(5, 0)),
    # 3000 since 5.18, but the stable series before took that over, 5.10.223 for one: an older one refuses by itself.
    Setting("watermark_scale_factor", PLAIN, (Range(ANY, 1, 1000), Range((5, 10), 1, 3000))),
    Setting("zone_reclaim_mode", PLAIN, _between(0, 7), judged="a mask of 1, 2 and 4"),
)

TABLE = {row.name: row for row in _ROWS}
OUTSIDE_VM = tuple(name for name in TABLE if "." in name)
_SPELLINGS = {row.name.replace("-", "_"): row.name for row in _ROWS}


def spelled(name: str) -> str:
    """The kernel's spelling of a name in which dashes and underscores may be mixed up."""
    return _SPELLINGS.get(name.replace("-", "_"), name)


def full(name: str) -> str:
    """As sysctl(8) has it: ``vm.swappiness``, ``kernel.numa_balancing``."""
    return name if "." in name else "vm." + name


def path(name: str) -> str:
    """The file of a setting."""
    return "/proc/sys/" + full(name).replace(".", "/")


def row(name: str) -> Setting:
    """What is known of a setting; one without a row may be any whole number."""
    return TABLE.get(name) or Setting(name, PLAIN, (Range(ANY, -INT_MAX, None),))


def group(name: str) -> tuple[str, ...]:
    """The settings of which at most one counts, name first: ``("dirty_bytes", "dirty_ratio")``."""
    partner = row(name).partner
    return (name,) if partner is None else (name, partner)
