# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that was cut off, or the call before this one, has left beside a swapfile: gone on with, or removed."""

from __future__ import annotations

import os

from ansible_collections.highwater.memory.plugins.module_utils.core import replace
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import FOLDER, record_path
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab, fstab
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import Several, turn_off
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import Change
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import Ability
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import Close
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec, refuse_folders
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    Found,
    State,
    bridge_path,
    draft_path,
)


def leftovers(spec: Spec, state: State, change: Change) -> Plan:
    """What a run that was cut off left beside the file and nobody uses, or can go on with."""
    why = "an earlier run was cut off"
    steps = list(close_devices(state))
    if not (change.remake and goes_on(spec, state)):
        steps += stray_draft(state)
    if state.bridge is not None and state.bridge_area is None and not bridge_goes_on(spec, state, change):
        steps.append(Step("remove %s" % bridge_path(state.path), why, Remove(bridge_path(state.path))))
    return tuple(steps)


class Sweep(NamedTuple):
    """Temporary files unlinked, and with them the folders of our record where they were all that is in there."""

    paths: tuple[str, ...]

    def perform(self, host: Host) -> None:
        for path in self.paths:
            host.remove(path)
        host.remove_empty_folders("%s/%s" % (FOLDER, KIND), above="/var/lib")


def unfinished(host: Host, paths: tuple[str, ...]) -> tuple[str, ...]:
    """What runs have left beside fstab, crypttab and our record of these swapfiles, killed while they replaced it."""
    replaced = (fstab.PATH, crypttab.PATH, *(record_path(KIND, path) for path in paths))
    found = [(os.path.dirname(path), left) for path in replaced for left in replace.leftovers(host.path(path))]
    return tuple(os.path.join(folder, os.path.basename(left)) for folder, left in found)


def sweep(found: tuple[str, ...]) -> Plan:
    """The step that takes them away: the last one, since those before it may do so for a part of them."""
    return (Step("remove %s" % ", ".join(found), "an earlier run was cut off", Sweep(found)),)


def given_up(state: State) -> Plan:
    """What is left of a file that is refused: only what is ours beyond doubt, where none but root can have put it."""
    if any(folder.link for folder in state.folders) or not _is_roots_alone(state):
        return ()
    bridge = None if state.bridge_area or state.bridge_device else state.bridge
    begun = ((draft_path(state.path), state.draft), (bridge_path(state.path), bridge))
    return tuple(
        Step("remove %s" % path, "it is refused", Remove(path)) for path, found in begun if found and _is_ours(found)
    )


def _is_roots_alone(state: State) -> bool:
    try:
        refuse_folders(state)
    except HighwaterError:
        return False
    return True


def close_devices(state: State) -> Plan:
    """Devices that are open without swap on them."""
    devices = (state.stray_device, None if state.bridge_area else state.bridge_device)
    why = "no swap is on it"
    return tuple(Step("close the device %s" % device, why, Close(device)) for device in devices if device)


def stray_bridge(spec: Spec, state: State) -> Plan:
    """The step that takes the bridge away with a file that goes."""
    bridge, why = bridge_path(state.path), "an earlier run was cut off"
    if state.bridge_area is not None:
        # Not BridgeAway, which never fails: nothing is forgotten while it is on.
        action = Several((turn_off(bridge, state.bridge_device, state.bridge_area), Remove(bridge)))
        return (Step("swap off and remove %s" % bridge, why, action),) if spec.now else ()
    return (Step("remove %s" % bridge, why, Remove(bridge)),) if state.bridge is not None else ()


def stray_draft(state: State) -> Plan:
    """The same of the draft."""
    draft = draft_path(state.path)
    return (Step("remove %s" % draft, "an earlier run was cut off", Remove(draft)),) if state.draft is not None else ()


def goes_on(spec: Spec, state: State) -> bool:
    """Whether the draft is the beginning of what is wanted: zeros, as far as they were written."""
    return draft_goes_on(state, spec.size, spec.method, spec.ability)


def draft_goes_on(state: State, size: int, method: str, ability: Ability) -> bool:
    """The same for a file that no spec is about."""
    return _writes_zeros(method, ability) and _is_begun(state.draft, size, state)


def bridge_goes_on(spec: Spec, state: State, change: Change) -> bool:
    """The same of the bridge."""
    return _writes_zeros(spec.method, spec.ability) and _is_begun(state.bridge, change.bridge, state)


def _writes_zeros(method: str, ability: Ability) -> bool:
    return method != "fallocate" and ability.zeros


def _is_begun(found: Found | None, size: int, state: State) -> bool:
    if found is None or not _is_ours(found):
        return False
    return 0 < found.size <= size and found.size % state.machine.page == 0


def _is_ours(found: Found) -> bool:
    return found.kind == "file" and (found.mode, found.uid, found.gid) == (0o600, 0, 0)
