# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watermarks of each zone will be, as mm/page_alloc.c (__setup_per_zone_wmarks) computes them."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone

# Zones that pay no share of min_free_kbytes: nothing of the kernel's own lives there.
APART = ("HighMem", "Movable")
# On them min is managed / 1024 within SWAP_CLUSTER_MAX and 128 pages.
_APART_LEAST, _APART_MOST = 32, 128


class Marks(NamedTuple):
    """Watermarks without boost, in pages (of a zone) or bytes (summed over zones)."""

    min: int
    low: int
    high: int


def computed(zones: Sequence[Zone], min_free_kbytes: int, scale_factor: int, page_size: int) -> tuple[Marks, ...]:
    """The marks of each zone in pages, in the order of zones; page_size in bytes.

    min is the zone's share of min_free_kbytes, and low and high stand above it by the larger of a quarter of that
    share and scale_factor / 10000 of the zone. The kernel does so when one of the two is set, and at boot: of memory
    that comes or goes after that (init code, a balloon) its marks know nothing.
    """
    total = sum(zone.managed for zone in zones if not _is_apart(zone))
    return tuple(_zone_marks(zone, min_free_kbytes * 1024 // page_size, scale_factor, total) for zone in zones)


def _is_apart(zone: Zone) -> bool:
    """Whether a zone pays no share. Older kernels let Movable pay: its min tells, which is low where it does not."""
    return zone.name in APART and not (zone.name == "Movable" and zone.base_min > _APART_MOST)


def _zone_marks(zone: Zone, min_free_pages: int, scale_factor: int, total: int) -> Marks:
    share = min_free_pages * zone.managed // total if total else 0
    gap = max(share // 4, zone.managed * scale_factor // 10000)
    least = share
    if _is_apart(zone):
        least = min(max(zone.managed // 1024, _APART_LEAST), _APART_MOST)
    return Marks(least, least + gap, least + 2 * gap)


def now(zones: Iterable[Zone], expected: Iterable[Marks]) -> tuple[Marks, ...]:
    """The marks that the kernel says, boost taken off, in pages; expected: those that follow from its settings.

    An older kernel does not print the boost: there it is what all three marks are above the expected ones alike.
    """
    return tuple(_without_boost(zone, marks) for zone, marks in zip(zones, expected))


def _without_boost(zone: Zone, expected: Marks) -> Marks:
    boost = zone.min - expected.min
    if zone.boost is None and boost > 0 and zone.low - expected.low == zone.high - expected.high == boost:
        return expected
    return Marks(zone.base_min, zone.base_low, zone.base_high)


def total(zones: Sequence[Zone], marks: Sequence[Marks], page_size: int) -> Marks:
    """Marks summed over the zones that have memory, in bytes."""
    counted = [mark for zone, mark in zip(zones, marks) if zone.managed > 0]
    return Marks(*(sum(mark[index] for mark in counted) * page_size for index in range(3)))


def different(zones: Sequence[Zone], said: Sequence[Marks], wanted: Sequence[Marks]) -> tuple[str, ...]:
    """Sentences on zones of which the kernel says other marks than computed; none where all agree."""
    return tuple(
        "node %d, zone %s: min, low, high are %d, %d, %d pages where %d, %d, %d were computed"
        % (zone.node, zone.name, *found, *want)
        for zone, found, want in zip(zones, said, wanted)
        if zone.managed > 0 and found != want
    )


def as_result(marks: Marks) -> Mapping[str, int]:
    """As the module returns them."""
    return {"min": marks.min, "low": marks.low, "high": marks.high}
