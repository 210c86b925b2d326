# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change, and whether it may: decided once, before the first step, from State and Spec alone."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import node
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import MIB, Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State, bridge_path


class Change(NamedTuple):
    """What has to be done to the file, each with its reason in words or None.

    remake: the file itself; format: its header alone; reswap: the area has to go off and on again.
    bridge: bytes of the swapfile that is on in between; 0 where none is needed, or the disk has no room for one.
    beside: the disk has room for the new file beside the old one.
    """

    remake: Optional[str] = None
    format: Optional[str] = None
    reswap: Optional[str] = None
    bridge: int = 0
    beside: bool = False


def known_discard(state: State) -> str:
    """The discard policy of the area that is on.

    The kernel shows it nowhere. What we asked for in this boot is in our record; an area that the boot itself turned
    on has what fstab says; any other has swapon's default.
    """
    if state.device:  # an encrypted one is never asked for any
        return "none"
    noted = state.record.get("on") or {}
    if noted.get("boot_id") == state.machine.boot_id and noted.get("discard"):
        return str(noted["discard"])
    return state.table.discard() or "none"


def decide(spec: Spec, state: State) -> Change:
    """What has to change for the file of a spec that is to be present."""
    remake = _why_remake(spec, state)
    format_ = None if remake else _why_format(spec, state)
    reswap = _why_reswap(spec, state, remake or format_)
    if reswap is None:
        return Change(remake, format_, beside=_left(spec, state, spec.size) >= spec.keep_free)
    bridge = _bridge(spec, state)
    return Change(remake, format_, reswap, bridge, beside=_left(spec, state, spec.size + bridge) >= spec.keep_free)


def _why_remake(spec: Spec, state: State) -> str | None:
    if state.found is None:
        return "it is missing"
    if state.found.size != spec.size:
        return "it has %s" % format_size(state.found.size)
    return state.flaw


def _why_format(spec: Spec, state: State) -> str | None:
    if spec.encrypted:  # its header lies within, and is new each time
        return "it is formatted as it is, not encrypted" if state.header or state.foreign else None
    if state.header is None and state.foreign:
        return "it is formatted for pages of %s" % format_size(state.foreign)
    if state.header is None:
        return "it is encrypted" if state.device else "it is not formatted"
    if state.header.area != spec.size:
        return "its header says %s" % format_size(state.header.area)
    if spec.label is not None and state.header.label != spec.label:
        return "its label is %s" % (state.header.label or "empty")
    return None


def _why_reswap(spec: Spec, state: State, made_anew: str | None) -> str | None:
    if state.area is None:
        return None
    if made_anew:
        return made_anew
    if not spec.now:
        return None
    if state.leaving:
        return "an earlier run has begun to swap it off"
    if state.device != spec.device:
        return "its device is %s" % node(state.device) if state.device else "it is not encrypted"
    if max(state.area.priority, -1) != (-1 if spec.priority is None else spec.priority):
        return "its priority is %d" % state.area.priority
    if known_discard(state) != spec.discard:
        return "its discard is %s" % known_discard(state)
    return None


def _left(spec: Spec, state: State, size: int) -> int:
    """Bytes of disk that stay free when so many more are used, and what a cut-off run left is away."""
    if state.filesystem is None:
        return 0
    own = state.found.allocated if state.found else 0
    return state.filesystem.free + state.own_blocks - own - size


def _growth(spec: Spec, state: State) -> int:
    """Bytes of disk that the file will have beyond the blocks that it has."""
    return max(0, spec.size - (state.found.allocated if state.found else 0))


