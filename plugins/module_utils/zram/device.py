# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's side of a plan: steps to a device that is set up as asked for, and swapped on.

Pure: everything comes from Spec and State. In a kernel without the device nobody can say yet which algorithms
it has; there the plan says "the first of", and the action settles it when the device exists.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import BUSY_PATIENCE, Plan, Run, Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff, refuse_without_room
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import (
    Add,
    Load,
    SetUp,
    Unload,
    remove,
    swap_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import (
    Algorithm,
    Present,
    refuse_large_table,
    refuse_tight_limit,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import (
    MODULE,
    MODULE_KIND,
    Device,
    State,
    attribute,
    node,
)

# -- the device ----------------------------------------------------------------------------------


def device_steps(spec: Present, state: State) -> Plan:
    """From any state of the device to swap that is on; empty where it is. HighwaterError where that would do harm."""
    device = state.device
    if device is None:
        refuse_large_table(spec, state)
        note = () if state.loaded else (_NOTE,)
        return note + fresh_steps(spec, state.loaded)
    wrong = _wrong(spec, device)
    if wrong:
        refuse_foreign_data(state)
        refuse_large_table(spec, state)
        reset = reset_steps(state, device, wrong, spec.headroom) if device.size else ()
        # A reset forgets the limit; one that was set on a device without a size is still there.
        limit = 0 if device.size else device.stat.mem_limit
        return reset + _set_up_steps(spec, wrong, limit) + _swap_on_steps(spec)
    return _limit_steps(spec, state) + _swap_steps(spec, state)


def _wrong(spec: Present, device: Device) -> str:
    """Why the device has to be set up anew; empty where it has not."""
    if not device.size:
        return "it has no size yet"
    if device.size != spec.size:
        return "its size is %s" % format_size(device.size)
    if not spec.keep:
        return "its algorithm is %s" % device.algorithm
    return ""


_NOTE = Step(
    "note that the kernel module zram was not loaded before us",
    "",
    Remember(MODULE_KIND, MODULE, {"loaded": True}),
    (Forget(MODULE_KIND, MODULE),),
)


def fresh_steps(spec: Present, loaded: bool) -> Plan:
    """From no device at all to swap; ``loaded`` says whether the kernel's zram is there already.

    This is the plan that the boot artefact writes down.
    """
    number = int(spec.name[len("zram") :])
    load = () if loaded else (Step("load the kernel module zram", "it is not loaded", Load(), (Unload(),)),)
    # On the way back the module takes its devices along, so only one that was added alone is removed alone.
    undo = (remove(number),) if loaded else ()
    make = Step("make the device %s" % spec.name, "it does not exist", Add(number), undo)
    return load + (make,) + _set_up_steps(spec, "it is new", 0) + _swap_on_steps(spec)


def _set_up_steps(spec: Present, why: str, limit: int) -> Plan:
    """Order of the kernel: limit, algorithm, its parameters, size; then the swap header."""
    reset = Write(attribute(spec.name, "reset"), "1", patience=BUSY_PATIENCE)
    what = "set up %s with %s, compressed by %s" % (spec.name, format_size(spec.size), _first(spec))
    return (_limit_step(spec, limit) if spec.mem_limit != limit else ()) + (
        Step(what, why, SetUp(spec.name, spec.algorithms, spec.size), (reset,)),
        Step("format %s as swap" % node(spec.name), "", Run(("mkswap", node(spec.name)))),
    )


def _first(spec: Present) -> str:
    words = [algorithm.words() for algorithm in spec.algorithms]
    return words[0] if spec.offered or len(words) == 1 else "the first of %s that this kernel has" % ", ".join(words)


def _limit_steps(spec: Present, state: State) -> Plan:
    device = state.device
    if device is None or device.stat.mem_limit == spec.mem_limit:
        return ()
    refuse_tight_limit(spec, state)
    return _limit_step(spec, device.stat.mem_limit)


def _limit_step(spec: Present, old: int) -> Plan:
    path = attribute(spec.name, "mem_limit")
    does = "limit %s to %s of RAM" % (spec.name, format_size(spec.mem_limit))
    if not spec.mem_limit:
        does = "lift the limit of %s" % spec.name
    return (
        Step(
            does,
            "it is %s" % (format_size(old) if old else "unlimited"),
            Write(path, str(spec.mem_limit)),
            (Write(path, str(old)),),
        ),
    )


# -- swap ----------------------------------------------------------------------------------------


def _swap_steps(spec: Present, state: State) -> Plan:
    """A device that is set up as asked for gets swapped on, with the priority asked for."""
    device, area = state.device, state.area
    if area is None:
        refuse_foreign_data(state)
        swap = device is not None and device.swap
        header = (
            ()
            if swap
            else (
                Step("format %s as swap" % node(spec.name), "it has no swap header", Run(("mkswap", node(spec.name)))),
            )
        )
        return header + _swap_on_steps(spec)
    if area.priority != spec.priority:
        return swap_off_steps(state, "its priority is %d" % area.priority, spec.headroom) + _swap_on_steps(spec)
    if state.record.get("discard", spec.discard) != spec.discard:
        return swap_off_steps(
            state, "discard is %s" % ("off" if spec.discard else "on"), spec.headroom
        ) + _swap_on_steps(spec)
    return ()


def _swap_on_steps(spec: Present) -> Plan:
    path = node(spec.name)
    return (
        Step(
            "swap on %s with priority %d" % (path, spec.priority),
            "",
            swap_on(path, spec.priority, spec.discard),
            (SwapOff(path),),
        ),
    )


def swap_off_steps(state: State, why: str, headroom: int) -> Plan:
    """Swap the device off, where it is on. HighwaterError where its pages would not fit."""
    area = state.area
    if area is None:
        return ()
    held = state.device.stat.mem_used_total if state.device else 0
    refuse_without_room(state.memory, area.path, headroom, gives_back=held)
    # A priority below 0 is the kernel's own choice, and swapon takes none such.
    again = (
        swap_on(area.path, area.priority, bool(state.record.get("discard")))
        if area.priority >= 0
        else Run(("swapon", area.path))
    )
    return (Step("swap off %s" % area.path, why, SwapOff(area.path), (again,)),)


def reset_steps(state: State, device: Device, why: str, headroom: int) -> Plan:
    """Swap off and reset, with the way back: everything set again as it was."""
    name = state.name
    back: tuple[object, ...] = ()
    if device.algorithm:
        limit = (Write(attribute(name, "mem_limit"), str(device.stat.mem_limit)),) if device.stat.mem_limit else ()
        back = limit + (SetUp(name, (_as_recorded(state, device.algorithm),), device.size),)
        back += (Run(("mkswap", node(name))),) if device.swap else ()
    reset = Write(attribute(name, "reset"), "1", patience=BUSY_PATIENCE)
    return swap_off_steps(state, why, headroom) + (Step("reset %s" % name, why, reset, back),)


def _as_recorded(state: State, name: str) -> Algorithm:
    had = {algorithm: tuple(params) for algorithm, params in state.record.get("algorithms", [])}
    return Algorithm(name, had.get(name, ()))


def refuse_foreign_data(state: State) -> None:
    """Raise HighwaterError where the device holds something that is not swap: a reset would lose it."""
    device = state.device
    if device is None or state.area is not None:
        return
    if device.used_by:
        raise HighwaterError(
            "name: %s %s: choose another device such as zram1, or give that one up first"
            % (node(state.name), device.used_by),
            reason="in_use",
        )
    if not device.swap and device.stat.orig_data_size:
        raise HighwaterError(
            "name: %s holds %s of data that is not swap: choose another device such as zram1, or "
            "throw them away first (zramctl --reset %s)"
            % (node(state.name), format_size(device.stat.orig_data_size), node(state.name)),
            reason="in_use",
        )
