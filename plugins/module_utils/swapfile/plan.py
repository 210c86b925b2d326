# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from a swapfile as it is to one as it is wanted; pure, and empty where nothing is to do.

Order of work. A file that is off: record, leftovers of a cut-off run, folders, file, swapon, fstab. One that is on
has fstab first, because after the new area is on nothing can fail any more that would have to take it back:
bridge on, old off, new in its place, new on, bridge off.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import fstab
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import (
    BridgeAway,
    Chown,
    Create,
    Format,
    MakeFolders,
    Place,
    RemoveFolders,
    Several,
    SwapOn,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import Change, decide, known_discard
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import ABILITIES, Ability
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    State,
    bridge_path,
    draft_path,
)

RELOAD = Run(("systemctl", "daemon-reload"))


def plan_present(spec: Spec, state: State) -> Plan:
    """The steps to a swapfile that is there, on and in fstab, as far as the spec wants each."""
    change = decide(spec, state)
    table = _table(spec, state)
    file = _leftovers(state) + _folders(state) + _owner(state, change) + _file(spec, state, change)
    work = file + _on(spec, state, change) + table if state.area is None else table + file
    return _record(spec, state, change) + work + _bridge_away(spec, state, change)


# -- record, leftovers, folders, owner -----------------------------------------------------------------------------


def wanted_entry(spec: Spec, state: State, change: Change) -> Entry:
    """What the record is to hold; the actions add which file it is and how it was turned on."""
    entry: Entry = dict(state.record)
    entry.setdefault("before", _before(state))
    entry["sizes"] = spec.sizes
    folders = list(entry.get("folders", []))
    entry["folders"] = folders + [path for path in state.missing if path not in folders]
    if state.found is not None and not change.remake:
        entry["inode"] = state.found.inode
    if state.area is not None and not change.reswap and _changes_fstab(spec, state):
        # The next boot will turn it on otherwise than it is on now, and only this can tell later runs.
        entry["on"] = {"boot_id": state.machine.boot_id, "discard": known_discard(state)}
    return entry


def _before(state: State) -> Entry:
    return {
        "file": state.found is not None and (state.header is not None or state.area is not None),
        "active": state.area is not None,
        "fstab": list(state.table.raw()),
    }


def _record(spec: Spec, state: State, change: Change) -> Plan:
    entry = wanted_entry(spec, state, change)
    if entry == state.record:
        return ()
    back = Remember(KIND, spec.path, state.record) if state.record else Forget(KIND, spec.path)
    why = "what was asked, and what was there before"
    return (Step("remember %s" % spec.path, why, Remember(KIND, spec.path, entry), (back,)),)


def _leftovers(state: State) -> Plan:
    """What a run that was cut off left beside the file and nobody uses."""
    why = "an earlier run was cut off"
    steps = []
    if state.draft is not None:
        steps.append(Step("remove %s" % draft_path(state.path), why, Remove(draft_path(state.path))))
    if state.bridge is not None and state.bridge_area is None:
        steps.append(Step("remove %s" % bridge_path(state.path), why, Remove(bridge_path(state.path))))
    return tuple(steps)


def _folders(state: State) -> Plan:
    if not state.missing:
        return ()
    action, back = MakeFolders(state.missing), RemoveFolders(state.missing)
    return (Step("make the folder %s" % state.missing[-1], "it is missing", action, (back,)),)


def _owner(state: State, change: Change) -> Plan:
    found = state.found
    if found is None or change.remake or (found.mode, found.uid, found.gid) == (0o600, 0, 0):
        return ()
    why = "they are %04o, %d:%d" % (found.mode, found.uid, found.gid)
    back = Chown(state.path, found.uid, found.gid, found.mode)
    does = "set mode and owner of %s to 0600, 0:0" % state.path
    return (Step(does, why, Chown(state.path, 0, 0, 0o600), (back,)),)


# -- the file ------------------------------------------------------------------------------------------------------


def _file(spec: Spec, state: State, change: Change) -> Plan:
    """The file anew, its header, or only the area off and on, as far as any is needed."""
    off = _off(spec, state, change) if change.reswap else ()
    on = _on(spec, state, change) if change.reswap else ()
    if change.format:
        return off + (_format(spec, state, change.format),) + on
    if not change.remake:
        return off + on
    old = _remade(state)
    if change.reswap and change.beside:
        # The slow part, and the one that may fail, comes while the old area still serves.
        why = "%s is to take the place of the old file (%s)" % (format_size(spec.size), change.remake)
        make = Step("make %s" % draft_path(spec.path), why, _create(spec, state), (Remove(draft_path(spec.path)),))
        place = Step("rename it to %s" % spec.path, "the old file is off", _place(spec),
                     (Remove(spec.path), *old))  # fmt: skip
        return (make,) + off + (place,) + on
    clear = () if state.found is None or change.beside else (_clear(state, old),)
    return off + clear + (_make(spec, state, change.remake, old if change.beside else ()),) + on


