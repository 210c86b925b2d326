# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a swap area may go off: what comes back has to fit into memory, other swap, the commit limit and groups."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.cgroup import over_limit
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

# Of the memory that a zram gives back only this much is counted on: the pool frees by page, not by object.
ZRAM_GIVES_BACK = 0.8
# What a page takes in a zram where nobody knows how the pages compress, and bytes of pages from which on that is known:
# of fewer, the pool's own waste would be taken for theirs.
DENSITY, ENOUGH = 0.5, 2**23


def refuse_without_room(
    memory: Memory, path: str, headroom: int, gives_back: int = 0, bridge: int = 0, deferrable: bool = True
) -> None:
    """Raise HighwaterError where the pages of the area at path would not fit once it is off.

    headroom:   bytes that must stay available afterwards.
    gives_back: bytes of RAM that the area itself holds (a zram's mem_used_total) and frees.
    bridge:     bytes of swap that will be on before it goes off, beside what is on now.
    deferrable: whether apply: next_boot is a way out that the message may name.
    An area that is off needs nothing.
    """
    lack = lack_of_room(memory, path, headroom, gives_back, bridge)
    if lack:
        raise refusal(lack, deferrable)


class Lack(NamedTuple):
    """Why an area cannot go off: the figures, and what would help, best first."""

    says: str
    helps: tuple[str, ...]


def refusal(lack: Lack, deferrable: bool = True) -> HighwaterError:
    """The error that says it; deferrable: whether apply: next_boot is a way out."""
    *helps, last = lack.helps + (("use apply: next_boot",) if deferrable else ())
    return HighwaterError(
        "%s: %s" % (lack.says, ", or ".join(filter(None, (", ".join(helps), last)))), reason="headroom"
    )


def lack_of_room(memory: Memory, path: str, headroom: int, gives_back: int = 0, bridge: int = 0) -> Lack | None:
    """Why the area at path cannot go off, None where it can; the arguments are those of refuse_without_room()."""
    area = memory.area(path)
    if area is None or path == memory.leaving:
        return None
    if memory.leaving and area.used:
        says = "%s is being swapped off by an earlier run, and while it is there is no telling what room is left for %s"
        return Lack(says % (memory.leaving, path), ("wait until swapon --show lists it no more",))
    elsewhere = bridge + _room_elsewhere(memory, area, _density(area, gives_back))
    left = memory.available + int(gives_back * ZRAM_GIVES_BACK) + elsewhere - area.used
    if area.used and left < headroom:
        says = (
            "swapping off %s would bring %s back and leave %s of memory and other swap (now available: %s, room in "
            "other swap: %s), less than headroom: %s"
        )
        figures = (area.used, max(left, 0), memory.available, elsewhere, headroom)
        return Lack(says % ((path,) + tuple(map(format_size, figures))), ("free memory first", "lower headroom"))
    # A zram is charged to no group, so that all that it has free takes what a group must swap out again.
    free = bridge + sum(other.size - other.used for other in memory.areas if other.path != path)
    return lack_of_commit(memory, area, bridge) or (_lack_in_cgroup(memory, area, free) if area.used else None)


def _density(area: SwapArea, gives_back: int) -> float:
    """What its pages take of RAM in a zram, as a share of their size."""
    return min(1.0, gives_back / area.used) if gives_back and area.used >= ENOUGH else DENSITY


def _is_zram(area: SwapArea) -> bool:
    return area.path.startswith("/dev/zram")


def _room_elsewhere(memory: Memory, area: SwapArea, density: float) -> int:
    """Bytes of memory that other swap makes room for. What goes to a zram is still in RAM, compressed; and no more can
    go there than comes back and is in RAM by now.
    """
    on_disk, in_zram = 0, 0
    for other in memory.areas:
        if other.path != area.path:
            free = other.size - other.used
            on_disk, in_zram = (on_disk, in_zram + free) if _is_zram(other) else (on_disk + free, in_zram)
    return on_disk + int(min(in_zram, area.used + memory.anon) * (1 - density))


def lack_of_commit(memory: Memory, area: SwapArea, bridge: int) -> Lack | None:
    """Why strict overcommit forbids it that an area goes off, with ``bridge`` bytes of swap more; None where it does
    not.
    """
    limit = memory.commit_limit - area.size + bridge
    if not memory.strict or memory.committed <= limit:
        return None
    says = (
        "swapping off %s would put the commit limit at %s, below the %s that are committed (vm.overcommit_memory is 2)"
    )
    return Lack(
        says % (area.path, format_size(max(limit, 0)), format_size(memory.committed)),
        ("raise vm.overcommit_ratio first",),
    )


def _lack_in_cgroup(memory: Memory, area: SwapArea, elsewhere: int) -> Lack | None:
    """A group over its limit swaps out again what has come back, and kills where no swap is left for that."""
    over = over_limit(memory.cgroups(), area.used)
    excess = sum(group.excess(area.used) for group in over)
    if excess <= elsewhere:
        return None
    worst = max(over, key=lambda group: group.excess(area.used))
    says = (
        "swapping off %s would bring up to %s back to the control group %s, %s more than its memory.max of %s allows, "
        "and other swap has %s free"
    )
    figures = (worst.excess(area.used), worst.limit, elsewhere)
    coming = format_size(min(worst.swapped, area.used))
    return Lack(
        says % ((area.path, coming, worst.path) + tuple(map(format_size, figures))), ("raise its memory.max first",)
    )


def without(memory: Memory, path: str, headroom: int, gives_back: int = 0) -> Memory:
    """The memory once the area at path is off, for the guard of the next one that goes: what RAM has no room for
    beside headroom is swapped out to the other areas, those of higher priority first. gives_back: as above.
    """
    area = memory.area(path)
    if area is None:
        return memory
    available = memory.available + int(gives_back * ZRAM_GIVES_BACK) - area.used
    saved_in_zram = 1 - _density(area, gives_back)
    left = []
    for other in sorted(memory.areas, key=lambda one: -one.priority):
        if other.path != path:
            room = 0 if other.path == memory.leaving else other.size - other.used
            saved = saved_in_zram if _is_zram(other) else 1.0
            missing = max(headroom - available, 0)
            taken = min(-int(-missing // saved), room) if saved else 0
            available += min(missing, -int(-taken * saved // 1))
            left.append(other._replace(used=other.used + taken))
    limit = memory.commit_limit - area.size
    leaving = "" if path == memory.leaving else memory.leaving
    return memory._replace(available=max(available, 0), commit_limit=limit, areas=tuple(left), leaving=leaving)
