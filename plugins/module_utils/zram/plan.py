# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole plan for a device that is to be there: the device now, the unit for the next boot, our record."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import disable_steps, enable_steps
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import device_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import refuse_owner
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Present, request
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND, State, attribute
from ansible_collections.highwater.memory.plugins.module_utils.zram.unit import unit_text


def plan_present(spec: Present, state: State) -> Plan:
    """The steps; empty when nothing is to do. HighwaterError where a step would do harm."""
    refuse_owner(state.owner, state.name)
    now = device_steps(spec, state) if spec.now else ()
    return now + _unit_steps(spec, state) + _record_steps(spec, state)


class InstallUnit(NamedTuple):
    """Write the boot artefact, with the algorithm that the device has got by then."""

    spec: Present
    path: str

    def perform(self, host: Host) -> None:
        settled = current_algorithm(host, self.spec.name) if self.spec.now else None
        host.install(self.path, unit_text(with_settled(self.spec, settled)))


class RememberDevice(NamedTuple):
    """Write our record, with the algorithm that the device has got by then."""

    spec: Present
    created: bool

    def perform(self, host: Host) -> None:
        settled = current_algorithm(host, self.spec.name) if self.spec.now else None
        Remember(KIND, self.spec.name, entry(with_settled(self.spec, settled), self.created)).perform(host)


def current_algorithm(host: Host, name: str) -> str | None:
    """The algorithm that the device has now."""
    return parse_choice(host.must_read(attribute(name, "comp_algorithm"))).chosen


def with_settled(spec: Present, name: str | None) -> Present:
    """The spec with the algorithm of that name settled; unchanged where name is None or not of the list."""
    found = [algorithm for algorithm in spec.algorithms if algorithm.name == name]
    return spec._replace(settled=found[0]) if found else spec


def entry(spec: Present, created: bool) -> Entry:
    """What we remember: the request, what was settled, and whether the device was not there before us."""
    return {
        "algorithms": request(spec.requested),
        "algorithm": spec.settled.name if spec.settled else None,
        "sizes": spec.sizes,
        "priority": spec.priority,
        "discard": spec.discard,
        "created": created,
    }


def _unit_steps(spec: Present, state: State) -> Plan:
    if not spec.persistent:
        return disable_steps(state.unit, "persistent is false")
    # A unit made for an image leaves the choice to the boot; what it chose is as good as what we would write.
    right = state.unit.text in (unit_text(spec), unit_text(spec._replace(settled=None))) and not _unsettled(spec)
    return enable_steps(state.unit, InstallUnit(spec, state.unit.path), right, "so that the next boot does the same")


def _record_steps(spec: Present, state: State) -> Plan:
    created = was_created(state)
    wanted = entry(spec, created)
    if state.record in (wanted, dict(wanted, algorithm=None)) and not _unsettled(spec):
        return ()
    undo = (Remember(KIND, state.name, state.record),) if state.record else (Forget(KIND, state.name),)
    return (
        Step(
            "remember what was asked for %s" % state.name,
            "so that sizes stay and all can be taken back",
            RememberDevice(spec, created),
            undo,
        ),
    )


def was_created(state: State) -> bool:
    """Whether the device was not there before us."""
    return bool(state.record.get("created", state.device is None))


def _unsettled(spec: Present) -> bool:
    """Whether only the steps themselves will show which algorithm it is."""
    return spec.now and spec.settled is None