def _bridge(spec: Spec, state: State) -> int:
    """How large a bridge has to be so that the pages of the area have somewhere to go and headroom stays; 0 for none,
    where none is needed, or where the disk has no room for it beside the new file.
    """
    area = state.area
    if area is None or not area.used or state.leaving:
        return 0
    missing = max(0, spec.headroom - state.machine.memory.available)
    wanted = area.used + missing + max(area.used // 16, MIB)
    if state.bridge_area is not None:  # a run that was cut off has left one that is on
        wanted -= state.bridge_area.size - state.bridge_area.used
    if wanted <= 0:
        return 0
    size = -(-wanted // MIB) * MIB
    if state.bridge_area is not None:
        return 0
    # One that an earlier call has written, when more was in use, is not written once more for being too large.
    begun = state.bridge.size if state.bridge and state.bridge.size % MIB == 0 else 0
    return next((each for each in (max(size, begun), size) if _fits(spec, state, each)), 0)


def _fits(spec: Spec, state: State, bridge: int) -> bool:
    both = bridge + _growth(spec, state)
    return _left(spec, state, bridge) >= spec.keep_free and _left(spec, state, both) >= 0


def check(spec: Spec, state: State, change: Change) -> None:
    """Raise HighwaterError where the change must not be begun: disk, memory, or a file that is in use."""
    if not spec.now and change.reswap:
        raise HighwaterError(
            "%s is on and has to be made anew (%s), which apply: next_boot cannot do: use apply: now, or run again "
            "while it is off" % (spec.path, change.reswap),
            reason="in_use",
        )
    if change.remake or change.bridge:
        _check_method(spec, state)
    if change.remake or change.format:
        refuse_resume(state)
    if change.remake:
        _check_disk(spec, state)
    memory = state.machine.memory
    later = not (change.remake or change.format)  # priority and discard can wait for the next boot
    if change.reswap:
        # Imported here because an area that stays on, or is new, needs no room elsewhere.
        from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room

        refuse_without_room(memory, spec.path, spec.headroom, bridge=change.bridge, deferrable=later)
        refuse_without_room(memory, spec.path, spec.headroom, bridge=spec.size, deferrable=later)
    if state.bridge_area is not None and spec.now and not state.leaving:
        _check_bridge(spec, state, change, later)


def _check_bridge(spec: Spec, state: State, change: Change, deferrable: bool) -> None:
    """The bridge of a run that was cut off goes last, when the area that is to be on is. While the old one is going off
    its pages are on the way, and what is to become of them was judged before that; and once it has gone, headroom is no
    reason to stop half-way where the new one has room for all of them.
    """
    if state.area is None and state.bridge_area and spec.size - state.machine.page >= state.bridge_area.used:
        return
    from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room, without

    memory = state.machine.memory
    coming = spec.size if change.reswap or state.area is None else 0
    if change.reswap:
        memory = without(memory, spec.path, spec.headroom)
    refuse_without_room(memory, bridge_path(spec.path), spec.headroom, bridge=coming, deferrable=deferrable)


def _check_method(spec: Spec, state: State) -> None:
    if spec.method == "dd" and not spec.ability.zeros:
        raise HighwaterError(
            "method: dd cannot make %s, since %s lets no swapfile grow by being written to: use auto or fallocate"
            % (spec.path, state.filesystem.kind if state.filesystem else "its filesystem"),
            reason="filesystem",
        )


def refuse_resume(state: State) -> None:
    """Raise HighwaterError where hibernation would no longer find the file that it resumes from."""
    if state.resumes and state.machine.resumes_from is not None:
        raise HighwaterError(
            "path: %s is the file that hibernation resumes from (resume_offset is %d), which would not find it again: "
            "take resume= and resume_offset= off the kernel's command line and boot, or choose another path"
            % (state.path, state.machine.resumes_from.offset),
            reason="hibernation",
        )


def _check_disk(spec: Spec, state: State) -> None:
    growth = _growth(spec, state)
    if state.filesystem is None or not growth:
        return
    left = _left(spec, state, growth)
    # A bridge that is on is there as long as the new file is being made, and then goes.
    bridge = state.bridge.allocated if state.bridge and state.bridge_area else 0
    if left < 0 or left + bridge < spec.keep_free:
        raise HighwaterError(
            "size: %s for %s would leave %s free on %s (of %s, with its own blocks), less than keep_free: %s: "
            "write a smaller size, lower keep_free, or free disk first"
            % (
                format_size(spec.size),
                spec.path,
                format_size(max(left, 0)) if left >= 0 else "nothing",
                state.filesystem.mount_point,
                format_size(state.filesystem.free + state.own_blocks),
                format_size(spec.keep_free),
            ),
            reason="disk",
        )