def _create(spec: Spec, state: State) -> Create:
    """A file of the old one's UUID, so that whatever names it by that goes on to be right."""
    uuid = state.header.uuid if state.header else None
    label = spec.label if spec.label is not None else (state.header.label or None if state.header else None)
    return Create(draft_path(spec.path), spec.size, spec.method, spec.ability, uuid, label)


def _place(spec: Spec) -> Place:
    return Place(draft_path(spec.path), spec.path)


def _make(spec: Spec, state: State, why: str, old: tuple[object, ...]) -> Step:
    action = Several((_create(spec, state), _place(spec)), clean=(Remove(draft_path(spec.path)),))
    does = "make %s with %s and format it as swap" % (spec.path, format_size(spec.size))
    return Step(does, why, action, (Remove(spec.path), *old))


def _remade(state: State) -> tuple[object, ...]:
    """What gives back the old file: a swapfile's content is worth nothing once it is off, so one like it will do."""
    if state.found is None or state.header is None or state.flaw:
        return ()
    rule = _rule(state)
    draft = draft_path(state.path)
    create = Create(draft, state.found.size, "auto", rule, state.header.uuid, state.header.label or None)
    return (create, Place(draft, state.path))


def _rule(state: State) -> Ability:
    return ABILITIES.get(state.filesystem.kind, Ability()) if state.filesystem else Ability()


def _clear(state: State, old: tuple[object, ...]) -> Step:
    why = "the disk has no room for the old file and the new one at once"
    return Step("remove the old %s" % state.path, why, Remove(state.path), old)


def _format(spec: Spec, state: State, why: str) -> Step:
    create = _create(spec, state)
    back: tuple[Format, ...] = ()
    if state.header is not None and state.header.area == spec.size:
        back = (Format(spec.path, state.header.uuid, state.header.label or None),)
    return Step("format %s as swap" % spec.path, why, Format(spec.path, create.uuid, create.label), back)


# -- off and on ----------------------------------------------------------------------------------------------------


def _off(spec: Spec, state: State, change: Change) -> Plan:
    """The old area off; a bridge on before it, where its pages need a place."""
    area = state.area
    if area is None:
        return ()
    back = SwapOn(spec.path, area.priority, known_discard(state))
    why = change.reswap or ""
    if area.used and not change.bridge and state.bridge_area is None:
        why += "; the disk has no room for a bridge, so that %s go to memory and other swap" % format_size(area.used)
    off = Step("swap off %s" % spec.path, why, SwapOff(spec.path), (back,))
    if not change.bridge:
        return (off,)
    bridge = bridge_path(spec.path)
    make = Create(bridge, change.bridge, spec.method, spec.ability)
    turn_on = Several((make, SwapOn(bridge, noted=False)), clean=(Remove(bridge),))
    does = "swap on %s with %s as a bridge" % (bridge, format_size(change.bridge))
    reason = "%s of %s are in use" % (format_size(area.used), spec.path)
    return (Step(does, reason, turn_on, (SwapOff(bridge), Remove(bridge))), off)


def _on(spec: Spec, state: State, change: Change) -> Plan:
    if not spec.now or (state.area is not None and not change.reswap):
        return ()
    priority = "" if spec.priority is None else " with priority %d" % spec.priority
    why = "it is off" if state.area is None else "it was swapped off for the change"
    return (Step("swap on %s%s" % (spec.path, priority), why, SwapOn(spec.path, spec.priority, spec.discard),
                 (SwapOff(spec.path),)),)  # fmt: skip


def _bridge_away(spec: Spec, state: State, change: Change) -> Plan:
    """The bridge of this run, or of one that was cut off, once the file itself is on."""
    bridge = bridge_path(spec.path)
    if state.bridge_area is not None:
        if not spec.now:
            return ()
        return (Step("swap off and remove %s" % bridge, "an earlier run was cut off", BridgeAway(bridge)),)
    if change.bridge:
        return (Step("swap off and remove %s" % bridge, "%s is on again" % spec.path, BridgeAway(bridge)),)
    return ()


# -- fstab ---------------------------------------------------------------------------------------------------------


