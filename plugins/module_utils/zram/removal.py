# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for devices that are to be gone: from the record and the kernel alone, without any option or file."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import disable_steps
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import without
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import Add, Load, Unload, remove
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import refuse_foreign_data, reset_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import refuse_owner
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Absent
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND, MODULE, MODULE_KIND, State, node

WHY = "state is absent"


def plan_absent(spec: Absent, states: tuple[State, ...]) -> Plan:
    """The steps; empty when nothing is to do. HighwaterError where a device cannot go without harm."""
    if not spec.now:
        return tuple(step for state in states for step in disable_steps(state.unit, WHY))
    unload = _last_one(states)
    met = _one_after_the_other(spec, states)
    steps = tuple(step for state in met for step in _device_steps(spec, state, unload))
    return steps + (_unload_steps(states[0]) if unload else ())


def _one_after_the_other(spec: Absent, states: tuple[State, ...]) -> tuple[State, ...]:
    """The states as the steps meet them, each with the memory that the devices before it leave."""
    met: list[State] = []
    for state in states:
        if met:
            last = met[-1]
            held = last.device.stat.mem_used_total if last.device else 0
            state = state._replace(memory=without(last.memory, node(last.name), spec.headroom, held))
        met.append(state)
    return tuple(met)


def _last_one(states: tuple[State, ...]) -> bool:
    """Whether we loaded the kernel module and nobody has a device of it any more, once these are gone."""
    names = [state.name for state in states]
    return any(state.loaded_by_us for state in states) and all(
        other in names for state in states for other in state.others
    )


def _device_steps(spec: Absent, state: State, unload: bool) -> Plan:
    device = state.device
    steps: Plan = ()
    if device and device.size:
        refuse_owner(state.owner, state.name)
        refuse_foreign_data(state)
        steps += reset_steps(state, device, WHY, spec.headroom)
    if device and state.record.get("created") and not unload:
        number = int(state.name[len("zram") :])
        steps += (Step("remove the device %s" % state.name, "it was not there before", remove(number), (Add(number),)),)
    steps += disable_steps(state.unit, WHY)
    if state.record:
        steps += (
            Step("forget %s" % state.name, WHY, Forget(KIND, state.name), (Remember(KIND, state.name, state.record),)),
        )
    return steps


def _unload_steps(state: State) -> Plan:
    steps: Plan = ()
    if state.loaded:
        steps = (Step("unload the kernel module zram", "it was not loaded before", Unload(), (Load(),)),)
    return steps + (
        Step(
            "forget that the kernel module zram was loaded",
            "",
            Forget(MODULE_KIND, MODULE),
            (Remember(MODULE_KIND, MODULE, {"loaded": True}),),
        ),
    )
