# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watermarks of each zone will be, as mm/page_alloc.c (__setup_per_zone_wmarks) computes them."""

from __future__ import annotations

import math
from typing import Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone

# Zones that pay no share of min_free_kbytes: nothing of the kernel's own lives there.
_APART = ("HighMem", "Movable")
# On them min is managed / 1024 within SWAP_CLUSTER_MAX and 128 pages.
_APART_LEAST, _APART_MOST = 32, 128
# init_per_zone_wmark_min(): sqrt(low memory in kB * 16), within these bounds, in kB.
_AUTO_LEAST, _AUTO_MOST = 128, 262144
# set_recommended_min_free_kbytes(): pageblocks a zone, 2 + MIGRATE_PCPTYPES squared; at most 1/20 of low memory.
_THP_BLOCKS, _THP_SHARE = 11, 20


class Marks(NamedTuple):
    """Watermarks without boost, in pages (of a zone) or bytes (summed over zones)."""

    min: int
    low: int
    high: int


def takes_part(zone: Zone) -> bool:
    """Whether a zone shares in min_free_kbytes. An x86 or arm64 kernel's DMA, DMA32 and Normal do."""
    return zone.managed > 0 and zone.name not in _APART


def managed_pages(zones: Iterable[Zone]) -> int:
    """What the page allocator has in the zones that take part; the base of every share here, never MemTotal."""
    return sum(zone.managed for zone in zones if takes_part(zone))


def computed(zones: Sequence[Zone], min_free_kbytes: int, scale_factor: int, page_size: int) -> tuple[Marks, ...]:
    """The marks of each zone in pages, in the order of zones; page_size in bytes.

    min is the zone's share of min_free_kbytes, and low and high stand above it by the larger of a quarter of that
    share and scale_factor / 10000 of the zone.
    """
    total = managed_pages(zones)
    return tuple(_zone_marks(zone, min_free_kbytes * 1024 // page_size, scale_factor, total) for zone in zones)


def _zone_marks(zone: Zone, min_free_pages: int, scale_factor: int, total: int) -> Marks:
    share = min_free_pages * zone.managed // total if total else 0
    gap = max(share // 4, zone.managed * scale_factor // 10000)
    least = share
    if zone.name in _APART:
        least = min(max(zone.managed // 1024, _APART_LEAST), _APART_MOST)
    return Marks(least, least + gap, least + 2 * gap)


def now(zones: Iterable[Zone]) -> tuple[Marks, ...]:
    """The marks that the kernel says, boost taken off, in pages."""
    return tuple(Marks(zone.base_min, zone.base_low, zone.base_high) for zone in zones)


def total(zones: Sequence[Zone], marks: Sequence[Marks], page_size: int) -> Marks:
    """Marks summed over the zones that have memory, in bytes."""
    counted = [mark for zone, mark in zip(zones, marks) if zone.managed > 0]
    return Marks(*(sum(mark[index] for mark in counted) * page_size for index in range(3)))


def automatic_min_free_kbytes(zones: Sequence[Zone], thp_pageblock: int | None, page_size: int) -> int:
    """What the kernel would choose for min_free_kbytes itself, in kB; a little more where it says less.

    thp_pageblock: bytes of a pageblock where transparent huge pages are on, None where they are off or lacking.
    The kernel counts low memory without its high marks as they were at the time (about a hundredth); leaving that out
    errs upwards, so that a value of ours is never one that the kernel would raise.
    """
    low_memory = managed_pages(zones)
    least = math.isqrt(low_memory * page_size // 1024 * 16)
    automatic = min(max(least, _AUTO_LEAST), _AUTO_MOST)
    if thp_pageblock:
        count = sum(1 for zone in zones if zone.present > 0 and zone.name not in _APART)
        pages = min(_THP_BLOCKS * count * (thp_pageblock // page_size), low_memory // _THP_SHARE)
        automatic = max(automatic, pages * page_size // 1024)
    return automatic


def different(zones: Sequence[Zone], wanted: Sequence[Marks]) -> tuple[str, ...]:
    """Sentences on zones of which the kernel says other marks than computed; none where all agree."""
    return tuple(
        "node %d, zone %s: min, low, high are %d, %d, %d pages where %d, %d, %d were computed"
        % (zone.node, zone.name, *found, *want)
        for zone, found, want in zip(zones, now(zones), wanted)
        if zone.managed > 0 and found != want
    )


def as_result(marks: Marks) -> Mapping[str, int]:
    """As the module returns them."""
    return {"min": marks.min, "low": marks.low, "high": marks.high}
