# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a state to the steps that take a swapfile away."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import (
    BridgeAway,
    turn_off,
    turn_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.attributes import untell_selinux
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import known_discard
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.folders import RemoveFolders
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.leftovers import close_devices
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mask import unmask_steps
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    State,
    bridge_path,
    draft_path,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import table_steps


def plan_absent(spec: Spec, state: State) -> Plan:
    """The steps that take a swapfile away: off, fstab, systemd, the file, the folders that we made, the record."""
    keep_file = _keeps_file(spec, state)
    keep_on = _keeps_on(spec, state)
    off = () if keep_on or state.area is None else (_swap_off(spec, state),)
    steps = off + close_devices(state) + _stray_bridge(spec, state) + table_steps(spec, state)
    if keep_on and not keep_file:
        return steps  # apply: next_boot; the file goes when a later run finds it off
    steps += untell_selinux(state)
    if spec.give_back:
        steps += unmask_steps(state)
    # What cannot be taken back comes last.
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
    # By the name that the kernel has for it: a device goes by several.
    own = () if state.area is None or _keeps_on(spec, state) else (state.area.path,)
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
    back = turn_on(spec.path, priority, known_discard(state), state.device, noted=bool(state.record), stays=True)
    return Step("swap off %s" % spec.path, "it is to be absent", turn_off(spec.path, state.device, state.area), (back,))


def _stray_bridge(spec: Spec, state: State) -> Plan:
    bridge = bridge_path(spec.path)
    if state.bridge_area is not None and not spec.now:
        return ()
    if state.bridge_area is not None:
        action = BridgeAway(bridge, state.bridge_device)
        return (Step("swap off and remove %s" % bridge, "an earlier run was cut off", action),)
    if state.bridge is not None:
        return (Step("remove %s" % bridge, "an earlier run was cut off", Remove(bridge)),)
    return ()
