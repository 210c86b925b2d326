# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swapfile resource as the runner wants it: observe, resolve, plan and what is shown of them.

A state is a tuple of swapfiles: the one at ``path``, or with ``path: all`` and ``state: absent`` those of our record.
"""

from __future__ import annotations

from shlex import quote
from typing import Any, Iterable, Mapping, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core import environment
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan
from ansible_collections.highwater.memory.plugins.module_utils.core.record import remembered
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import cloud_init
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import spec as specs
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import (
    check,
    decide,
    known_discard,
    refuse_resume,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import node
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file, observe_machine
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.plan import bridge_first, plan_present
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND, State
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import (
    refuse_links,
    texts,
    texts_after,
    with_texts,
)

States = Tuple[State, ...]
Specs = Tuple[Spec, ...]


def observe(host: Host, params: Mapping[str, Any]) -> States:
    """The swapfiles that the options are about."""
    paths = remembered(host, KIND) if specs.is_all(params) else (params["path"],)
    for each in paths:
        specs.check_path(each)
    if params["state"] == "present":
        _refuse_host(host, params)
    machine = observe_machine(host)
    if params["state"] == "present":
        return tuple(observe_file(host, machine, each) for each in paths)
    machine = machine._replace(unfinished=_leftovers().unfinished(host, paths))
    states = (_disable().observe(host, machine, each) for each in paths)
    return in_order_of_return(states)


def in_order_of_return(states: Iterable[State]) -> States:
    """What comes back goes on before what is ours goes off, and what a run that was cut off has left off too. Else the
    last goes first: lines of one may have stood behind those of another.
    """
    newest_first = sorted(states, key=lambda state: -state.record.get("before", {}).get("noted", 0))
    return tuple(sorted(newest_first, key=lambda state: not (state.disabled or state.was_on)))


# What is imported is compiled anew at each call: a swapfile that is to be present needs none of these three.


def _absent() -> Any:
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import absent

    return absent


def _disable() -> Any:
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import disable

    return disable


def _leftovers() -> Any:
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import leftovers

    return leftovers


def _refuse_host(host: Host, params: Mapping[str, Any]) -> None:
    what = "swap on %s" % params["path"]
    if params["apply"] == "now":  # an image may well be built in a container
        environment.refuse_container(host, what)
    environment.refuse_kubelet(host, what)
    if params["encrypted"]:
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile import encrypted  # seldom wanted

        encrypted.check_options(params)
        encrypted.refuse_host(host, params)


_STAYS = "path: %s stays as it is, since the swap that was to take its place could not be had: %s"


def resolve(params: Mapping[str, Any], states: States) -> Specs:
    """What is wanted, with all that speaks against it said before anything is touched."""
    if params["state"] == "present":
        found = tuple(specs.resolve_present(params, state) for state in states)
        _refuse_links(found, states)
        return tuple(_checked(params, spec, state) for spec, state in zip(found, states))
    if params["state"] == "disabled":
        found = tuple(_disable().resolve(params, state) for state in states)
    else:
        found = tuple(_resolve_absent(params, state) for state in states)
        if specs.is_all(params):
            _disable().refuse_full_disks(states)
    if params.get("hold_back") and plan(found, states):
        said = _STAYS % (params["path"], params["hold_back"])
        return tuple(spec._replace(held=True, warning=said, notice=None) for spec in found)
    _refuse_links(found, states)
    for spec, state in zip(found, states):
        if any(step.does == "remove %s" % spec.path for step in _plan_one(spec, state)):
            refuse_resume(state)
    try:
        # What is for this boot only has no next boot to wait for.
        _refuse_without_room(found, states, deferrable=params["persistent"])
    except HighwaterError as error:
        return (found[0]._replace(warning=_tolerated(params, error)), *found[1:])
    return found


def _refuse_links(found: Specs, states: States) -> None:
    for spec, state in zip(found, states):
        if state.machine.links:
            refuse_links(spec, state)


def given_up(states: States) -> Plan:
    """What was written for a file that is refused now, and would fill the disk until that is asked for again."""
    begun = [state for state in states if state.draft or state.bridge]
    return tuple(step for state in begun for step in _leftovers().given_up(state))


def _checked(params: Mapping[str, Any], spec: Spec, state: State) -> Spec:
    spec = spec._replace(notice=_stops_snapshots(spec, state))
    state = bridge_first(spec, state)[1]
    try:
        check(spec, state, decide(spec, state))
    except HighwaterError as error:
        return spec._replace(warning=_tolerated(params, error))
    return spec


_NO_SNAPSHOT = (
    "path: %s is on btrfs: no snapshot of its subvolume can be taken while it is on: where that has snapshots, choose "
    "a path in a subvolume that is for swap alone (btrfs subvolume create /swap)"
)


def _stops_snapshots(spec: Spec, state: State) -> str | None:
    """A warning, when the file is made, unless it is for tonight only. One that is encrypted is on through a loop
    device: btrfs does not know that.
    """
    disk = state.filesystem
    made = state.found is None and disk is not None and disk.shared
    return _NO_SNAPSHOT % spec.path if made and spec.persistent and not spec.encrypted else None


def _tolerated(params: Mapping[str, Any], error: HighwaterError) -> str:
    """A warning, where it is the swap of earlier tasks that is missing; raises the error where it is not."""
    if error.reason != "headroom" or not (params.get("check_mode") and params.get("expect_room")):
        raise error
    return "%s (unless swap that earlier tasks turn on, which check mode does not, makes room)" % error.message


def _resolve_absent(params: Mapping[str, Any], state: State) -> Spec:
    if specs.is_all(params) and state.disabled:
        spec: Spec = _disable().resolve_back(params, state)
        return spec
    spec = _disable().resolve_absent(params, state)
    _absent().refuse_lost(spec, state)
    return spec._replace(notice=_absent().left(spec, state))


def _refuse_without_room(absent: Specs, states: States, deferrable: bool) -> None:
    """Raise HighwaterError where the pages of all that goes off, one after the other, have no room; deferrable: whether
    apply: next_boot is a way out.
    """
    if not states:
        return
    from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room, without

    memory = states[0].machine.memory
    for spec, state in zip(absent, states):
        if spec.give_back and state.disabled:
            memory = _disable().with_what_comes_back(memory, spec, state)
            continue
        memory = _absent().with_what_comes_on(memory, spec, state)
        for path in _absent().going_off(spec, state):
            refuse_without_room(memory, path, spec.headroom, deferrable=deferrable)
            memory = without(memory, path, spec.headroom)


def plan(wanted_specs: Specs, states: States) -> Plan:
    """All steps, in the order of the files; each sees fstab and crypttab as the one before leaves them, knows what that
    one did of how they began, and takes the folders with it that another one is still in.
    """
    if any(spec.held for spec in wanted_specs):
        return ()
    steps: Plan = ()
    left = texts(states[0]) if states else None
    folders: list[str] = []
    for n, (spec, state) in enumerate(zip(wanted_specs, states)):
        state = with_texts(state, left) if left else state
        if n:
            state = _absent().with_beginning(state, states[:n])
        if folders:
            from ansible_collections.highwater.memory.plugins.module_utils.swapfile.folders import with_folders

            known = with_folders(state.record.get("folders", ()), folders, state.path)
            state = state._replace(record=dict(state.record, folders=known))
        steps += _plan_one(spec, state)
        left = texts_after(spec, state)
        folders += state.record.get("folders", ())
    unfinished = tuple(dict.fromkeys(path for state in states for path in state.machine.unfinished))
    if unfinished:
        sweep: Plan = _leftovers().sweep(unfinished)
        steps += sweep
    return steps


def _plan_one(spec: Spec, state: State) -> Plan:
    if spec.present:
        return plan_present(spec, state)
    if not spec.disabled and not (spec.give_back and state.disabled):
        steps: Plan = _absent().plan_absent(spec, _disable().without_device(state))
        return steps
    steps = (_disable().plan_disabled if spec.disabled else _disable().plan_back)(spec, state)
    return steps


def managed(states: States) -> dict[str, Any]:
    """What the diff shows of what is."""
    return _shown([(state.path, _fields(state)) for state in states])


def wanted(wanted_specs: Specs, states: States) -> dict[str, Any]:
    """The same, as it will be."""
    return _shown([(state.path, _fields_after(spec, state)) for spec, state in zip(wanted_specs, states)])


def _shown(fields: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return {"swapfiles": dict(fields)}


class Fields(NamedTuple):
    """What is managed of a swapfile; no counter, nothing that moves by itself."""

    size: Any = None
    mode: Any = None
    owner: Any = None
    formatted: bool = False
    label: Any = None
    active: bool = False
    priority: Any = None
    discard: Any = None
    encrypted: Any = None
    fstab: tuple[str, ...] = ()
    crypttab: tuple[str, ...] = ()


def _before(state: State) -> Fields:
    found, area = state.found, state.area
    fields = Fields(fstab=state.table.raw(), crypttab=state.crypt.raw())
    if found is not None:
        owner = "%d:%d" % (found.uid, found.gid)
        fields = fields._replace(size=found.size, mode="%04o" % found.mode, owner=owner)
    if state.header is not None:
        fields = fields._replace(formatted=True, label=state.header.label)
    if area is not None:
        fields = fields._replace(
            active=True,
            priority=max(area.priority, -1),
            discard=known_discard(state),
            encrypted=state.device is not None,
        )
    return fields


def _fields(state: State) -> dict[str, Any]:
    return _as_shown(_before(state))


def _as_shown(fields: Fields) -> dict[str, Any]:
    shown = dict(fields._asdict())
    if fields.priority == -1:
        shown["priority"] = "the kernel's"
    return shown


def _fields_after(spec: Spec, state: State) -> dict[str, Any]:
    if spec.held:
        return _fields(state)
    then = with_texts(state, texts_after(spec, state))
    tables = Fields(fstab=then.table.raw(), crypttab=then.crypt.raw())
    before = _before(state)
    after = before._replace(fstab=tables.fstab, crypttab=tables.crypttab)
    if not spec.present:
        left = {step.does for step in _plan_one(spec, state)}
        if "format %s as swap" % spec.path in left:
            label = state.record["before"].get("label") or ""
            after = after._replace(formatted=True, label=label, encrypted=False if after.active else None)
        if "remove %s" % spec.path in left:
            after = tables
        elif "swap on %s" % spec.path in left:
            after = after._replace(active=True)
        elif "swap off %s" % spec.path in left:
            after = after._replace(active=False, priority=None, discard=None, encrypted=None)
        return _as_shown(after)
    label = spec.label if spec.label is not None else before.label or ""
    after = after._replace(size=spec.size, mode="0600", owner="0:0", formatted=True, label=label)
    if spec.encrypted:  # the header lies within
        after = after._replace(formatted=False, label=None)
    if spec.now:
        priority = -1 if spec.priority is None else spec.priority
        after = after._replace(active=True, priority=priority, discard=spec.discard, encrypted=spec.encrypted)
    return _as_shown(after)


def result(wanted_specs: Specs, states: States) -> dict[str, Any]:
    """What the module returns of the host as it is now."""
    if not wanted_specs or wanted_specs[0].give_back:
        return {"swapfile": None, "paths": [spec.path for spec in wanted_specs]}
    spec, state = wanted_specs[0], states[0]
    returned: dict[str, Any] = {"swapfile": _returned(spec, state)}
    if spec.present and not spec.persistent:
        returned["take_back"] = _take_back(spec)
    return returned


def part(wanted_specs: Specs, steps: Plan) -> dict[str, Any]:
    """What a call returns that has not come to the end: the next one does not know of what is taken back by then."""
    if not any(spec.give_back for spec in wanted_specs):
        return {}
    done = {step.does for step in steps}
    gone = tuple(spec for spec in wanted_specs if "forget %s" % spec.path in done)
    return {"paths": [spec.path for spec in gone], "warnings": warnings(gone, ())}


def _take_back(spec: Spec) -> list[str]:
    """Commands that take the swapfile away before the next boot does."""
    off = ["swapoff %s" % quote(spec.path)]
    if spec.device:
        off = ["swapoff %s" % node(spec.device), "cryptsetup close %s" % spec.device]
    return [*off, "rm %s" % quote(spec.path)]


def _returned(spec: Spec, state: State) -> dict[str, Any]:
    area, header, lines = state.area, state.header, state.table.raw()
    return {
        "path": state.path,
        "size": state.found.size if state.found else None,
        "method": spec.method if spec.present else None,
        "filesystem": state.filesystem.kind if state.filesystem else None,
        "active": spec.present if spec.now and not spec.held else area is not None,  # which check mode can say too
        "encrypted": spec.encrypted if spec.present and spec.now else bool(area and state.device),
        "priority": area.priority if area else None,
        "used": area.used if area else None,
        "uuid": header.uuid if header else None,
        "label": header.label if header else None,
        "fstab_line": lines[0] if lines else None,
    }


def warnings(wanted_specs: Specs, states: States) -> list[str]:
    """What is to be minded: in check mode what would be refused if nothing changed before, what stays though it is to
    go, and who else makes it.
    """
    said = [words for spec in wanted_specs for words in (spec.warning, spec.notice) if words]
    return said + [cloud_init.warning(state.path, state.cloud_init) for state in states if state.cloud_init]
