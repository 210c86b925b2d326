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
from ansible_collections.highwater.memory.plugins.module_utils.core.record import joined, noting
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
    return (
        _record_step(state, state.entry, kept)
        + _live_steps(spec, state)
        + _boot_steps(spec, state)
        + _record_step(state, kept, spec.entry)
    )


def _record_step(state: State, old: dict[str, Any], new: dict[str, Any]) -> Plan:
    if new == old:
        return ()
    kind = state.subsystem.name
    write, back = noting(kind, OBJECT, new), noting(kind, OBJECT, old)
    settings, settled = old.get("settings", {}), new.get("settings", {})
    named = [name for name, one in settled.items() if settings.get(name) != one]
    if named:
        does = "remember what %s of %s was before us" % (", ".join(named), kind)
        return (Step(does, "state: absent gives it back", write, (back,)),)
    gone = [name for name in settings if name not in settled] or sorted(old.get("left", {}).get("before", ()))
    return (Step("forget %s of %s in our record" % (", ".join(gone), kind), "", write, (back,)),)


def _boot_steps(spec: Spec, state: State) -> Plan:
    if spec.job is None:
        return disable_steps(state.boot, "it sets nothing any more")
    right = state.boot.text == state.boot.render(spec.job)
    return enable_steps(state.boot, state.boot.install(spec.job), right, "so that it holds at the next boot too")


def _live_steps(spec: Spec, state: State) -> Plan:
    steps = []
    for name, value in spec.live.items():
        found = state.live[name]
        if found is None or found == value:
            continue
        setting = state.subsystem.setting(name)
        why = "it is %s" % found + ("" if name in spec.wanted else "; %s was before us" % value)
        undo = (SetBelowSys(setting, found),)
        steps.append(Step("set %s to %s" % (setting.path, value), why, SetBelowSys(setting, value), undo))
        if name in spec.dropped:
            steps.extend(_beside_steps(setting, state))
    return tuple(steps)


def _beside_steps(setting: Setting, state: State) -> Plan:
    """What the kernel has computed anew goes back too, unless it is vm_sysctl's to give back."""
    value = state.entry.get("beside", {}).get(setting.beside)
    if value is None or setting.beside in state.beside_of_others:
        return ()
    does = "see that vm.%s is %s again" % (setting.beside, value)
    undo = (Keep(VM + setting.beside, state.beside[setting.beside]),)
    return (Step(does, "the kernel computes it anew with %s" % setting.option, Keep(VM + setting.beside, value), undo),)
