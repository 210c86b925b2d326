# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: record, kernel, file, and the record again, each change a step that can be taken back."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile
from ansible_collections.highwater.memory.plugins.module_utils.vm.conffile import listed
from ansible_collections.highwater.memory.plugins.module_utils.vm.live import SetLive, counting, reach
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group
from ansible_collections.highwater.memory.plugins.module_utils.vm.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import KIND, State


def plan(spec: Spec, state: State) -> Plan:
    """The record first, so that what was before us is never lost; then live, the file, and what leaves the record."""
    kept = _joined(state.entry, spec.entry)
    return (
        _record_step(state, state.entry, kept)
        + _live_steps(spec, state)
        + _file_step(spec, state)
        + _record_step(state, kept, spec.entry)
    )


def _joined(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The new record with what the old one has beyond it."""
    if not new:
        return dict(old)
    return {part: dict(old.get(part, {}), **new[part]) for part in new}


def _record_step(state: State, old: dict[str, Any], new: dict[str, Any]) -> Plan:
    if new == old:
        return ()
    write: Any = Remember(KIND, state.file, new) if new else Forget(KIND, state.file)
    back: Any = Remember(KIND, state.file, old) if old else Forget(KIND, state.file)
    gone = sorted(set(old.get("settings", ())) - set(new.get("settings", ())))
    if gone:
        return (Step("forget %s in our record" % listed(gone), "", write, (back,)),)
    named_now = sorted(name for name, one in new["settings"].items() if old.get("settings", {}).get(name) != one)
    return (Step("remember what %s was before us" % listed(named_now), "state: absent gives it back", write, (back,)),)


def _live_steps(spec: Spec, state: State) -> Plan:
    steps = []
    for name, number in sorted(spec.live.items()):
        if not reach(name, number, state.live):
            continue
        member = counting(group(name), state.live)
        found = state.live[member] or "0"
        why = "it is %s" % found if member == name else "vm.%s is %s" % (member, found)
        why += "; " + spec.wanted[name].source if name in spec.wanted else "; that was before us"
        undo = (SetLive(member, found),)
        steps.append(Step("set vm.%s to %s" % (name, number), why, SetLive(name, number), undo))
    return tuple(steps)


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
