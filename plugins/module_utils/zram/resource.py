# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""zram_device for the runner: observe, resolve, plan, and what is shown of a state (see core/convergence.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Tuple, Union

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import ratio
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import SWAP
from ansible_collections.highwater.memory.plugins.module_utils.zram.observe import observe
from ansible_collections.highwater.memory.plugins.module_utils.zram.plan import plan_present
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import (
    Absent,
    Present,
    resolve_absent,
    resolve_present,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import Device, State, mounted_with, node
from ansible_collections.highwater.memory.plugins.module_utils.zram.unit import boot_job
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import doubts

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
    from ansible_collections.highwater.memory.plugins.module_utils.core.timer import Timer

__all__ = ("left_behind", "managed", "observe", "plan", "resolve", "result", "settled", "wanted", "warnings")

States = Tuple[State, ...]
Spec = Union[Present, Absent]
Fields = Dict[str, Any]


def resolve(params: dict[str, Any], states: States) -> Spec:
    """HighwaterError for bad input, Unsupported where the kernel cannot."""
    return resolve_absent(params, states) if params["state"] == "absent" else resolve_present(params, states[0])


def plan(spec: Spec, states: States) -> Plan:
    """The steps from states to spec."""
    if isinstance(spec, Present):
        return plan_present(spec, states[0])
    from ansible_collections.highwater.memory.plugins.module_utils.zram.removal import plan_absent

    return plan_absent(spec, states)


def left_behind(host: Host, params: dict[str, Any]) -> str:
    """Where pages still are when a run has failed."""
    from ansible_collections.highwater.memory.plugins.module_utils.zram import detour

    return detour.left_behind(host, params["name"])


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
        "recompress": ["%s at %d" % (name, number) for number, name in device.recompress or ()] if device else None,
        "writeback_device": device.writeback_device or None if device else None,
        **_mount_fields(state, device),
        "unit": state.unit.text,
        "enabled": state.unit.enabled,
        "timers": {timer.name: _timer(timer) for timer in state.timers if timer.timer is not None},
    }


def _timer(timer: Timer) -> Fields:
    return {"service": timer.service, "timer": timer.timer, "enabled": timer.enabled, "active": timer.active}


def _mount_fields(state: State, device: Device | None) -> Fields:
    mount, place = device.main if device else None, state.mount_point
    there = place if mount and place and place.path == mount.point else None
    return {
        "fstype": SWAP if state.area else mount.fstype if mount else None,
        "mount_point": mount.point if mount else None,
        "mount_options": mounted_with(state.record) if mount else None,
        "mount_owner": "%s:%s" % (there.owner, there.group) if there else None,
        "mount_mode": "%04o" % there.mode if there and there.mode is not None else None,
    }


_GONE: Fields = dict.fromkeys(
    ("size", "algorithm", "mem_limit", "priority", "recompress", "writeback_device", "fstype", "mount_point")
    + ("mount_options", "mount_owner", "mount_mode")
)


def wanted(spec: Spec, states: States) -> Fields:
    """The same fields, as they will be."""
    if isinstance(spec, Absent):
        unset: Fields = {"unit": None, "enabled": False, "timers": {}}
        gone = dict(unset, **_GONE) if spec.now else unset
        return {state.name: dict(_fields(state), **(unset if state.theirs else gone)) for state in states}
    fields = _fields(states[0])
    open_yet = not spec.offered and len(spec.algorithms) > 1
    known = spec.settled or (None if open_yet else spec.algorithms[0])
    if spec.now:
        names = ", ".join(algorithm.name for algorithm in spec.algorithms)
        chosen = known.name if known else "the first of %s that this kernel has" % names
        fields.update(size=spec.size, algorithm=chosen, mem_limit=spec.mem_limit, **_wanted_use(spec, states[0]))
    fields.update(unit=None, enabled=False, timers={})
    if spec.persistent:
        unit = states[0].unit
        open_choice = unit.render(boot_job(spec._replace(settled=None)))
        shown = (
            unit.text
            if spec.settled and unit.text == open_choice
            else unit.render(boot_job(spec._replace(settled=known if spec.now else spec.settled)))
        )
        fields.update(unit=shown, enabled=True, timers=_timers(spec, states[0]))
    return {spec.name: fields}


