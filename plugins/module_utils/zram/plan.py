# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole plan for a device that is to be there: the device now, the unit for the next boot, our record."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Artefact, disable_steps, enable_steps
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import SYSTEMD
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import (
    LIVE,
    Entry,
    Forget,
    Remember,
    boot_id,
    live,
    noting,
    recall,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import recompress_request, request
from ansible_collections.highwater.memory.plugins.module_utils.zram.device import NOTE_LOADED, device_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import refuse_owners
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Present
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import (
    KIND,
    OPTIONS,
    PACKAGE_KIND,
    State,
    attribute,
    mounted_with,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import GIVEN_UP, kept
from ansible_collections.highwater.memory.plugins.module_utils.zram.unit import boot_job


def plan_present(spec: Present, state: State) -> Plan:
    """The steps; empty when nothing is to do. HighwaterError where a step would do harm."""
    taken = _take_over_steps(spec, state)
    now = _device_steps(spec, state) if spec.now else _next_boot_steps(state)
    boot = _unit_steps(spec, state) + _timer_steps(spec, state)
    return taken + _folder_steps(state) + now + boot + _package_steps(spec, state) + _record_steps(spec, state)


def _device_steps(spec: Present, state: State) -> Plan:
    steps = device_steps(spec, state)
    if not steps and state.temporary is None:
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.zram.detour import with_detour

    steps = with_detour(spec, state, steps, _note_live(spec, state))
    return _note_sizes(spec, state, steps) + steps


def _next_boot_steps(state: State) -> Plan:
    """Nothing changes now; but once the boot has loaded the kernel module, nobody can tell that it was for us."""
    return () if state.loaded or state.loaded_by_us else (NOTE_LOADED,)


def _note_sizes(spec: Present, state: State, steps: Plan) -> Plan:
    """A swapoff may take several calls, each of which has to find what this one has computed of what is available."""
    moving = {option: size for option, size in spec.sizes.items() if "available" in size["expression"]}
    noted = dict(state.record.get("sizes", {}), **moving)
    if noted == state.record.get("sizes", {}) or not any(isinstance(step.action, SwapOff) for step in steps):
        return ()
    note = Remember(KIND, state.name, dict(state.record, sizes=noted, **_before_us(state)))
    does, why = "note what was computed for %s" % state.name, "less is available while its pages move"
    return (Step(does, why, note, (noting(KIND, state.name, state.record),)),)


def _note_live(spec: Present, state: State) -> Plan:
    """Our record is written last of all, and before that the pages come back, which may take several calls: each has to
    find what the device was made from, which of discard and parameters nothing else tells.
    """
    made = _made_from(_live_entry(spec))
    if _is_same(made, _made_from(live(state.record))) and not _unsettled(spec):
        return ()
    note = NoteLive(spec, _before_us(state))
    return (Step("note what %s was made from" % state.name, "", note, (noting(KIND, state.name, state.record),)),)


def _before_us(state: State) -> Entry:
    """What has to stand in our record as soon as there is one, since the host will not tell any more."""
    created = was_created(state)
    had = _had(state, created)
    return {"created": created, **({"had": had} if had else {})}


# What only our record knows of a device that is there.
_MADE_FROM = ("algorithms", "algorithm", "recompress", "discard", OPTIONS)


def _made_from(entry: Entry) -> Entry:
    options = mounted_with(entry)
    flat = dict(entry, **{OPTIONS: options}) if options else entry
    return {key: flat[key] for key in _MADE_FROM if key in flat}


def _is_same(one: Entry, other: Entry) -> bool:
    """Whether both say the same, whichever algorithm of those asked for it became."""
    return dict(one, algorithm=None) == dict(other, algorithm=None)


def _live_entry(spec: Present) -> Entry:
    return entry(spec, False, None, {})


def _take_over_steps(spec: Present, state: State) -> Plan:
    """First of all: their stop command, which may follow when swap goes off, must find nothing to run."""
    if not spec.take_over:
        refuse_owners(state.owners, state.name, "write take_over: true to have that one switched off")
    late = spec.now and state.taken.runs
    if not state.owners and not late and (spec.persistent or not state.taken.record):
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.zram import take_over

    if not spec.persistent:
        raise take_over.for_one_boot(state.name, state.owners)
    return take_over.take_over_steps(state.name, state.owners, state.taken, state.unit.running == SYSTEMD, spec.now)


def _folder_steps(state: State) -> Plan:
    """Mount points of ours up to an earlier boot, or until somebody unmounted; before what is noted of another one."""
    if not state.made:
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import folder_steps, unused

    return folder_steps(unused(state.made), "nothing is mounted there any more")


def _package_steps(spec: Present, state: State) -> Plan:
    if not spec.package or spec.package in state.packages:
        return ()
    does = "note that the package %s was installed for zram" % spec.package
    undo = (Forget(PACKAGE_KIND, spec.package),)
    return (Step(does, "for state: absent", Remember(PACKAGE_KIND, spec.package, {}), undo),)


class InstallUnit(NamedTuple):
    """Write the boot artefact, with the algorithm that the device has got by then."""

    spec: Present
    unit: Artefact

    def perform(self, host: Host) -> None:
        settled = current_algorithm(host, self.spec.name) if self.spec.now else None
        self.unit.install(boot_job(with_settled(self.spec, settled))).perform(host)


class RememberDevice(NamedTuple):
    """Write our record, with the algorithm that the device has got by then."""

    spec: Present
    created: bool
    had: Optional[str]
    mounting: Entry
    still: Optional[Entry]
    boot: str

    def perform(self, host: Host) -> None:
        settled = current_algorithm(host, self.spec.name) if self.spec.now else None
        spec = with_settled(self.spec, settled)
        still = None if self.still is None else dict(self.still, boot=boot_id(host))
        noted = entry(spec, self.created, self.had, self.mounting, still, self.boot)
        Remember(KIND, spec.name, noted).perform(host)


class NoteLive(NamedTuple):
    """Write into our record what the device was made from; at_least: what else has to stand there."""

    spec: Present
    at_least: Entry

    def perform(self, host: Host) -> None:
        name = self.spec.name
        made = _made_from(_live_entry(with_settled(self.spec, current_algorithm(host, name))))
        there = dict(self.at_least, **kept(recall(host, KIND, name), host))
        Remember(KIND, name, dict(there, **{LIVE: dict(made, boot=boot_id(host))})).perform(host)


def current_algorithm(host: Host, name: str) -> str | None:
    """The algorithm that the device has now."""
    return parse_choice(host.must_read(attribute(name, "comp_algorithm"))).chosen


def with_settled(spec: Present, name: str | None) -> Present:
    """The spec with the algorithm of that name settled; unchanged where name is None or not of the list."""
    found = [algorithm for algorithm in spec.algorithms if algorithm.name == name]
    return spec._replace(settled=found[0]) if found else spec


def entry(
    spec: Present,
    created: bool,
    had: str | None,
    mounting: Entry,
    still: Entry | None = None,
    boot: str = "",
) -> Entry:
    """What we remember: the request, what was settled, and whether the device was not there before us.

    had:      the algorithm that it had before us; None where it was not there.
    mounting: as _mounting() has it.
    still:    what the device was made from that stays until the next boot; None where that is what was asked.
    boot:     the one that it is for; empty for all to come.
    """
    seldom = {
        "recompress": recompress_request(spec.recompress),
        "writeback_device": spec.writeback_device,
        "had": had,
        **mounting,
        LIVE: still,
        GIVEN_UP: boot,
    }
    return {
        **{key: value for key, value in seldom.items() if value},
        "algorithms": request(spec.requested),
        "algorithm": spec.settled.name if spec.settled else None,
        "sizes": spec.sizes,
        "priority": spec.priority,
        "discard": spec.discard,
        "created": created,
    }


def _mask_steps(spec: Present, state: State) -> Plan:
    if spec.filesystem is None and not state.record.get("filesystem"):
        return ()  # swap, now as before
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mask import mask_steps

    return mask_steps(spec.filesystem, state, spec.persistent)


def _unit_steps(spec: Present, state: State) -> Plan:
    masks = _mask_steps(spec, state)
    if not spec.persistent:
        return masks + disable_steps(state.unit, "persistent is false")
    # A unit made for an image leaves the choice to the boot; what it chose is as good as what we would write.
    texts = [state.unit.render(boot_job(one)) for one in (spec, spec._replace(settled=None))]
    right = state.unit.text in texts and not _unsettled(spec)
    return masks + enable_steps(state.unit, InstallUnit(spec, state.unit), right, "so that the next boot does the same")


def _timer_steps(spec: Present, state: State) -> Plan:
    if not spec.persistent or not state.timers:
        return ()  # without a unit they have gone with it
    from ansible_collections.highwater.memory.plugins.module_utils.core.timer import off_steps, on_steps

    wanted = {timer.name: timer for timer in spec.timers}
    steps: Plan = ()
    for there in state.timers:
        asked = wanted.get(there.name)
        steps += on_steps(there, asked, spec.now) if asked else off_steps(there, "there is no schedule", spec.now)
    return steps


def _record_steps(spec: Present, state: State) -> Plan:
    created = was_created(state)
    mounting = _mounting(spec, state)
    had = _had(state, created)
    still = _still(spec, state)
    boot = "" if spec.persistent else state.boot
    wanted = entry(spec, created, had, mounting, still, boot)
    if state.record in (wanted, dict(wanted, algorithm=None)) and not _unsettled(spec):
        return ()
    undo = (noting(KIND, state.name, state.record),)
    return (
        Step(
            "remember what was asked for %s" % state.name,
            "so that sizes stay and all can be taken back",
            RememberDevice(spec, created, had, mounting, still, boot),
            undo,
        ),
    )


def _still(spec: Present, state: State) -> Entry | None:
    """What the live device was made from, where something else is asked for the next boot only."""
    if spec.now or state.device is None or not state.device.size:
        return None
    made = _made_from(state.record)
    asked = _live_entry(spec)
    if spec.filesystem:
        asked[OPTIONS] = list(spec.filesystem.options)
    return state.record.get(LIVE, None if _is_same(made, _made_from(asked)) else made)


def _mounting(spec: Present, state: State) -> Entry:
    """What we remember of the filesystem asked for, and of the folders that stay mount points until the next boot."""
    if spec.filesystem is None and not state.made:
        return {}
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import in_use, recorded

    folders = () if spec.now else in_use(state.made)
    return {
        "filesystem": recorded(spec.filesystem, state, spec.persistent) if spec.filesystem else None,
        "folders": [[made.path, made.uppermost] for made in folders],
    }


def was_created(state: State) -> bool:
    """Whether the device was not there before us."""
    return bool(state.record.get("created", state.device is None or state.loaded_by_us))


def _had(state: State, created: bool) -> str | None:
    """The algorithm of a device that was there before us."""
    if created or state.record:
        return state.record.get("had")
    return state.device.algorithm if state.device else None


def _unsettled(spec: Present) -> bool:
    """Whether only the steps themselves will show which algorithm it is."""
    return spec.now and spec.settled is None
