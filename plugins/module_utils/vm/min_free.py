# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel would choose for min_free_kbytes by itself (mm/page_alloc.c, mm/khugepaged.c)."""

from __future__ import annotations

import math
from typing import Iterable, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone
from ansible_collections.highwater.memory.plugins.module_utils.vm.watermarks import APART

# init_per_zone_wmark_min(): sqrt(low memory in kB * 16), within these bounds, in kB.
_AUTO_LEAST, _AUTO_MOST = 128, 262144
# set_recommended_min_free_kbytes(): pageblocks a zone, 2 + MIGRATE_PCPTYPES squared; at most 1/20 of low memory.
_THP_BLOCKS, _THP_SHARE = 11, 20


def takes_part(zone: Zone) -> bool:
    """Whether a zone shares in min_free_kbytes. An x86 or arm64 kernel's DMA, DMA32 and Normal do."""
    return zone.managed > 0 and zone.name not in APART


def managed_pages(zones: Iterable[Zone]) -> int:
    """What the page allocator has in the zones that take part; the base of every share here, never MemTotal."""
    return sum(zone.managed for zone in zones if takes_part(zone))


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
        count = sum(1 for zone in zones if zone.present > 0 and zone.name not in APART)
        pages = min(_THP_BLOCKS * count * (thp_pageblock // page_size), low_memory // _THP_SHARE)
        automatic = max(automatic, pages * page_size // 1024)
    return automatic
