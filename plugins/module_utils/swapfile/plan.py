# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from a swapfile as it is to one as it is wanted; pure, and empty where nothing is to do.

Order of work. A file that is off: record, leftovers of a cut-off run, folders, file, swapon, fstab. One that is on
has fstab first, because after the new area is on nothing can fail any more that would have to take it back:
bridge on, old off, new in its place, new on, bridge off.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, Remember, noting
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import (
    BridgeAway,
    Place,
    Several,
    turn_off,
    turn_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import Change, decide, known_discard
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.create import Create, Format, Wipe
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import ABILITIES, Ability
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import mapping_name
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    State,
    bridge_path,
    draft_path,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import (
    before,
    table_steps,
    texts,
    texts_after,
)


def plan_present(spec: Spec, state: State) -> Plan:
    """The steps to a swapfile that is there, on and in fstab, as far as the spec wants each."""
    first, state = bridge_first(spec, state)
    change = decide(spec, state)
    table = table_steps(spec, state)
    file = _leftovers(spec, state, change) + _folders(state) + _attributes(spec, state, change)
    file += _file(spec, state, change)
    work = file + _on(spec, state, change) + table if state.area is None else table + file
    return first + _record(spec, state, change) + work + _bridge_away(spec, state, change)


# What is imported is compiled anew at each call: a file that is new, or as it should be, needs none of these.


def bridge_first(spec: Spec, state: State) -> tuple[Plan, State]:
    """What has to go before all else, and the state after that, which the change is judged and planned by."""
    if state.bridge_area is None:
        return (), state
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.bridge_first import put_away_first

    return put_away_first(spec, state)


def _attributes(spec: Spec, state: State, change: Change) -> Plan:
    if (state.found is None or state.private) and not state.machine.selinux:
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.attributes import attribute_steps

    return attribute_steps(spec, state, change)


def _leftovers(spec: Spec, state: State, change: Change) -> Plan:
    if not (state.draft or state.bridge or state.stray_device or state.bridge_device):
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.leftovers import leftovers

    return leftovers(spec, state, change)


def _draft_goes_on(spec: Spec, state: State) -> bool:
    if state.draft is None:
        return False
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.leftovers import goes_on

    return goes_on(spec, state)


def _bridge_goes_on(spec: Spec, state: State, change: Change) -> bool:
    if state.bridge is None:
        return False
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.leftovers import bridge_goes_on

    return bridge_goes_on(spec, state, change)


# -- record and folders ---------------------------------------------------------------------------------------------


def wanted_entry(spec: Spec, state: State, change: Change) -> Entry:
    """What the record is to hold; the actions add which file it is and how it was turned on."""
    entry: Entry = dict(state.record)
    entry.setdefault("before", _before(state))
    if spec.encrypted and "crypttab" not in entry["before"]:
        entry["before"] = dict(entry["before"], crypttab=state.crypt.before())
    entry.pop("disabled", None)  # from now on it is ours; what was there before stays known
    entry["sizes"] = spec.sizes
    folders = list(entry.get("folders", []))
    entry["folders"] = folders + [path for path in state.missing if path not in folders]
    if state.found is not None:  # one that is to be made anew may be noise that no table tells of by the next run
        entry.update(inode=state.found.inode, generation=state.generation)
    if change.remake or not state.made_by_us:  # a file that is taken over, too
        entry.update(state.mount_point)
    if state.lacks_rule:
        entry["selinux"] = True
    if state.area is not None and not change.reswap and texts_after(spec, state).fstab != texts(state).fstab:
        # The next boot will turn it on otherwise than it is on now, and only this can tell later runs.
        entry["on"] = {"boot_id": state.machine.boot_id, "discard": known_discard(state)}
    return entry


def _before(state: State) -> Entry:
    found, header, area = state.found, state.header, state.area
    known: Entry = {
        "file": found is not None and bool(header or state.foreign or area or state.crypt.vouches()),
        "active": area is not None,
        **before(state),
    }
    if found is not None and known["file"]:
        known["size"] = found.size
    if header is not None:
        known.update(uuid=header.uuid, label=header.label)
    if area is not None:
        known.update(priority=area.priority, discard=known_discard(state))
    return known


def _record(spec: Spec, state: State, change: Change) -> Plan:
    entry = wanted_entry(spec, state, change)
    if entry == state.record:
        return ()
    back = noting(KIND, spec.path, state.record)
    why = "what was asked, and what was there before"
    return (Step("remember %s" % spec.path, why, Remember(KIND, spec.path, entry), (back,)),)


def _folders(state: State) -> Plan:
    if not state.missing:
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.folders import MakeFolders, RemoveFolders

    action, back = MakeFolders(state.missing), RemoveFolders(state.missing)
    return (Step("make the folder %s" % state.missing[-1], "it is missing", action, (back,)),)


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
        create = _create(spec, state)._replace(beside=True)
        make = Step("make %s" % draft_path(spec.path), why, create, (Remove(draft_path(spec.path)),))
        place = Step("rename it to %s" % spec.path, "the old file is off", _place(spec, state, change),
                     (Remove(spec.path), *old))  # fmt: skip
        return (make,) + off + (place,) + on
    clear = () if state.found is None or change.beside else (_clear(state, old),)
    return off + clear + (_make(spec, state, change),) + on


def _create(spec: Spec, state: State) -> Create:
    """A file of the old one's UUID, so that whatever names it by that goes on to be right."""
    uuid = state.header.uuid if state.header else state.record.get("uuid")
    label = state.header.label if state.header else state.record.get("label")
    return Create(
        draft_path(spec.path),
        spec.path,
        spec.size,
        spec.method,
        spec.ability,
        uuid,
        (label if spec.label is None else spec.label) or None,
        labelled=state.machine.selinux,
        goes_on=_draft_goes_on(spec, state),
        formatted=not spec.encrypted,
    )


def _place(spec: Spec, state: State, change: Change) -> Place:
    on_next = spec.now and not spec.encrypted
    over = state.found.inode if state.found is not None and change.beside else None  # else it is cleared away first
    return Place(draft_path(spec.path), spec.path, not on_next, over)


def _make(spec: Spec, state: State, change: Change) -> Step:
    old = _remade(state) if change.beside else ()
    action = Several((_create(spec, state), _place(spec, state, change)), clean=(Remove(draft_path(spec.path)),))
    kind = "to be encrypted" if spec.encrypted else "and format it as swap"
    does = "make %s with %s %s" % (spec.path, format_size(spec.size), kind)
    return Step(does, change.remake or "", action, (Remove(spec.path), *old))


def _remade(state: State) -> tuple[object, ...]:
    """What gives back the old file: a swapfile's content is worth nothing once it is off, so one like it will do."""
    header, draft = state.header, draft_path(state.path)
    if state.found is None or state.flaw or not (header or state.device):
        return ()
    ability = ABILITIES.get(state.filesystem.kind, Ability()) if state.filesystem else Ability()
    create = Create(
        draft,
        state.path,
        state.found.size,
        "auto",
        ability,
        header.uuid if header else None,
        header.label or None if header else None,
        labelled=state.machine.selinux,
        formatted=header is not None,
    )
    return (create, Place(draft, state.path))


def _clear(state: State, old: tuple[object, ...]) -> Step:
    why = "the disk has no room for the old file and the new one at once"
    return Step("remove the old %s" % state.path, why, Remove(state.path), old)


def _format(spec: Spec, state: State, why: str) -> Step:
    create = _create(spec, state)
    back: tuple[Format, ...] = ()
    if state.header is not None and state.header.area == spec.size:
        back = (Format(spec.path, state.header.uuid, state.header.label or None),)
    if spec.encrypted:
        return Step("wipe the swap header of %s" % spec.path, why, Wipe(spec.path), back)
    return Step("format %s as swap" % spec.path, why, Format(spec.path, create.uuid, create.label), back)


# -- off and on ----------------------------------------------------------------------------------------------------


def _off(spec: Spec, state: State, change: Change) -> Plan:
    """The old area off; a bridge on before it, where its pages need a place."""
    area = state.area
    if area is None:
        return ()
    back = turn_on(spec.path, area.priority, known_discard(state), state.device, stays=True)
    why = change.reswap or ""
    if area.used and not (change.bridge or state.bridge_area or state.leaving):
        why += "; the disk has no room for a bridge, so that %s go to memory and other swap" % format_size(area.used)
    off = Step("swap off %s" % spec.path, why, turn_off(spec.path, state.device, area), (back,))
    if not change.bridge:
        return (off,)
    bridge = bridge_path(spec.path)
    # Pages that were encrypted, or are to be, are not written down as they are in between.
    device = mapping_name(bridge) if spec.encrypted or state.device else None
    make = Create(
        bridge,
        bridge,
        change.bridge,
        spec.method,
        spec.ability,
        labelled=state.machine.selinux,
        goes_on=_bridge_goes_on(spec, state, change),
        beside=True,
        formatted=device is None,
    )
    on = Several((make, turn_on(bridge, None, device=device, noted=False)), clean=(Remove(bridge),))
    does = "swap on %s with %s as a bridge" % (bridge, format_size(change.bridge))
    reason = "%s of %s are in use" % (format_size(area.used), spec.path)
    return (Step(does, reason, on, (turn_off(bridge, device), Remove(bridge))), off)


def _on(spec: Spec, state: State, change: Change) -> Plan:
    if not spec.now or (state.area is not None and not change.reswap):
        return ()
    how = "" if spec.priority is None else " with priority %d" % spec.priority
    how += ", encrypted" if spec.encrypted else ""
    why = "it is off" if state.area is None else "it was swapped off for the change"
    action = turn_on(spec.path, spec.priority, spec.discard, spec.device)
    return (Step("swap on %s%s" % (spec.path, how), why, action, (turn_off(spec.path, spec.device),)),)


def _bridge_away(spec: Spec, state: State, change: Change) -> Plan:
    """The bridge of this run, or of one that was cut off, once the file itself is on."""
    bridge = bridge_path(spec.path)
    if state.bridge_area is not None:
        if not spec.now:
            return ()
        why = "%s is on again" % spec.path if state.area is None else "an earlier run was cut off"
        return (Step("swap off and remove %s" % bridge, why, BridgeAway(bridge, state.bridge_device)),)
    if change.bridge:
        device = mapping_name(bridge) if spec.encrypted or state.device else None
        return (Step("swap off and remove %s" % bridge, "%s is on again" % spec.path, BridgeAway(bridge, device)),)
    return ()
