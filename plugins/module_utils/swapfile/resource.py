# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swapfile resource as the runner wants it: observe, resolve, plan and what is shown of them.

A state is a tuple of swapfiles: the one at ``path``, or with ``path: all`` and ``state: absent`` those of our record.
"""

from __future__ import annotations

from shlex import quote
from typing import Any, Mapping, NamedTuple, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core import environment
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan
from ansible_collections.highwater.memory.plugins.module_utils.core.record import remembered
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import refuse_without_room, without
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import spec as specs
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import check, decide, known_discard
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.plan import (
    fstab_after,
    going_off,
    plan_absent,
    plan_present,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    State,
    observe_file,
    observe_machine,
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
    return tuple(observe_file(host, machine, each) for each in paths)


def _refuse_host(host: Host, params: Mapping[str, Any]) -> None:
    what = "swap on %s" % params["path"]
    if params["apply"] == "now":  # an image may well be built in a container
        environment.refuse_container(host, what)
    environment.refuse_kubelet(host, what)


def resolve(params: Mapping[str, Any], states: States) -> Specs:
    """What is wanted, with all that speaks against it said before anything is touched."""
    if params["state"] == "present":
        found = tuple(specs.resolve_present(params, state) for state in states)
        for spec, state in zip(found, states):
            check(spec, state, decide(spec, state))
        return found
    found = tuple(specs.resolve_absent(params, state) for state in states)
    _refuse_without_room(found, states)
    return found


def _refuse_without_room(absent: Specs, states: States) -> None:
    """Raise HighwaterError where the pages of all that goes off, one after the other, have no room."""
    if not states:
        return
    memory = states[0].machine.memory
    for spec, state in zip(absent, states):
        for path in going_off(spec, state):
            refuse_without_room(memory, path, spec.headroom)
            memory = without(memory, path, spec.headroom)


def plan(wanted_specs: Specs, states: States) -> Plan:
    """All steps, in the order of the files; each sees fstab as the one before leaves it."""
    steps: Plan = ()
    text = states[0].table.text if states else None
    for spec, state in zip(wanted_specs, states):
        state = state._replace(table=state.table._replace(text=text))
        steps += plan_present(spec, state) if spec.present else plan_absent(spec, state)
        text = fstab_after(spec, state)
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
    fstab: tuple[str, ...] = ()


def _before(state: State) -> Fields:
    found, area = state.found, state.area
    fields = Fields(fstab=state.table.raw())
    if found is not None:
        owner = "%d:%d" % (found.uid, found.gid)
        fields = fields._replace(size=found.size, mode="%04o" % found.mode, owner=owner)
    if state.header is not None:
        fields = fields._replace(formatted=True, label=state.header.label)
    if area is not None:
        fields = fields._replace(active=True, priority=max(area.priority, -1), discard=known_discard(state))
    return fields


def _fields(state: State) -> dict[str, Any]:
    return _as_shown(_before(state))


def _as_shown(fields: Fields) -> dict[str, Any]:
    shown = dict(fields._asdict())
    if fields.priority == -1:
        shown["priority"] = "the kernel's"
    return shown


def _fields_after(spec: Spec, state: State) -> dict[str, Any]:
    table = state.table._replace(text=fstab_after(spec, state))
    before = _before(state)
    after = before._replace(fstab=table.raw())
    if not spec.present:
        left = plan_absent(spec, state)
        if any(step.does == "remove %s" % spec.path for step in left):
            after = Fields(fstab=table.raw())
        elif any(step.does == "swap off %s" % spec.path for step in left):
            after = after._replace(active=False, priority=None, discard=None)
        return _as_shown(after)
    label = spec.label if spec.label is not None else before.label or ""
    after = after._replace(size=spec.size, mode="0600", owner="0:0", formatted=True, label=label)
    if spec.now:
        priority = -1 if spec.priority is None else spec.priority
        after = after._replace(active=True, priority=priority, discard=spec.discard)
    return _as_shown(after)


def result(wanted_specs: Specs, states: States) -> dict[str, Any]:
    """What the module returns of the host as it is now."""
    if not wanted_specs or wanted_specs[0].give_back:
        return {"swapfile": None, "paths": [spec.path for spec in wanted_specs]}
    spec, state = wanted_specs[0], states[0]
    returned: dict[str, Any] = {"swapfile": _returned(spec, state)}
    if spec.present and not spec.persistent:
        returned["take_back"] = ["swapoff %s" % quote(spec.path), "rm %s" % quote(spec.path)]
    return returned


def _returned(spec: Spec, state: State) -> dict[str, Any]:
    area, header, lines = state.area, state.header, state.table.raw()
    return {
        "path": state.path,
        "size": state.found.size if state.found else None,
        "method": spec.method if spec.present else None,
        "filesystem": state.filesystem.kind if state.filesystem else None,
        "active": spec.present if spec.now else area is not None,  # which check mode can say too
        "priority": area.priority if area else None,
        "used": area.used if area else None,
        "uuid": header.uuid if header else None,
        "label": header.label if header else None,
        "fstab_line": lines[0] if lines else None,
    }


def warnings(_specs: Specs, _states: States) -> list[str]:
    """None yet."""
    return []
