# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on how memory is got back: stalls, kswapd, fragmentation, nodes, dirty pages, major faults."""

from __future__ import annotations

from typing import Iterable, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.memory.fragmentation import (
    fragmentation_index,
    free_pages,
    suitable_blocks,
)
from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import (
    CRITICAL,
    WARNING,
    Case,
    Rule,
    grown,
    rated,
)
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone

COSTLY = 3  # PAGE_ALLOC_COSTLY_ORDER of include/linux/mmzone.h: up to it the kernel tries as hard as for one page
STALLS = 20  # a second
MAJOR_FAULTS = 500  # a second
LEAST_COMPACTIONS = 100  # since boot; of fewer, a half says little


def _stalls(sample: Sample) -> Iterable[Case]:
    count = grown(sample, "allocstall")
    some, full = sample.waited("memory", "some"), sample.waited("memory", "full")
    if count >= STALLS * sample.seconds > 0 and (some is None or some >= 1):
        yield {
            "severity": CRITICAL if full is not None and full >= 10 else WARNING,
            "count": count,
            "seconds": sample.seconds,
            "rate": sample.rate("allocstall"),
            "waited": "" if some is None else "; tasks waited for memory in %g %% of the time" % some,
        }


def _kswapd(sample: Sample) -> Iterable[Case]:
    early, stalls = grown(sample, "kswapd_low_wmark_hit_quickly"), grown(sample, "allocstall")
    if early >= sample.seconds > 0 and stalls:
        yield {"rate": sample.rate("kswapd_low_wmark_hit_quickly"), "stalls": stalls, "seconds": sample.seconds}


def _no_order_3(sample: Sample) -> Iterable[Case]:
    return _used_up(sample, COSTLY)


