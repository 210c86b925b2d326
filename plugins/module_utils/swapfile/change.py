# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change, and whether it may: decided once, before the first step, from State and Spec alone."""

from __future__ import annotations

from typing import NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import refuse_without_room
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import MIB, Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State


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
    if state.header is None:
        return "it is not formatted"
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


def _bridge(spec: Spec, state: State) -> int:
    """How large a bridge has to be so that the pages of the area have somewhere to go and headroom stays."""
    area = state.area
    if area is None or not area.used:
        return 0
    missing = max(0, spec.headroom - state.machine.memory.available)
    wanted = area.used + missing + max(area.used // 16, MIB)
    if state.bridge_area is not None:  # a run that was cut off has left one that is on
        wanted -= state.bridge_area.size - state.bridge_area.used
    if wanted <= 0:
        return 0
    size = -(-wanted // MIB) * MIB
    return size if state.bridge_area is None and _left(spec, state, size) >= spec.keep_free else 0


def check(spec: Spec, state: State, change: Change) -> None:
    """Raise HighwaterError where the change must not be begun: disk, memory, or a file that is in use."""
    if not spec.now and change.reswap:
        raise HighwaterError(
            "%s is on and has to be made anew (%s), which apply: next_boot cannot do: use apply: now, or run again "
            "while it is off" % (spec.path, change.reswap),
            reason="in_use",
        )
    if change.remake:
        _check_disk(spec, state)
    memory = state.machine.memory
    if change.reswap:
        later = not (change.remake or change.format)  # priority and discard can wait for the next boot
        refuse_without_room(memory, spec.path, spec.headroom, bridge=change.bridge, deferrable=later)
        refuse_without_room(memory, spec.path, spec.headroom, bridge=spec.size, deferrable=later)
    if state.bridge_area is not None and spec.now:
        refuse_without_room(memory, state.bridge_area.path, spec.headroom, bridge=0 if state.area else spec.size)


def _check_disk(spec: Spec, state: State) -> None:
    own = state.found.allocated if state.found else 0
    if state.filesystem is None or spec.size <= own:
        return
    left = _left(spec, state, spec.size - own)
    if left < spec.keep_free:
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
