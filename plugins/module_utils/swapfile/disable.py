# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swap of somebody else's, a file's or a device's, put away so that it stays away: off, out of fstab, no unit that
would turn it on, the file removed. The record keeps what it takes to give it back.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any, Mapping, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.record import (
    Entry,
    Forget,
    Remember,
    noting,
    recall,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import parse_fstab, swap_entries
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import is_hibernated, parse_header
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import fstab
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import (
    Place,
    Several,
    turn_off,
    turn_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import known_discard
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.create import Create
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import ABILITIES, Ability
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mask import mask_steps, unmask_steps
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.owner import find_owners
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import (
    Spec,
    headroom_of,
    refuse_all_but_swap,
    refuse_folders,
    refuse_strangers,
    refuse_unmounted,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import (
    resolve_absent as resolve_absent_file,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    Found,
    Machine,
    State,
    draft_path,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import before, table_steps

DEVICE = "device"  # a kind of Found that only this file knows

# -- what is -------------------------------------------------------------------------------------------------------


def observe(host: Host, machine: Machine, path: str) -> State:
    """A swapfile, or a block device by any of its names."""
    try:
        status = os.stat(host.path(path))
    except OSError:
        return observe_file(host, machine, path)
    if not stat.S_ISBLK(status.st_mode):
        return observe_file(host, machine, path)
    return observe_device(host, machine, path, os.path.realpath(path))


def observe_device(host: Host, machine: Machine, path: str, device: str) -> State:
    """device: the name that the kernel has for it, as it stands in /proc/swaps."""
    start = host.read_start(device, machine.page) or b""
    header = parse_header(start)
    specs = [entry.spec.replace('"', "") for entry in swap_entries(parse_fstab(machine.fstab or ""))]
    tags = [device, *(spec for spec in specs if os.path.realpath(host.path(_link_of(spec))) == host.path(device))]
    if header is not None:
        tags += ["UUID=%s" % header.uuid] if header.uuid else []
        tags += ["LABEL=%s" % header.label] if header.label else []
    return State(
        path,
        machine,
        recall(host, KIND, path),
        found=Found(DEVICE, 0, 0, 0, header.area if header else 0, 0, 0),
        header=header,
        hibernated=is_hibernated(start),
        area=machine.memory.area(device),
        table=fstab.Table(machine.fstab, path, tuple(tags)),
        owners=find_owners(host, device),
    )


def _link_of(spec: str) -> str:
    """The file of a device by its name in fstab: for a tag of fstab(5) it is udev's link, which has ``\\xNN`` for what
    is special in a value.
    """
    tag, equals, value = spec.partition("=")
    tag = tag.lower()
    if not equals or tag not in ("uuid", "label", "partuuid", "partlabel"):
        return spec
    value = value.lower() if tag.endswith("uuid") else value
    escaped = re.sub(r"[^\w#+.:=@-]", lambda special: "\\x%02x" % ord(special.group()), value)
    return "/dev/disk/by-%s/%s" % (tag, escaped)


# -- what is wanted ------------------------------------------------------------------------------------------------


def resolve(params: Mapping[str, Any], state: State) -> Spec:
    """Raises HighwaterError for what is no swap, or cannot be kept away by us."""
    if _is_device(state):
        _refuse_device(state)
    else:
        refuse_all_but_swap(state)
        if state.found:
            refuse_folders(state)
    for owner in state.owners:
        if owner.own_file:
            raise HighwaterError(
                "path: %s is turned on by %s, which is this host's own and cannot be masked: disable it first "
                "(systemctl disable %s) and remove it" % (state.path, owner.file, owner.unit),
                reason="owner",
            )
    now = params["apply"] == "now"
    return Spec(state.path, False, now, {}, headroom=headroom_of(params, state), disabled=True)


def _refuse_device(state: State) -> None:
    if state.hibernated:
        raise HighwaterError(
            "path: %s holds a hibernated system, which would be lost: wake that system up and shut it down first"
            % state.path,
            reason="hibernation",
        )
    if not (state.header or state.area or state.table.entries() or state.disabled):
        raise HighwaterError(
            "path: %s is a device without swap on it: give the path of one that is swap" % state.path, reason="not_swap"
        )


def resolve_back(params: Mapping[str, Any], state: State) -> Spec:
    """Giving it back; raises HighwaterError where something else stands in its place: the lines that come back would
    have the next boot write over that.
    """
    known = state.record["before"]
    now = params["apply"] == "now"
    spec = Spec(state.path, False, now, {}, headroom=headroom_of(params, state), give_back=True)
    if _is_device(state):
        return spec
    if _is_made_again(state) and state.filesystem is not None:
        refuse_unmounted(state, state.filesystem)
    if state.found is not None or known["file"]:
        refuse_strangers(state)
        refuse_folders(state)
    if state.found is not None and _comes_on(spec._replace(now=True), state) and not state.leaving:
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile import back_on  # see _back_on()

        back_on.refuse_lost(state)
    return spec


def _is_device(state: State) -> bool:
    return state.found is not None and state.found.kind == DEVICE


def refuse_full_disks(states: Sequence[State]) -> None:
    """Raise HighwaterError where a disk has no room for the files that come back, which is before what is ours goes."""
    for point in {state.filesystem.mount_point: None for state in states if state.filesystem}:
        here = [state for state in states if state.filesystem and state.filesystem.mount_point == point]
        back = [state for state in here if _is_made_again(state)]
        size = sum(state.record["before"]["size"] for state in back)
        free = max(state.filesystem.free for state in here if state.filesystem)
        free += sum(state.own_blocks for state in back)
        if size > free:
            ours = [
                state
                for state in here
                if not state.disabled and state.found and not state.record.get("before", {}).get("file")
            ]
            first = "take %s away first (state: absent), " % _and(ours) if ours else ""
            raise HighwaterError(
                "path: %s of %s cannot be given back, since %s are free: free disk, %sor give up what is not needed "
                "(state: absent with it)" % (_and(back), format_size(size), format_size(free), first),
                reason="disk",
            )


def _and(states: Sequence[State]) -> str:
    return " and ".join(state.path for state in states)


def _is_made_again(state: State) -> bool:
    return state.disabled and state.found is None and bool(state.record["before"]["file"])


def resolve_absent(params: Mapping[str, Any], state: State) -> Spec:
    """What taking one away means here. One that was put away is not given back then; a device itself stays."""
    if not _is_device(state):
        return resolve_absent_file(params, state)
    if (state.area or state.table.entries()) and not state.disabled:
        raise HighwaterError(
            "path: %s is a device, not a swapfile, and its swap was there before us: use state: disabled, which puts "
            "it away and can give it back" % state.path,
            reason="not_a_file",
        )
    now = params["apply"] == "now"
    return Spec(state.path, False, now, {}, headroom=headroom_of(params, state))


def without_device(state: State) -> State:
    """The state in which there is no file to be removed where a device stands."""
    return state._replace(found=None) if _is_device(state) else state


def with_what_comes_back(memory: Memory, spec: Spec, state: State) -> Memory:
    """The memory once it is on again, for the guards of what goes off after that."""
    known = state.record["before"]
    if not _comes_on(spec, state):
        return memory
    if state.area is not None:
        from ansible_collections.highwater.memory.plugins.module_utils.core.room import without  # seldom on its way off

        memory = without(memory, state.area.path, spec.headroom)
    return memory._replace(areas=(*memory.areas, SwapArea(state.path, "file", known["size"], 0, known["priority"])))


# -- the plans -----------------------------------------------------------------------------------------------------


def plan_disabled(spec: Spec, state: State) -> Plan:
    """The steps that put it away: none where nothing of it is there."""
    keeps_on = state.area is not None and not spec.now
    steps = table_steps(spec, state) + mask_steps(state)
    if state.area is not None and spec.now:
        back = turn_on(state.area.path, state.area.priority, known_discard(state), noted=False)
        if state.device:
            back = turn_on(spec.path, state.area.priority, device=state.device)
        action = turn_off(state.area.path, state.device, state.area)
        steps += (Step("swap off %s" % spec.path, "it is to be disabled", action, (back,)),)
    if state.stray_device or state.bridge or state.bridge_area or state.draft:
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile import leftovers  # seldom there

        steps += leftovers.close_devices(state) + leftovers.stray_bridge(spec, state) + leftovers.stray_draft(state)
    if state.found is not None and state.found.kind == "file" and not keeps_on:
        steps += (Step("remove %s" % spec.path, "it is to be disabled", Remove(spec.path)),)
    return _record(spec, state) + steps if steps else ()


def _record(spec: Spec, state: State) -> Plan:
    entry: Entry = {
        "before": {**_before(state), **state.record.get("before", {})},
        "disabled": True,
        "folders": state.record.get("folders", []),
    }
    units = entry["before"].get("units", [])
    entry.update({key: state.record[key] for key in ("selinux", "mount_point") if key in state.record})
    if state.found is not None and state.found.kind == "file" and state.header is None:
        # Once its line is out of crypttab, nothing else tells what it is until it is removed.
        entry.update(inode=state.found.inode, generation=state.generation)
    if state.found is not None:
        entry.update(state.mount_point)
    entry["before"]["units"] = units + [owner.unit for owner in state.owners if owner.unit not in units]
    if entry == state.record:
        return ()
    back = noting(KIND, spec.path, state.record)
    return (Step("remember %s" % spec.path, "what was there before", Remember(KIND, spec.path, entry), (back,)),)


def _before(state: State) -> Entry:
    found, header, area = state.found, state.header, state.area
    return {
        "file": found is not None and found.kind == "file",
        "size": found.size if found else 0,
        "uuid": header.uuid if header else None,
        "label": header.label if header else None,
        "active": area is not None,
        "priority": area.priority if area else -1,
        "discard": known_discard(state),
        **before(state),
    }


def plan_back(spec: Spec, state: State) -> Plan:
    """The steps that give it back as it was, for a spec of give_back."""
    known = state.record["before"]
    steps: Plan = ()
    if _is_made_again(state):
        steps += _made_again(state, known)
    steps += unmask_steps(state) + table_steps(spec, state)
    if _comes_on(spec, state) and (known["file"] or state.found is not None):
        steps += _back_on(spec, state)
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.attributes import untell_selinux
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile.folders import folders_away

    steps += untell_selinux(state) + folders_away(state)
    return steps + (Step("forget %s" % spec.path, "", Forget(KIND, spec.path)),)


def _comes_on(spec: Spec, state: State) -> bool:
    """Whether it is to be on again and is off, or on its way there by the swapoff of a run that was cut off."""
    return bool(state.record["before"]["active"] and spec.now and (state.area is None or state.leaving))


def _back_on(spec: Spec, state: State) -> Plan:
    # Imported here because what is put away, or stays so, has no use for it.
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import back_on

    steps: Plan = ()
    if state.area is not None:
        action = turn_off(state.area.path, state.device, state.area)
        steps += (Step("swap off %s" % spec.path, "an earlier run has begun to swap it off", action),)
    on, off = back_on.turn_back_on(state), turn_off(spec.path, back_on.device_of(state))
    return (*steps, Step("swap on %s" % spec.path, back_on.WHY, on, (off,)))


def _made_again(state: State, known: Entry) -> Plan:
    """A swapfile's content is worth nothing once it is off, so one like it will do."""
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import leftovers  # as above

    ability = ABILITIES.get(state.filesystem.kind, Ability()) if state.filesystem else Ability()
    draft, selinux = draft_path(state.path), state.machine.selinux
    size, uuid, label = known["size"], known["uuid"], known["label"] or None
    goes_on = leftovers.draft_goes_on(state, size, "auto", ability)
    stray = () if goes_on else leftovers.stray_draft(state)
    create = Create(draft, state.path, size, "auto", ability, uuid, label, labelled=selinux, goes_on=goes_on)
    make = Step(
        "make %s with %s and format it as swap" % (state.path, format_size(size)),
        "it was there before us",
        Several((create, Place(draft, state.path)), clean=(Remove(draft),)),
        (Remove(state.path),),
    )
    return (*stray, make)