def fstab_after(spec: Spec, state: State) -> str | None:
    """The text of /etc/fstab as the spec wants it; None where there is none and none is needed."""
    line = spec.line if spec.present and spec.persistent else None
    if spec.give_back:
        line = _given_back(spec, state)
    if line is not None and state.table.says(line):
        return state.table.text
    if line is None and not state.table.entries():
        return state.table.text
    return state.table.with_line(line)


def _given_back(spec: Spec, state: State) -> str | None:
    """The entry that was there before us, where it is to come back; of several, the first."""
    return next(iter(state.record.get("before", {}).get("fstab", [])), None) if spec.give_back else None


def _changes_fstab(spec: Spec, state: State) -> bool:
    return fstab_after(spec, state) != state.table.text


def _table(spec: Spec, state: State) -> Plan:
    """fstab, and systemd told of it."""
    text = fstab_after(spec, state)
    if text is None or text == state.table.text:
        return ()
    old = state.table.text
    action = Install(fstab.PATH, text)
    back = Remove(fstab.PATH) if old is None else Install(fstab.PATH, old)
    does, why = _table_words(spec, state)
    reload = (RELOAD,) if state.machine.systemd else ()
    steps: Plan = (Step(does, why, action, (back, *reload)),)
    if state.machine.systemd:
        steps += (Step("reload systemd", "it makes its swap units from %s" % fstab.PATH, RELOAD),)
    return steps


def _table_words(spec: Spec, state: State) -> tuple[str, str]:
    raw = state.table.raw()
    there = "it has " + " and ".join(repr(line) for line in raw)
    if spec.present and spec.persistent:
        return "write %r to %s" % (spec.line, fstab.PATH), there if raw else "the next boot would not turn it on"
    line = _given_back(spec, state)
    if line is not None:
        return "put back %r in %s" % (line, fstab.PATH), there if raw else "it was there before us"
    return "take the entry of %s out of %s" % (spec.path, fstab.PATH), there


# -- absent --------------------------------------------------------------------------------------------------------


def plan_absent(spec: Spec, state: State) -> Plan:
    """The steps that take a swapfile away: off, fstab, systemd, the file, the folders that we made, the record."""
    keep_file = _keeps_file(spec, state)
    keep_on = _keeps_on(spec, state)
    off = () if keep_on or state.area is None else (_swap_off(spec, state),)
    steps = off + _stray_bridge(spec, state) + _table(spec, state)
    if keep_on and not keep_file:
        return steps  # apply: next_boot; the file goes when a later run finds it off
    if state.found is not None and not keep_file:
        steps += (Step("remove %s" % spec.path, "it is to be absent", Remove(spec.path)),)
    if state.draft is not None:
        steps += (
            Step("remove %s" % draft_path(spec.path), "an earlier run was cut off", Remove(draft_path(spec.path))),
        )
    folders = tuple(state.record.get("folders", ()))
    if folders:
        steps += (
            Step(
                "remove %s" % folders[-1], "we made it; it stays where something else is in it", RemoveFolders(folders)
            ),
        )
    if state.record:
        steps += (Step("forget %s" % spec.path, "", Forget(KIND, spec.path)),)
    return steps


def going_off(spec: Spec, state: State) -> tuple[str, ...]:
    """The areas that plan_absent() swaps off, in its order."""
    own = () if state.area is None or _keeps_on(spec, state) else (spec.path,)
    return own + (() if state.bridge_area is None or not spec.now else (bridge_path(spec.path),))


def _keeps_file(spec: Spec, state: State) -> bool:
    """Whether the file was swap before us, and so stays when all is taken back."""
    return bool(spec.give_back and state.record.get("before", {}).get("file", False))


def _keeps_on(spec: Spec, state: State) -> bool:
    """Whether the area that is on stays on: at this boot, or since it was on before us."""
    was_on = _keeps_file(spec, state) and state.record.get("before", {}).get("active", False)
    return state.area is not None and (not spec.now or was_on)


def _swap_off(spec: Spec, state: State) -> Step:
    priority = state.area.priority if state.area else None
    back = SwapOn(spec.path, priority, known_discard(state), noted=bool(state.record))
    return Step("swap off %s" % spec.path, "it is to be absent", SwapOff(spec.path), (back,))


def _stray_bridge(spec: Spec, state: State) -> Plan:
    bridge = bridge_path(spec.path)
    if state.bridge_area is not None and not spec.now:
        return ()
    if state.bridge_area is not None:
        return (Step("swap off and remove %s" % bridge, "an earlier run was cut off", BridgeAway(bridge)),)
    if state.bridge is not None:
        return (Step("remove %s" % bridge, "an earlier run was cut off", Remove(bridge)),)
    return ()
