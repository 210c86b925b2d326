# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units of others that would turn a swap area on again, masked and given back."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.owner import MASK, mask_of
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import RELOAD


class Mask(NamedTuple):
    """Keep systemd from starting a unit."""

    unit: str

    def perform(self, host: Host) -> None:
        host.link(mask_of(self.unit), MASK)


class Unmask(NamedTuple):
    """Take the mask away, where there is one."""

    unit: str

    def perform(self, host: Host) -> None:
        if host.readlink(mask_of(self.unit)) == MASK:
            host.remove(mask_of(self.unit))


def mask_steps(state: State) -> Plan:
    """The steps after which nobody else turns it on."""
    reload = (RELOAD,) if state.machine.systemd else ()
    steps: Plan = tuple(
        Step(
            "mask %s" % owner.unit,
            "%s would turn it on again (%s)" % (owner.program, owner.file),
            Mask(owner.unit),
            (Unmask(owner.unit), *reload),
        )
        for owner in state.owners
    )
    if steps and reload:
        steps += (Step("reload systemd", "its units have changed", RELOAD),)
    return steps


def unmask_steps(state: State) -> Plan:
    """The units that were masked for this path, given back."""
    units = state.record.get("before", {}).get("units", [])
    steps = tuple(
        Step("unmask %s" % unit, "it was not masked before us", Unmask(unit), (Mask(unit),)) for unit in units
    )
    if steps and state.machine.systemd:
        steps += (Step("reload systemd", "its units have changed", RELOAD),)
    return steps