def _no_huge_page(sample: Sample) -> Iterable[Case]:
    """Only where the kernel tries to make huge pages and mostly fails: else nobody misses them.

    Not of a zone that lacks order 3 as well, of which the rule before says more.
    """
    stalls, fails = sample.total("compact_stall") or 0, sample.total("compact_fail") or 0
    size = (sample.now.huge or {}).get("hpage_pmd_size", "")
    if size.isdigit() and stalls >= LEAST_COMPACTIONS and fails * 2 > stalls:
        order = (int(size) // sample.now.page_size).bit_length() - 1
        worse = {case["subject"] for case in _no_order_3(sample)}
        for case in _used_up(sample, order):
            if case["subject"] not in worse:
                yield dict(case, stalls=stalls, fails=fails)


def _used_up(sample: Sample, order: int) -> Iterable[Case]:
    """Zones with memory enough, in pieces too small; a zone that is next to nothing of its node is left out."""
    zones = sample.now.zones or ()
    blocks_of = {(one.node, one.zone): one.blocks for one in sample.now.buddies or ()}
    for zone in zones:
        blocks = blocks_of.get((zone.node, zone.name), ())
        of_node = sum(other.managed for other in zones if other.node == zone.node)
        free = free_pages(blocks)
        if len(blocks) <= order or suitable_blocks(blocks, order) or zone.managed * 20 < of_node:
            continue
        if free * 2 > zone.base_high * 3:
            yield {
                "subject": "node %d, zone %s" % (zone.node, zone.name),
                "order": order,
                "free": free * sample.now.page_size,
                "high": zone.base_high * sample.now.page_size,
                "index": fragmentation_index(blocks, order),
            }


def _node_full(sample: Sample) -> Iterable[Case]:
    """Nodes without processors (memory behind a bus) are neither a place to overflow from nor one to go to."""
    if not (grown(sample, "pgscan_kswapd") or grown(sample, "pgscan_direct")):
        return
    cpus = sample.now.node_cpus or {}
    nodes: dict[int, list[Zone]] = {}
    for zone in sample.now.zones or ():
        if zone.managed and cpus.get(zone.node, "0"):
            nodes.setdefault(zone.node, []).append(zone)
    sums = {node: _sums(zones) for node, zones in nodes.items()}
    roomy = [node for node, (free, _low, high) in sums.items() if free > 4 * high]
    size = sample.now.page_size
    for node, (free, low, _high) in sums.items():
        if free < low and roomy:
            other = max(roomy, key=lambda one: sums[one][0])
            yield {
                "subject": "node %d" % node,
                "node": node,
                "free": free * size,
                "low": low * size,
                "other": other,
                "other_free": sums[other][0] * size,
            }


def _sums(zones: Sequence[Zone]) -> tuple[int, int, int]:
    """free, low and high of the zones of a node, in pages."""
    return (
        sum(zone.free for zone in zones),
        sum(zone.base_low for zone in zones),
        sum(zone.base_high for zone in zones),
    )


def _dirty(sample: Sample) -> Iterable[Case]:
    if not rated(sample) or not sample.before:
        return
    both = [state.vmstat or {} for state in (sample.before, sample.now)]
    pages = [(one.get("nr_dirty", 0), one.get("nr_dirty_threshold", 0)) for one in both]
    if all(limit and dirty * 5 >= limit * 4 for dirty, limit in pages):
        size = sample.now.page_size
        dirty, limit = pages[1]
        yield {"dirty": dirty * size, "limit": limit * size, "seconds": sample.seconds}


def _major_faults(sample: Sample) -> Iterable[Case]:
    if grown(sample, "pgmajfault") > MAJOR_FAULTS * sample.seconds > 0:
        yield {"rate": sample.rate("pgmajfault"), "swapins": sample.rate("pswpin") or 0}


_VM_RST = "Documentation/admin-guide/sysctl/vm.rst, "

RULES = (
    Rule(
        "allocation_stalls",
        WARNING,
        "reclaim",
        _stalls,
        "programs have to wait until memory is reclaimed",
        "direct reclaim stalled {count:,} allocations in {seconds:.0f} s ({rate:,.0f} a second){waited}",
        "raise vm.watermark_scale_factor, so that reclaim in the background begins earlier (role vm_tuning)",
        _VM_RST + "watermark_scale_factor; 20 a second and 1 % of the time are judgement",
    ),
    Rule(
        "kswapd_sleeps_too_early",
        WARNING,
        "reclaim",
        _kswapd,
        "reclaim in the background goes to sleep too early",
        "kswapd fell below the low watermark right after it had gone to sleep {rate:.0f} times a second, beside "
        "stalls: {stalls:,} in {seconds:.0f} s",
        "raise vm.watermark_scale_factor: what lies between the watermarks is too little for these bursts",
        _VM_RST + "watermark_scale_factor",
    ),
    Rule(
        "high_orders_used_up",
        WARNING,
        "fragmentation",
        _no_order_3,
        "free memory is in pieces too small for order {order}",
        "{free:size} are free (the high watermark is at {high:size}), and no block of 2^{order} pages; fragmentation "
        "index {index}",
        "compact it (module highwater.memory.memory_compact), and raise vm.min_free_kbytes (role vm_tuning)",
        "PAGE_ALLOC_COSTLY_ORDER of include/linux/mmzone.h; " + _VM_RST + "extfrag_threshold",
    ),
    Rule(
        "huge_pages_used_up",
        WARNING,
        "fragmentation",
        _no_huge_page,
        "there is no free memory in pieces of a huge page, and compaction mostly fails to make any",
        "{free:size} are free, and no block of 2^{order} pages; {fails:,} of {stalls:,} compactions since boot failed",
        "raise vm.compaction_proactiveness (role compaction), or set transparent huge pages to madvise",
        "Documentation/admin-guide/mm/transhuge.rst, compact_fail; a half is judgement",
    ),
    Rule(
        "node_full",
        WARNING,
        "numa",
        _node_full,
        "node {node} reclaims memory while node {other} has plenty",
        "{free:size} are free on node {node}, below its low watermarks of {low:size}; on node {other}, "
        "{other_free:size}",
        "spread what runs there (numactl --interleave), and keep vm.zone_reclaim_mode at 0",
        _VM_RST + "zone_reclaim_mode; four times the high watermarks are judgement",
    ),
    Rule(
        "dirty_pages_high",
        WARNING,
        "writeback",
        _dirty,
        "so much is to be written that programs are held back when they write",
        "{dirty:size} are dirty, the limit is at {limit:size}, and it was so {seconds:.0f} s ago too",
        "lower vm.dirty_background_bytes, so that writing begins earlier; find out who writes",
        _VM_RST + "dirty_ratio; 80 % are judgement",
    ),
    Rule(
        "major_faults",
        WARNING,
        "reclaim",
        _major_faults,
        "programs wait for their own pages to be read back",
        "{rate:,.0f} major faults a second, {swapins:,.0f} pages a second from swap",
        "give the machine more memory or fewer programs; zram makes it bearable where the pages compress",
        "judgement: 500 a second",
    ),
)
