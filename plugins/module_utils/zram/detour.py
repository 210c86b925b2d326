# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the pages of a device go while it is set up anew: into memory where they fit, else into a temporary device.

The plan for the device itself (device.py) says that it is swapped off, not what becomes of its pages; that is added
here, with the guards, before and after it. Pure.

By way of a temporary device nothing has to fit uncompressed, but for a while there are two compressed copies of a part
of the pages: each page is freed in one pool when it has come into the other. What that takes is reckoned with here.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.areas import swap_areas
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.room import (
    ZRAM_GIVES_BACK,
    Lack,
    lack_of_commit,
    lack_of_room,
    refusal,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff, observe_memory, settled_memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import parse_mm_stat
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import (
    Add,
    Reset,
    SetUp,
    remove,
    swap_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import Algorithm
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import as_it_was
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import (
    HIGHEST_PRIORITY,
    LIMIT_ROOM,
    TABLE,
    Present,
    refuse_tight_limit,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import PAGE, Device, State, attribute, node
from ansible_collections.highwater.memory.plugins.module_utils.zram.temporary import (
    LABEL,
    Temporary,
    area_label,
    label,
    note,
)

# Algorithms from weak to strong, and a cautious guess how much more RAM the same pages take by a weaker one: nobody
# knows before they have been compressed.
STRENGTH = {"lz4": 0, "lzo": 1, "lzo-rle": 1, "842": 1, "lz4hc": 2, "deflate": 3, "zstd": 3}
WORSE = 1.5
# Beside all that is reckoned with, the kernel needs memory to move pages at all.
RESERVE = 2**25
MARGIN = 2**20  # what a temporary device has room for beside the pages, at least


class Pages(NamedTuple):
    """What has to be moved, and where to; bytes.

    used:   pages, uncompressed.
    held:   RAM that they take now; coming: RAM that they will take in a temporary device.
    size:   swap that the device will have afterwards; old_size: now.
    factor: how much more RAM they may take in it than in a temporary device.
    """

    used: int
    held: int
    coming: int
    size: int
    old_size: int
    factor: float


def with_detour(spec: Present, state: State, steps: Plan, note: Plan) -> Plan:
    """The steps for a device with what its pages need. HighwaterError, with the figures, where there is no way.

    note: steps that say in our record what the device was made from, for when the pages come back.
    """
    left_over = state.temporary
    if left_over and left_over.area is None:
        steps = with_detour(spec, state._replace(temporary=None), steps, note)
        return discard_steps(state, left_over, LEFT_OVER) + steps
    device, area = state.device, state.area
    if device and area and SwapOff(area.path) in [step.action for step in steps]:
        if area.used and not spec.filesystem:
            refuse_tight_limit(spec, device.stat.mem_used_total)
        return _moved(spec, state, device, area, steps, note)
    if left_over and left_over.area:
        pages = _left_over_pages(spec, state, left_over, left_over.area)
        if left_over.area.path != state.memory.leaving:
            _refuse_limit(
                spec, (device.stat.mem_used_total if device else 0) + int(pages.coming * pages.factor), (1, 1)
            )
        _refuse(_lack_on_the_way(spec, state, left_over.area, pages, 0))
        return steps + note + give_back_steps(state, left_over, LEFT_OVER)
    return steps


LEFT_OVER = "an earlier run has left it"


def _moved(spec: Present, state: State, device: Device, area: SwapArea, steps: Plan, note: Plan) -> Plan:
    """The steps of a device that is swapped off in them: directly where its pages fit, else by a temporary device."""
    left_over, pages = state.temporary, _pages(spec, state, device, area)
    lack = lack_of_room(state.memory, area.path, spec.headroom, device.stat.mem_used_total)
    if left_over and left_over.area:
        # With room for all of them there, nothing comes back into memory to stay.
        going = left_over.area.path == state.memory.leaving
        takes_all = not going and left_over.area.size - left_over.area.used >= area.used
        if area.path != state.memory.leaving:
            _refuse_limit(spec, int(pages.coming * pages.factor), (1, 1))
        _refuse((None if takes_all else lack) or _lack_on_the_way(spec, state, area, pages, 0))
        return steps + note + give_back_steps(state, left_over, LEFT_OVER)
    if lack is None:
        return steps
    _refuse_limit(spec, int(pages.coming * pages.factor), LIMIT_ROOM)
    temporary = Temporary(state.spare, _temporary_size(spec, state, area, pages), 0, None)
    _refuse(lack_of_commit(state.memory, area, min(temporary.size, pages.size)))
    no_way = _lack_on_the_way(spec, state, area, pages, temporary.size)
    _refuse(no_way and Lack("%s; %s" % (lack.says, no_way.says), lack.helps))
    why = "the %s in use cannot come back into memory" % format_size(area.used)
    borrow = borrow_steps(state, temporary, as_it_was(state, device).algorithms, why, spec.headroom)
    return borrow + steps + note + give_back_steps(state, temporary, "the pages go back to %s" % state.name)


def _refuse(lack: Lack | None) -> None:
    if lack:
        raise refusal(lack)


# -- guards --------------------------------------------------------------------------------------


def _refuse_limit(spec: Present, coming: int, room: tuple[int, int]) -> None:
    """Raise HighwaterError where pages that come from a temporary device would find the limit in their way: with no
    other place to go, they would fill memory. What a run that was cut off has begun needs no more than they take.
    """
    if not spec.filesystem:
        refuse_tight_limit(spec, coming, "the pages of %s may take", room)


def _pages(spec: Present, state: State, device: Device, area: SwapArea) -> Pages:
    """Those of a device that is swapped off, and of a temporary one that already has some of them."""
    held, used, there = device.stat.mem_used_total, area.used, 0
    if state.temporary and state.temporary.area:
        used += state.temporary.area.used
        there = state.temporary.held
    # What was written to a disk comes back as it was, and that was mostly what does not compress.
    written_back = device.bd_stat.bd_count if device.bd_stat else 0
    return Pages(
        used=used,
        held=held + there,
        coming=held + there + written_back,
        size=0 if spec.filesystem else spec.size,
        old_size=area.size,
        factor=_factor(device.algorithm, spec),
    )


def _left_over_pages(spec: Present, state: State, left_over: Temporary, area: SwapArea) -> Pages:
    """Those of a temporary device, beside a device that is on already or will be."""
    room = state.area.size - state.area.used if state.area else spec.size
    return Pages(
        used=area.used,
        held=left_over.held,
        coming=left_over.held,
        size=0 if spec.filesystem else room,
        old_size=state.device.size if state.device else 0,
        factor=_factor(left_over.algorithm, spec),
    )


def _factor(old: str | None, spec: Present) -> float:
    new = spec.algorithms[0].name
    return 1.0 if new == old or STRENGTH.get(new, 0) >= STRENGTH.get(old or "", 3) else WORSE


def _temporary_size(spec: Present, state: State, area: SwapArea, pages: Pages) -> int:
    """As large as the device is now where the table for that is small beside what is available, so that programs that
    grow meanwhile find no less room than they had.

    Else room for all pages, and for those that are swapped out meanwhile; with strict overcommit for all promises.
    """
    same = area.size + PAGE  # the header's
    least = area.used + max(min(spec.headroom, state.memory.anon), MARGIN)
    least = -(-least // PAGE) * PAGE
    small = same // TABLE <= state.memory.available // 4 and _lack_on_the_way(spec, state, area, pages, same) is None
    return same if least < same and (small or state.memory.strict) else least


def _lack_on_the_way(spec: Present, state: State, area: SwapArea, pages: Pages, temporary: int) -> Lack | None:
    """Why the pages cannot go by a temporary device, None where they can. temporary: its size where it is yet to be
    made, else 0.
    """
    memory = state.memory
    if area.path == memory.leaving:
        return None
    elsewhere = sum(
        other.size - other.used
        for other in memory.areas
        if other.path not in (area.path, memory.leaving)
        and not (state.temporary and other.path == node(state.temporary.name))
    )
    staying = max(0, pages.used - pages.size - elsewhere)  # what the device has no more room for stays in memory
    growth = _growth(pages, temporary, spec)
    # Meanwhile the kernel may swap out other pages, to where room is for more than those that are on their way.
    spare = min(memory.anon, spec.headroom, max(0, pages.size + elsewhere - pages.used))
    gain = int(spare * max(0.0, 1 - pages.coming / pages.used)) if pages.used else 0
    floor = spec.headroom if staying else min(spec.headroom, RESERVE)
    left = memory.available + gain - growth - staying
    if left < floor:
        says = "by way of a temporary device %s would take %s more for a while and leave %s"
        figures = (growth + staying, max(left, 0))
        return Lack(says % ((state.name,) + tuple(map(format_size, figures))), ("free memory first",))
    return None


def _growth(pages: Pages, temporary: int, spec: Present) -> int:
    """RAM that the pools take more than now, at the worst moment. A pool that is being emptied frees by page, not by
    object; one that has been reset is gone.
    """
    kept = 1 - ZRAM_GIVES_BACK
    share = min(1.0, pages.size / pages.used) if pages.used else 0.0
    there = kept * pages.held + pages.coming
    back = kept * pages.coming + pages.coming * share * pages.factor
    tables = (temporary + max(0, spec.size - pages.old_size)) // TABLE
    return max(0, int(max(there, back)) - pages.held) + tables


# -- steps ---------------------------------------------------------------------------------------


class Borrow(NamedTuple):
    """Make the temporary device of a device, noted before it is there."""

    name: str
    temporary: str

    def perform(self, host: Host) -> None:
        host.install(note(self.name), self.temporary + "\n", 0o600)
        try:
            Add(_number(self.temporary)).perform(host)
        except (HighwaterError, OSError):
            host.remove(note(self.name))
            raise


class GiveBack(NamedTuple):
    """Take the temporary device of a device away, and the note of it after that."""

    name: str
    temporary: str

    def perform(self, host: Host) -> None:
        there = host.exists(attribute(self.temporary, "disksize"))  # not where a run was cut off before it was
        if there:
            remove(_number(self.temporary)).perform(host)
        try:
            host.remove(note(self.name))
        except OSError:
            if there:
                Add(_number(self.temporary)).perform(host)
            raise


class PutAway(NamedTuple):
    """Swap the temporary device off on the way back, where its pages have another place.

    They have none where the device could not be set up again, say. Then they stay, for the next run to go on from.
    """

    path: str
    headroom: int

    def perform(self, host: Host) -> None:
        if self._has_room(host):
            SwapOff(self.path).perform(host)

    def _has_room(self, host: Host) -> bool:
        memory = observe_memory(host)
        area = memory.area(self.path)
        others = (other for other in memory.areas if other.path not in (self.path, memory.leaving))
        if area is None or sum(other.size - other.used for other in others) >= area.used:
            return True
        held = parse_mm_stat(host.must_read(attribute(self.path.rpartition("/")[2], "mm_stat"))).mem_used_total
        return lack_of_room(settled_memory(host, memory), self.path, self.headroom, held) is None


class IfOff(NamedTuple):
    """What can only be done once that area is off, and is left where PutAway has left it on."""

    path: str
    action: Any

    def perform(self, host: Host) -> None:
        if all(area.path != self.path for area in swap_areas(host)):
            self.action.perform(host)


def left_behind(host: Host, name: str) -> str:
    """The end of an error's sentence where pages of that device (``all``: of any) are in a temporary one."""
    for area in swap_areas(host):
        found = area_label(host, area.path) if area.path.startswith("/dev/zram") else ""
        if found == label(name) or (name == "all" and found.startswith(LABEL)):
            says = "; pages of %s are in %s for now: run again, with the old options too, and they go back"
            return says % (found[len(LABEL) :], area.path)
    return ""


def _number(name: str) -> int:
    return int(name[len("zram") :])


def borrow_steps(
    state: State, temporary: Temporary, algorithms: tuple[Algorithm, ...], why: str, headroom: int
) -> Plan:
    """From no temporary device to one that takes all that is swapped out from now on. headroom: for the way back."""
    name, path = temporary.name, node(temporary.name)
    words = algorithms[0].words() if algorithms else ""
    give_back, reset = IfOff(path, GiveBack(state.name, name)), IfOff(path, Reset(name))
    return (
        Step("make the temporary device %s" % name, why, Borrow(state.name, name), (give_back,)),
        Step(
            "set up %s with %s, compressed by %s" % (name, format_size(temporary.size), words),
            "",
            SetUp(name, algorithms, temporary.size),
            (reset,),
        ),
        Step("format %s as swap with the label %s" % (path, label(state.name)), "", _format(state, temporary)),
        Step("swap on %s with priority %d" % (path, HIGHEST_PRIORITY), "", _on(path), (PutAway(path, headroom),)),
    )


def give_back_steps(state: State, temporary: Temporary, why: str) -> Plan:
    """From a temporary device that is on to none; where that is taken back, it takes the pages again."""
    path = node(temporary.name)
    return (Step("swap off %s" % path, why, SwapOff(path), (_on(path),)),) + discard_steps(state, temporary, "")


def discard_steps(state: State, temporary: Temporary, why: str) -> Plan:
    """From a temporary device that is off to none."""
    name = temporary.name
    again: tuple[object, ...] = ()
    if state.device and state.device.algorithm and temporary.size:
        algorithms = as_it_was(state, state.device).algorithms
        again = (SetUp(name, algorithms, temporary.size), _format(state, temporary))
    reset = (Step("reset %s" % name, why, Reset(name), again),) if temporary.size else ()
    return reset + (
        Step("remove the temporary device %s" % name, why, GiveBack(state.name, name), (Borrow(state.name, name),)),
    )


def _format(state: State, temporary: Temporary) -> Run:
    return Run(("mkswap", "-L", label(state.name), node(temporary.name)))


def _on(path: str) -> Run:
    return swap_on(path, HIGHEST_PRIORITY, discard=True)
