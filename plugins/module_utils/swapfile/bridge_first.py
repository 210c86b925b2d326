# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge that a run that was cut off has left on, put away before the change that has no room with it.

It goes last like any bridge where it can serve once more. But since then more may have come into use than it has room
for, and its blocks may be those that the disk lacks; another of the right size takes its place then.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.room import lack_of_room, without
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import Several, turn_off
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import check, decide
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State, bridge_path


def put_away_first(spec: Spec, state: State) -> tuple[Plan, State]:
    """The step that puts it away and the state after that; no step, and the state as it is, where it goes last."""
    if not spec.now or state.leaving or not decide(spec, state).reswap:
        return (), state
    path, after = bridge_path(state.path), _without(spec, state)
    if state.machine.memory.leaving == path:
        return (_away(state, "an earlier run has begun to swap it off"),), after
    if not _is_refused(spec, state) or _is_refused(spec, after):
        return (), state
    if lack_of_room(state.machine.memory, path, spec.headroom):
        return (), state
    return (_away(state, "an earlier run was cut off, and with it this change has no room"),), after


def _is_refused(spec: Spec, state: State) -> bool:
    try:
        check(spec, state, decide(spec, state))
    except HighwaterError:
        return True
    return False


def _without(spec: Spec, state: State) -> State:
    """What it holds is in memory and other swap then, the old area perhaps, and its blocks are free."""
    path = bridge_path(state.path)
    memory = without(state.machine.memory, path, spec.headroom)
    mapped = {file: name for file, name in state.machine.mapped.items() if file != path}
    disk, freed = state.filesystem, state.bridge.allocated if state.bridge else 0
    return state._replace(
        machine=state.machine._replace(memory=memory, mapped=mapped),
        filesystem=disk._replace(free=disk.free + freed) if disk else None,
        area=memory.area(state.path),
        bridge=None,
        bridge_area=None,
    )


def _away(state: State, why: str) -> Step:
    """Not BridgeAway, which never fails: the next bridge needs its path. Nothing has to turn it on again."""
    path = bridge_path(state.path)
    action = Several((turn_off(path, state.bridge_device, state.bridge_area), Remove(path)))
    return Step("swap off and remove %s" % path, why, action)