def settled(fields: Fields, states: States) -> Fields:
    """What was wanted, with what only the steps have shown: the algorithm, and so the unit."""
    seen = managed(states)
    shown = {name: {key: seen[name][key] for key in ("algorithm", "unit")} for name in fields if name in seen}
    return {name: dict(fields[name], **shown.get(name, {})) for name in fields}


def _wanted_use(spec: Present, state: State) -> Fields:
    use = spec.filesystem
    return {
        "recompress": ["%s at %d" % (each.name, each.priority) for each in spec.recompress],
        "writeback_device": state.backing.path if state.backing else None,
        "priority": None if use else spec.priority,
        "fstype": use.fstype if use else SWAP,
        "mount_point": use.mount_point if use else None,
        "mount_options": list(use.options) if use else None,
        "mount_owner": "%d:%d" % (use.owner, use.group) if use else None,
        "mount_mode": "%04o" % use.mode if use else None,
    }


def _timers(spec: Present, state: State) -> Fields:
    there = {timer.name: timer for timer in state.timers}
    return {
        one.name: {
            "service": one.service,
            "timer": one.timer,
            "enabled": True,
            "active": there[one.name].active or (there[one.name].running and spec.now),
        }
        for one in spec.timers
    }


def result(spec: Spec, states: States) -> Fields:
    """``zram`` and ``unit``, None where they are about no device or more than one. HighwaterError where all was done
    but for a device whose record cannot be read.
    """
    if isinstance(spec, Absent):
        if states and states[0].damaged:
            raise HighwaterError(states[0].damaged, reason="record")
        return {"zram": None, "unit": None, "timers": [], "packages": list(spec.packages)}
    state = states[0]
    fields = _fields(state)
    return {
        "zram": {
            "name": state.name,
            "device": node(state.name),
            "active": spec.now or state.area is not None or bool(state.device and state.device.mounts),
            "size": fields["size"],
            "algorithm": fields["algorithm"],
            "algorithms": list(state.offered or ()),
            "priority": fields["priority"],
            "recompress": fields["recompress"],
            "writeback_device": fields["writeback_device"],
            "fstype": spec.filesystem.fstype if spec.filesystem else SWAP,
            "mount_point": spec.filesystem.mount_point if spec.filesystem else None,
            "mem_limit": fields["mem_limit"],
            "stats": _stats(state.device) if state.device else None,
        },
        "unit": state.unit.path if spec.persistent else None,
        "timers": [timer.name + ".timer" for timer in spec.timers],
    }


def _stats(device: Device) -> Fields:
    """The files' columns by the kernel's names; those of bd_stat only where the kernel has them."""
    io, backing = device.io_stat, device.bd_stat
    return {
        **device.stat._asdict(),
        "ratio": ratio(device.stat),
        **(io._asdict() if io else {}),
        **(backing._asdict() if backing else {}),
    }


def warnings(spec: Spec, states: States) -> list[str]:
    """What is allowed but seldom meant."""
    if isinstance(spec, Absent):
        return []
    state = states[0]
    said = [
        "take_over: %s (%s) sets up %s as well, and from the next boot on nobody does: have this module do it "
        "(name: %s), or take it out of that file" % (one.program, one.file, one.device, one.device)
        for one in state.beside
        if not one.ours
    ]
    if state.backing:
        said += doubts(state.backing, spec.name, spec.persistent)
    if spec.size > 2 * state.memory.total:
        said.append(
            "size: %s is more than twice the RAM (%s), which compressed data seldom fills"
            % (format_size(spec.size), format_size(state.memory.total))
        )
    others = [area.path for area in state.memory.areas if area.path != node(spec.name)]
    if spec.mem_limit and others and not spec.filesystem:
        said.append(
            "mem_limit: when %s has reached it, writes to it fail and do not spill over to %s" % (spec.name, others[0])
        )
    if state.zswap and not spec.filesystem:
        said.append(
            "zswap is on, and in front of %s it keeps pages in RAM twice compressed: switch it off by module "
            "highwater.memory.zswap with enabled: false, or by zswap.enabled=0 on the kernel command line" % spec.name
        )
    return said
