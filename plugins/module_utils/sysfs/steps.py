# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: record, kernel, boot artefact, and the record again, each change a step that can be taken back."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import disable_steps, enable_steps
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, joined, noting, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.state import OBJECT, VM, State
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import Setting


class SetBelowSys(NamedTuple):
    """The action that gives one setting its value and reads it back."""

    setting: Setting
    value: str

    def perform(self, host: Host) -> None:
        host.write_kernel(self.setting.path, self.setting.kind.write(self.value))
        found = self.setting.kind.read(host.must_read(self.setting.path))
        if found != self.value:
            raise HighwaterError("the kernel was given %s and made %s of it" % (self.value, found), reason="read_back")


class SetBeside(NamedTuple):
    """SetBelowSys of a setting with which the kernel computes another one anew: what it has made of that is noted."""

    kind: str
    setting: Setting
    value: str

    def perform(self, host: Host) -> None:
        found = self.setting.kind.read(host.must_read(self.setting.path))
        SetBelowSys(self.setting, self.value).perform(host)
        try:
            self._note(host)
        except (HighwaterError, OSError):  # what fails leaves nothing behind
            SetBelowSys(self.setting, found).perform(host)
            raise

    def _note(self, host: Host) -> None:
        entry = recall(host, self.kind, OBJECT)
        made = dict(entry.get("made", {}), **{self.setting.beside: host.must_read(VM + self.setting.beside).strip()})
        if made != entry.get("made"):
            noting(self.kind, OBJECT, dict(entry, made=made)).perform(host)


class Settle(NamedTuple):
    """The action that leaves an entry as our record, with what SetBeside has noted there on the way."""

    kind: str
    entry: Entry

    def perform(self, host: Host) -> None:
        made = recall(host, self.kind, OBJECT).get("made", {})
        noting(self.kind, OBJECT, dict(self.entry, made=made)).perform(host)


class Keep(NamedTuple):
    """The action that gives a setting a value, where it has another."""

    path: str
    value: str

    def perform(self, host: Host) -> None:
        if host.must_read(self.path).strip() != self.value:
            host.write_kernel(self.path, self.value)


def plan(spec: Spec, state: State) -> Plan:
    """The record first, so that what was before us is never lost; then live, at boot, and what leaves the record."""
    kept = joined(state.entry, spec.entry)
    live = _live_steps(spec, state, kept)
    noted = any(isinstance(step.action, SetBeside) for step in live)
    return (
        _record_step(state, state.entry, kept)
        + live
        + _boot_steps(spec, state)
        + _record_step(state, kept, spec.entry, Settle(state.subsystem.name, spec.entry) if noted else None)
    )


def _record_step(state: State, old: Entry, new: Entry, write: Any = None) -> Plan:
    if new == old:
        return ()
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.core.record_step import record_step

    kind = state.subsystem.name
    write, back = write or noting(kind, OBJECT, new), noting(kind, OBJECT, old)
    return record_step(old, new, lambda names: "%s of %s" % (", ".join(names), kind), write, back)


def _boot_steps(spec: Spec, state: State) -> Plan:
    if spec.job is None:
        return disable_steps(state.boot, "it sets nothing any more")
    right = state.boot.text == state.boot.render(spec.job)
    return enable_steps(state.boot, state.boot.install(spec.job), right, "so that it holds at the next boot too")


def _live_steps(spec: Spec, state: State, kept: Entry) -> Plan:
    """kept: what our record says meanwhile."""
    steps = []
    for name, value in spec.live.items():
        found = state.live[name]
        if found is None or found == value:
            continue
        setting = state.subsystem.setting(name)
        why = "it is %s" % found + ("" if name in spec.wanted else "; %s was before us" % value)
        action: Any = SetBelowSys(setting, value)
        undo: tuple[Any, ...] = (SetBelowSys(setting, found),)
        # While vm_sysctl sets it, it is nothing that the kernel makes of our choice.
        if setting.beside in spec.entry.get("beside", {}) and setting.beside not in state.beside_of_others:
            action = SetBeside(state.subsystem.name, setting, value)
            undo += (noting(state.subsystem.name, OBJECT, kept),)
        steps.append(Step("set %s to %s" % (setting.path, value), why, action, undo))
        if name in spec.dropped:
            steps.extend(_beside_steps(setting, state))
    return tuple(steps)


def _beside_steps(setting: Setting, state: State) -> Plan:
    """What the kernel has computed anew goes back too, unless vm_sysctl gives it back, or somebody has set it since."""
    # As in _record_step().
    from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import is_still

    value, made = (state.entry.get(part, {}).get(setting.beside) for part in ("beside", "made"))
    if value is None or setting.beside in state.beside_of_others or not is_still(state.beside[setting.beside], made):
        return ()
    does = "see that vm.%s is %s again" % (setting.beside, value)
    undo = (Keep(VM + setting.beside, state.beside[setting.beside]),)
    return (Step(does, "the kernel computes it anew with %s" % setting.option, Keep(VM + setting.beside, value), undo),)
