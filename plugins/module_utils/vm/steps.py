# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: record, kernel, file, and the record again, each change a step that can be taken back."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import joined, noting
from ansible_collections.highwater.memory.plugins.module_utils.core.record_step import record_step
from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile
from ansible_collections.highwater.memory.plugins.module_utils.vm.conffile import listed
from ansible_collections.highwater.memory.plugins.module_utils.vm.live import GiveBack, SetLive, counting, reach
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full, group
from ansible_collections.highwater.memory.plugins.module_utils.vm.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import KIND, State


def plan(spec: Spec, state: State) -> Plan:
    """The record first, so that what was before us is never lost; then live, the file, and what leaves the record."""
    kept = joined(state.entry, spec.entry)
    return (
        _record_step(state, state.entry, kept)
        + _live_steps(spec, state)
        + _file_step(spec, state)
        + _record_step(state, kept, spec.entry)
    )


def _record_step(state: State, old: dict[str, Any], new: dict[str, Any]) -> Plan:
    write, back = noting(KIND, state.file, new), noting(KIND, state.file, old)
    return record_step(old, new, lambda names: listed(sorted(names)), write, back)


def _live_steps(spec: Spec, state: State) -> Plan:
    steps = []
    for name, number in sorted(spec.live.items(), key=_turn):
        if not reach(name, number, state.live):
            continue
        member = counting(group(name), state.live)
        found = state.live[member] or "0"
        why = "it is %s" % found if member == name else "%s is %s" % (full(member), found)
        why += "; " + _whose(name, spec, state)
        action: Any = SetLive(name, number) if name in spec.wanted else GiveBack(name, number)
        undo = (SetLive(member, found),)
        steps.append(Step("set %s to %s" % (full(name), number), why, action, undo))
    return tuple(steps)


def _whose(name: str, spec: Spec, state: State) -> str:
    if name in spec.wanted:
        return spec.wanted[name].source
    return "another file of ours sets it" if state.elsewhere(name) else "that was before us"


def _turn(setting: tuple[str, str]) -> tuple[int, str]:
    """By name, but strict overcommit after the limit that it counts by, and out of the way before that changes."""
    name, number = setting
    return (0 if name != "overcommit_memory" else 1 if number == "2" else -1, name)


def _file_step(spec: Spec, state: State) -> Plan:
    if spec.text == state.text:
        return ()
    if spec.text is None:
        return (
            Step(
                "remove %s" % state.file,
                "it sets nothing any more",
                Remove(state.file),
                (Install(state.file, state.text or ""),),
            ),
        )
    back: Any = Remove(state.file) if state.text is None else Install(state.file, state.text)
    return (Step("write %s" % state.file, _file_why(state, spec.text), Install(state.file, spec.text), (back,)),)


def _file_why(state: State, text: str) -> str:
    old, new = state.content.values, conffile.parse(state.file, text).values
    parts = [
        (verb, sorted(names))
        for verb, names in (
            ("adds", set(new) - set(old)),
            ("drops", set(old) - set(new)),
            ("changes", {name for name in set(old) & set(new) if old[name] != new[name]}),
        )
        if names
    ]
    return "; ".join("%s %s" % (verb, listed(names)) for verb, names in parts) or "its comments are out of date"
