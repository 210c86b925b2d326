# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a state to the steps that take a swapfile away."""

from __future__ import annotations

import os
from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, Forget
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.emergency.farewell import NAME, notes_away
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import (
    turn_off,
    turn_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.attributes import untell_selinux
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import known_discard
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.folders import folders_away
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.leftovers import (
    close_devices,
    stray_bridge,
    stray_draft,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mask import unmask_steps
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec, unmounted
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    State,
    bridge_path,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import table_steps

_ROOM_FOR_TABLES = 2**20  # bytes
_NOT_ENCRYPTED = "it was not encrypted before us"


def plan_absent(spec: Spec, state: State) -> Plan:
    """The steps that take a swapfile away: off, fstab, systemd, the file, the folders that we made, the record."""
    keep_file = _keeps_file(spec, state)
    keep_on = _keeps_on(spec, state)
    off = () if keep_on or state.area is None else (_swap_off(spec, state),)
    steps = off + close_devices(state) + _formatted_again(spec, state) + _back_on(spec, state)
    steps += stray_bridge(spec, state)
    keep_bridge = state.bridge_area is not None and not spec.now
    gone: Plan = ()
    if state.found is not None and not (keep_file or keep_on or keep_bridge):
        gone = (Step("remove %s" % spec.path, "it is to be absent", Remove(spec.path)),)
    steps += gone + table_steps(spec, state) if _has_no_room(state) else table_steps(spec, state)
    if (keep_on and not keep_file) or keep_bridge:
        return steps  # apply: next_boot; the file, and what we know of it, goes when a later run finds it off
    steps += untell_selinux(state)
    if spec.give_back:
        steps += unmask_steps(state)
    # What cannot be taken back comes last.
    steps += () if _has_no_room(state) else gone
    steps += stray_draft(state)
    steps += folders_away(state)
    if state.record:
        steps += (Step("forget %s" % spec.path, "", Forget(KIND, spec.path)),)
    if steps and not keep_file and os.path.basename(spec.path) == NAME:
        steps += notes_away()
    return steps


def _has_no_room(state: State) -> bool:
    """Whether the disk has none for a new fstab until the file has gone. Its line is no harm to a boot meanwhile:
    nothing waits for a file, as it would for the device of an encrypted one.
    """
    disk = state.filesystem
    full = disk is not None and disk.mount_point == "/" and disk.free + disk.reserved < _ROOM_FOR_TABLES
    return full and not state.crypt.entries()


def with_beginning(state: State, gone: Sequence[State]) -> State:
    """The state whose record knows what those of the files that go before it do of a table: that there was none, or how
    its text ended. The first file has noted that, and it need not be the last one to go.
    """
    before = state.record.get("before", {})
    others = [other.record.get("before", {}) for other in gone]
    known = {**before, **_beginning(before, others)}
    if "crypttab" in before:
        found = [other.get("crypttab", {}) for other in others]
        known["crypttab"] = {**before["crypttab"], **_beginning(before["crypttab"], found)}
    return state._replace(record={**state.record, "before": known})


def _beginning(own: Entry, others: Sequence[Entry]) -> Entry:
    known = (own, *others)
    return {key: next((each[key] for each in known if each.get(key)), own.get(key)) for key in ("missing", "last")}


def left(spec: Spec, state: State) -> str | None:
    """A warning where the file stays on a filesystem that is not mounted. What we know of it goes all the same: that
    disk may be gone for good.
    """
    known = state.record or state.table.entries() or state.crypt.entries()
    goes = known and not state.disabled and not _keeps_file(spec, state)
    missing = unmounted(state, state.filesystem) if goes and state.filesystem else None
    if missing is None:
        return None
    return (
        "path: no filesystem is mounted at %s, %s, so that %s stays on it, if it is there: where that disk is still in "
        "use, mount it and remove the file" % (missing.point, missing.by, state.path)
    )


def going_off(spec: Spec, state: State) -> tuple[str, ...]:
    """The areas that plan_absent() swaps off and that stay off, in its order."""
    # By the name that the kernel has for it: a device goes by several.
    own = () if state.area is None or _keeps_on(spec, state) or _comes_on(spec, state) else (state.area.path,)
    return own + (() if state.bridge_area is None or not spec.now else (bridge_path(spec.path),))


def _keeps_file(spec: Spec, state: State) -> bool:
    """Whether the file was swap before us, and so stays when all is taken back."""
    return bool(spec.give_back and state.record.get("before", {}).get("file", False))


def _keeps_on(spec: Spec, state: State) -> bool:
    """Whether the area that is on stays on: at this boot, or since it was on before us, as it is."""
    as_it_is = state.was_on and not state.leaving and not _lost_its_header(spec, state)
    return state.area is not None and (not spec.now or (spec.give_back and as_it_is))


def _comes_on(spec: Spec, state: State) -> bool:
    """Whether what was on before us is off, or goes off: by a run that was cut off, or to be formatted again."""
    off = state.area is None or state.leaving or _lost_its_header(spec, state)
    return spec.give_back and state.was_on and off


def _lost_its_header(spec: Spec, state: State) -> bool:
    """Whether it was swap as it is before us, and has no header any more since we have encrypted it."""
    before = state.record.get("before", {})
    plain = before.get("file") and not before.get("crypttab", {"lines": True}).get("lines")
    return bool(spec.give_back and plain and state.found and not (state.header or state.foreign))


def _swap_off(spec: Spec, state: State) -> Step:
    does, action = "swap off %s" % spec.path, turn_off(spec.path, state.device, state.area)
    if _comes_on(spec, state) and state.leaving:  # on by a later step: nothing else has to take this one back
        return Step(does, "an earlier run has begun to swap it off", action)
    priority = state.area.priority if state.area else None
    back = turn_on(spec.path, priority, known_discard(state), state.device, noted=bool(state.record), stays=True)
    return Step(does, _NOT_ENCRYPTED if _comes_on(spec, state) else "it is to be absent", action, (back,))


# -- swap that was on before us; what is imported is compiled anew at each call, and nearly none needs this ----------


def refuse_lost(spec: Spec, state: State) -> None:
    """Raise HighwaterError where what was on before us is off and cannot be turned on as it is, or is to be formatted
    again and cannot go off for that.
    """
    formatted = _lost_its_header(spec, state)
    if not (formatted or _comes_on(spec, state)):
        return
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import back_on

    if formatted and state.area is not None:
        back_on.refuse_reformat(spec, state)
    elif _comes_on(spec, state):
        back_on.refuse_lost(state, formatted)


def _formatted_again(spec: Spec, state: State) -> Plan:
    if not _lost_its_header(spec, state) or (state.area is not None and not spec.now):
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.create import Format

    before = state.record["before"]
    action = Format(spec.path, before.get("uuid"), before.get("label") or None)
    return (Step("format %s as swap" % spec.path, _NOT_ENCRYPTED, action),)


def with_what_comes_on(memory: Memory, spec: Spec, state: State) -> Memory:
    """The memory once that is on, for the guards of what goes off after that."""
    if not spec.now or not _comes_on(spec, state):
        return memory
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import back_on

    return back_on.with_it_on(memory, spec, state)


def _back_on(spec: Spec, state: State) -> Plan:
    """Without an undo: whatever fails after that, it stays on. But where it was on, encrypted, it is so again."""
    if not spec.now or not _comes_on(spec, state):
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import back_on

    was_on = state.area is not None and not state.leaving
    undo = (turn_off(spec.path),) if was_on else ()
    return (Step("swap on %s" % spec.path, back_on.WHY, back_on.turn_back_on(state), undo),)
