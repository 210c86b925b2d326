# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""zram_device for the runner: observe, resolve, plan, and what is shown of a state (see core/runner.py)."""

from __future__ import annotations

from typing import Any, Dict, Tuple, Union

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import ratio
from ansible_collections.highwater.memory.plugins.module_utils.zram.plan import plan_present
from ansible_collections.highwater.memory.plugins.module_utils.zram.removal import plan_absent
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import (
    Absent,
    Present,
    resolve_absent,
    resolve_present,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import State, node, observe
from ansible_collections.highwater.memory.plugins.module_utils.zram.unit import unit_text

__all__ = ("managed", "observe", "plan", "resolve", "result", "wanted", "warnings")

States = Tuple[State, ...]
Spec = Union[Present, Absent]
Fields = Dict[str, Any]


def resolve(params: dict[str, Any], states: States) -> Spec:
    """HighwaterError for bad input, Unsupported where the kernel cannot."""
    return resolve_absent(params, states) if params["state"] == "absent" else resolve_present(params, states[0])


def plan(spec: Spec, states: States) -> Plan:
    """The steps from states to spec."""
    return plan_absent(spec, states) if isinstance(spec, Absent) else plan_present(spec, states[0])


def managed(states: States) -> Fields:
    """The fields that we manage, by device."""
    return {state.name: _fields(state) for state in states}


def _fields(state: State) -> Fields:
    device = state.device if state.device and state.device.size else None
    return {
        "size": device.size if device else None,
        "algorithm": device.algorithm if device else None,
        "mem_limit": device.stat.mem_limit if device else None,
        "priority": state.area.priority if state.area else None,
        "unit": state.unit.text,
        "enabled": state.unit.enabled,
    }


def wanted(spec: Spec, states: States) -> Fields:
    """The same fields, as they will be."""
    if isinstance(spec, Absent):
        gone = {"unit": None, "enabled": False}
        if spec.now:
            gone.update(size=None, algorithm=None, mem_limit=None, priority=None)
        return {state.name: dict(_fields(state), **gone) for state in states}
    fields = _fields(states[0])
    settled = spec.settled or spec.algorithms[0]
    if spec.now:
        fields.update(size=spec.size, algorithm=settled.name, mem_limit=spec.mem_limit, priority=spec.priority)
    fields.update(unit=None, enabled=False)
    if spec.persistent:
        shown = (
            states[0].unit.text
            if spec.settled and states[0].unit.text == unit_text(spec._replace(settled=None))
            else unit_text(spec._replace(settled=settled if spec.now else spec.settled))
        )
        fields.update(unit=shown, enabled=True)
    return {spec.name: fields}


def result(spec: Spec, states: States) -> Fields:
    """``zram`` and ``unit``, None where they are about no device or more than one."""
    if isinstance(spec, Absent):
        return {"zram": None, "unit": None}
    state = states[0]
    fields = _fields(state)
    stat = state.device.stat if state.device else None
    return {
        "zram": {
            "name": state.name,
            "device": node(state.name),
            "active": spec.now or state.area is not None,
            "size": fields["size"],
            "algorithm": fields["algorithm"],
            "algorithms": list(state.offered or ()),
            "priority": fields["priority"],
            "fstype": "swap",
            "mount_point": None,
            "mem_limit": fields["mem_limit"],
            "stats": dict(stat._asdict(), ratio=ratio(stat)) if stat else None,
        },
        "unit": state.unit.path if spec.persistent else None,
    }


def warnings(spec: Spec, states: States) -> list[str]:
    """What is allowed but seldom meant."""
    if isinstance(spec, Absent):
        return []
    state, said = states[0], []
    if spec.size > 2 * state.memory.total:
        said.append(
            "size: %s is more than twice the RAM (%s), which compressed data seldom fills"
            % (format_size(spec.size), format_size(state.memory.total))
        )
    others = [area.path for area in state.memory.areas if area.path != node(spec.name)]
    if spec.mem_limit and others:
        said.append(
            "mem_limit: when %s has reached it, writes to it fail and do not spill over to %s" % (spec.name, others[0])
        )
    if state.zswap:
        said.append(
            "zswap is on: in front of %s it compresses pages twice; switch it off "
            "(/sys/module/zswap/parameters/enabled)" % spec.name
        )
    return said
