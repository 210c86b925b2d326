# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for devices that are to be gone: from the record and the kernel alone, without any option or file."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import disable_steps
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import SYSTEMD
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room, without
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import Add, Load, Unload, remove
from ansible_collections.highwater.memory.plugins.module_utils.zram.detour import (
    LEFT_OVER,
    discard_steps,
    give_back_steps,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import refuse_foreign_data, reset_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.let_go import let_go_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.mask import unmask_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import folder_steps, unused
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import refuse_owners
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Absent, are_the_last
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import (
    KIND,
    MODULE,
    MODULE_KIND,
    PACKAGE_KIND,
    Device,
    State,
    attribute,
    node,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.take_over import hand_back_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import GIVEN_UP

WHY = "state is absent"


def plan_absent(spec: Absent, states: tuple[State, ...]) -> Plan:
    """The steps; empty when nothing is to do. HighwaterError where a device cannot go without harm."""
    going = tuple(state.name for state in states)
    if not spec.now:
        return tuple(step for state in states for step in _next_boot_steps(state, going))
    forget = _last_one(states)
    unload = forget and not states[0].built_in
    steps = tuple(step for state in states for step in _device_steps(state, unload, going))
    _refuse_without_room(spec, states)
    return steps + (_unload_steps(states[0]) if forget else ()) + tuple(map(_forget_package, spec.packages))


def _next_boot_steps(state: State, going: tuple[str, ...]) -> Plan:
    """The device stays until then, and so does our record of it. Noted first: once the boot is given back, what comes
    with it is somebody else's."""
    boot = unmask_steps(state, WHY) + boot_steps(state, going)
    if state.theirs:
        return folder_steps(unused(state.made), WHY) + boot + _forget_steps(state)
    if not state.record or not state.boot or state.record.get(GIVEN_UP) == state.boot:
        return boot
    note = Remember(KIND, state.name, dict(state.record, **{GIVEN_UP: state.boot}))
    does = "note that %s is given up from the next boot on" % state.name
    return (Step(does, WHY, note, (Remember(KIND, state.name, state.record),)),) + boot


def _refuse_without_room(spec: Absent, states: tuple[State, ...]) -> None:
    """Raise HighwaterError where the pages of one device would not fit in what those before it leave."""
    if not states:
        return
    memory = states[0].memory
    for state in states:
        held = state.device.stat.mem_used_total if state.device else 0
        areas = [] if state.theirs else [(node(state.name), held)]
        if state.temporary:
            areas.append((node(state.temporary.name), state.temporary.held))
        for path, gives_back in areas:
            refuse_without_room(memory, path, spec.headroom, gives_back)
            memory = without(memory, path, spec.headroom, gives_back)


def _last_one(states: tuple[State, ...]) -> bool:
    """Whether we loaded the kernel module and nobody has a device of it any more, once these are gone."""
    return any(state.loaded_by_us for state in states) and are_the_last(states)


def _forget_package(name: str) -> Step:
    """Whoever calls removes it: it is returned, see resource.py."""
    does = "forget that the package %s was installed for zram" % name
    return Step(does, WHY, Forget(PACKAGE_KIND, name), (Remember(PACKAGE_KIND, name, {}),))


def _device_steps(state: State, unload: bool, going: tuple[str, ...]) -> Plan:
    device = state.device
    steps: Plan = ()
    if device and device.size and not state.theirs:
        if GIVEN_UP not in state.record and (not state.record or state.unit.text is None):
            refuse_owners(state.owners, state.name, going=True)
        refuse_foreign_data(state, going=True)
        steps += reset_steps(state, device, WHY) + (() if unload else _algorithm_steps(state, device))
    if device and device.writeback_device and not state.theirs:  # what else was set on it holds nothing
        steps += let_go_steps(state.name, device)
    if state.temporary:
        put_away = give_back_steps if state.temporary.area else discard_steps
        steps += put_away(state, state.temporary, LEFT_OVER)
    number = int(state.name[len("zram") :])
    kernels_own = state.built_in and not number
    if device and state.record.get("created") and not unload and not state.theirs and not kernels_own:
        steps += (Step("remove the device %s" % state.name, "it was not there before", remove(number), (Add(number),)),)
    # Asked for by name, one of theirs that we know nothing of is refused, or reset where nobody says that it is theirs:
    # so we do not forget that we gave it up, for as long as they have it.
    stays = state.theirs and state.named and device is not None and device.size > 0
    if not stays:
        steps += folder_steps(unused(state.made) if state.theirs else state.made, WHY)
    steps += unmask_steps(state, WHY) + boot_steps(state, going)
    return steps if stays else steps + _forget_steps(state)


def _forget_steps(state: State) -> Plan:
    if not state.record:
        return ()
    undo = (Remember(KIND, state.name, state.record),)
    return (Step("forget %s" % state.name, WHY, Forget(KIND, state.name), undo),)


def _algorithm_steps(state: State, device: Device) -> Plan:
    """A device that was there before us gets its algorithm back: before Linux 6.12, a reset keeps the last one."""
    had = state.record.get("had")
    if had == device.algorithm or had not in device.algorithms:
        return ()
    action = Write(attribute(state.name, "comp_algorithm"), had)
    return (Step("set the algorithm of %s back to %s" % (state.name, had), "it was so before", action),)


def boot_steps(state: State, going: tuple[str, ...]) -> Plan:
    """The next boot without ours, and with what was there before. going: all that are to be gone."""
    heirs = {one.owner: (one.device, one.taken) for one in state.beside if one.ours and one.device not in going}
    systemd = state.unit.running == SYSTEMD
    return disable_steps(state.unit, WHY) + hand_back_steps(state.name, state.taken, systemd, heirs)


def _unload_steps(state: State) -> Plan:
    steps: Plan = ()
    if state.loaded and not state.built_in:
        steps = (Step("unload the kernel module zram", "it was not loaded before", Unload(), (Load(),)),)
    return steps + (
        Step(
            "forget that the kernel module zram was loaded",
            "",
            Forget(MODULE_KIND, MODULE),
            (Remember(MODULE_KIND, MODULE, {"loaded": True}),),
        ),
    )
