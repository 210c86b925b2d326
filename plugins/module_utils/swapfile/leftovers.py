# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that was cut off, or the call before this one, has left beside a swapfile: gone on with, or removed."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import Change
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import Close
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    Found,
    State,
    bridge_path,
    draft_path,
)


def leftovers(spec: Spec, state: State, change: Change) -> Plan:
    """What a run that was cut off left beside the file and nobody uses, or can go on with."""
    why = "an earlier run was cut off"
    steps = list(close_devices(state))
    if state.draft is not None and not (change.remake and goes_on(spec, state)):
        steps.append(Step("remove %s" % draft_path(state.path), why, Remove(draft_path(state.path))))
    if state.bridge is not None and state.bridge_area is None and not bridge_goes_on(spec, state, change):
        steps.append(Step("remove %s" % bridge_path(state.path), why, Remove(bridge_path(state.path))))
    return tuple(steps)


def close_devices(state: State) -> Plan:
    """Devices that are open without swap on them."""
    devices = ((state.device, state.area), (state.bridge_device, state.bridge_area))
    why = "no swap is on it"
    return tuple(
        Step("close the device %s" % device, why, Close(device)) for device, area in devices if device and area is None
    )


def goes_on(spec: Spec, state: State) -> bool:
    """Whether the draft is the beginning of what is wanted: zeros, as far as they were written."""
    return _writes_zeros(spec) and _is_begun(state.draft, spec.size, state)


def bridge_goes_on(spec: Spec, state: State, change: Change) -> bool:
    """The same of the bridge."""
    return _writes_zeros(spec) and _is_begun(state.bridge, change.bridge, state)


def _writes_zeros(spec: Spec) -> bool:
    return spec.method != "fallocate" and spec.ability.zeros


def _is_begun(found: Found | None, size: int, state: State) -> bool:
    if found is None or found.kind != "file" or (found.mode, found.uid, found.gid) != (0o600, 0, 0):
        return False
    return 0 < found.size <= size and found.size % state.machine.page == 0
