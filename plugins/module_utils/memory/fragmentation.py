# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fragmented free memory is, by order, as the kernel computes it for itself.

Source: fill_contig_page_info(), unusable_free_index() and __fragmentation_index() of mm/vmstat.c. The kernel shows the
same numbers below /sys/kernel/debug/extfrag where it was built with debugfs; nothing here depends on that.
Both come in thousandths, rounded as the kernel rounds them, and are given here as decimals.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies

BLOCK_THERE = -1.0  # what the fragmentation index says where a request would not fail


class Fragmentation(NamedTuple):
    """One zone, each sequence by order from 0 on.

    blocks:              free blocks of 2^order pages.
    unusable_index:      the part of free memory that lies in smaller blocks, from 0.0 to 1.0 (1.0 where none is free).
    fragmentation_index: why a request of this order would fail: towards 0.0 for want of memory, towards 1.0 because of
                         fragmentation; -1.0 where it would not fail.
    """

    node: int
    zone: str
    blocks: tuple[int, ...]
    unusable_index: tuple[float, ...]
    fragmentation_index: tuple[float, ...]


def of_zone(buddies: Buddies) -> Fragmentation:
    """Both indices for every order that the kernel has."""
    orders = range(len(buddies.blocks))
    return Fragmentation(
        buddies.node,
        buddies.zone,
        buddies.blocks,
        tuple(unusable_index(buddies.blocks, order) for order in orders),
        tuple(fragmentation_index(buddies.blocks, order) for order in orders),
    )


def unusable_index(blocks: Sequence[int], order: int) -> float:
    """The part of free memory that a request of 2^order pages cannot use; 1.0 where nothing is free."""
    free = free_pages(blocks)
    if not free:
        return 1.0
    return (free - (suitable_blocks(blocks, order) << order)) * 1000 // free / 1000


def fragmentation_index(blocks: Sequence[int], order: int) -> float:
    """-1.0 where a request of 2^order pages would not fail; 0.0 where there are no free blocks at all."""
    total = sum(blocks)
    if not total:
        return 0.0
    if suitable_blocks(blocks, order):
        return BLOCK_THERE
    return (1000 - (1000 + free_pages(blocks) * 1000 // (1 << order)) // total) / 1000


def free_pages(blocks: Sequence[int]) -> int:
    """Pages in all blocks."""
    return sum(count << order for order, count in enumerate(blocks))


def suitable_blocks(blocks: Sequence[int], order: int) -> int:
    """How many requests of 2^order pages could be met without compaction, were all blocks taken for them."""
    return sum(count << (size - order) for size, count in enumerate(blocks) if size >= order)
