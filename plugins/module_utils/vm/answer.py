# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module says: diff, settings, watermarks and warnings."""

from __future__ import annotations

import os.path
from typing import Any, Mapping, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile, watermarks
from ansible_collections.highwater.memory.plugins.module_utils.vm.conffile import listed
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import is_number
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import (
    Assignment,
    others,
    override,
    second_owners,
)
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import TABLE, full, group
from ansible_collections.highwater.memory.plugins.module_utils.vm.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State


def managed(state: State) -> dict[str, Any]:
    """The settings that we manage or that were asked for, and our file by lines."""
    return _diff(state, {}, state.text)


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """managed() as it will be."""
    return _diff(state, spec.live, spec.text)


def _diff(state: State, live: Mapping[str, str], text: str | None) -> dict[str, Any]:
    names = sorted(set(state.owned) | set(state.asked))
    return {
        "live": {full(name): _number(live.get(name, state.live.get(name))) for name in names},
        state.file: None if text is None else text.splitlines(),
    }


def result(spec: Spec, state: State) -> dict[str, Any]:
    """settings, watermarks, unknown_settings, profiles."""
    names = sorted(set(spec.wanted) | set(spec.dropped))
    file_values = conffile.parse(state.file, spec.text or "").values
    return {
        "settings": {full(name): _setting_result(spec, state, name, file_values) for name in names},
        "watermarks": _watermarks_result(spec, state),
        "unknown_settings": [full(name) for name in spec.unknown],
        "profiles": list(spec.profiles),
    }


def _setting_result(spec: Spec, state: State, name: str, file_values: Mapping[str, str]) -> dict[str, Any]:
    one = spec.wanted.get(name)
    return {
        "before": _number(spec.before.live.get(name)),
        "after": _number(_after(spec, state, name)),
        "file_value": _number(file_values.get(name)),
        "expression": one.value.expression if one else None,
        "source": one.source if one else None,
        "overridden_by": _overridden_result(_overridden(spec, state, name, file_values)),
        "also_set_by": _also_set_by(state, name) if one else [],
    }


def _also_set_by(state: State, name: str) -> list[dict[str, Any]]:
    """Everybody else's lines on a setting, and what programs set, whoever has the last word."""
    programs = [state.owners[member] for member in group(name) if member in state.owners]
    return [dict(_overridden_result(line) or {}, key=line.key) for line in (*others(state.files, name), *programs)]


def _after(spec: Spec, state: State, name: str) -> str | None:
    """What a setting is or, in check mode, would be: 0 where the one that it excludes is set."""
    if any(member in state.kept for member in group(name)):
        return state.live[name]
    if name not in spec.live and any(member in spec.live for member in group(name)):
        return "0"
    # What nobody manages any more is not looked at again, and was not written either.
    return spec.live.get(name, state.live.get(name, spec.before.live.get(name)))


def _number(text: str | None) -> Any:
    """As YAML has it: an int, where it is one number."""
    return int(text) if text is not None and is_number(text) else text


def _overridden(spec: Spec, state: State, name: str, file_values: Mapping[str, str]) -> Assignment | None:
    """The line of another file, or what another program sets, that has the last word; None where ours has."""
    if name not in spec.wanted or name not in file_values:
        return None
    number = file_values[name]
    for member in group(name):
        line = state.owners.get(member)
        if line and (member, line.value) != (name, number):
            return line
    return override(state.files, name, number)


def _overridden_result(line: Assignment | None) -> dict[str, Any] | None:
    return None if line is None else {"file": line.file, "line": line.line, "value": _number(line.value)}


def _watermarks_result(spec: Spec, state: State) -> dict[str, Any]:
    """Bytes, summed over zones and for each; ``after`` is the kernel's word, or in check mode what was computed."""
    computed = _computed(spec, state)
    applied = all(spec.live.get(name, state.live.get(name)) == state.live.get(name) for name in _OF_WATERMARKS)
    said = {
        "before": spec.before.marks,
        "after": state.marks if applied else computed,
        "computed": computed,
    }
    sums = {
        when: watermarks.as_result(watermarks.total(state.zones, marks, state.page_size))
        for when, marks in said.items()
    }
    return dict(sums, zones=[_zone_result(state, index, said) for index, one in enumerate(state.zones) if one.managed])


def _zone_result(state: State, index: int, said: Mapping[str, Sequence[watermarks.Marks]]) -> dict[str, Any]:
    one = state.zones[index]
    marks = {
        when: watermarks.as_result(watermarks.total((one,), (all_marks[index],), state.page_size))
        for when, all_marks in said.items()
    }
    return dict(marks, node=one.node, zone=one.name)


_OF_WATERMARKS = ("min_free_kbytes", "watermark_scale_factor")


def _computed(spec: Spec, state: State) -> tuple[watermarks.Marks, ...]:
    min_free, factor = (int(spec.live.get(name, state.live.get(name)) or 0) for name in _OF_WATERMARKS)
    return watermarks.computed(state.zones, min_free, factor, state.page_size)


def warnings(spec: Spec, state: State) -> list[str]:
    """Conflicts, names that are skipped and look wrong, lines of others, and what could not be given back."""
    said = [conflict.words() for conflict in spec.conflicts]
    said.extend(_misspelt(name, state) for name in spec.unknown if name not in TABLE)
    file_values = conffile.parse(state.file, spec.text or "").values
    for name in sorted(set(spec.wanted) & set(file_values)):
        said.extend(_owner_warnings(spec, state, name, file_values))
    if spec.text is not None and not state.files.read_at_boot:
        said.append(
            "%s is not read at boot, by its folder or because the same name stands in a folder that comes "
            "first (sysctl.d(5))" % state.file
        )
    said.extend(_dirty_warnings(spec, state))
    said.extend(
        "%s stays %s, though %s was to be given back: %s"
        % (full(name), state.live[name], spec.live[name], state.kept[name])
        for name in sorted(set(spec.live) & set(state.kept))
    )
    if spec.lost:
        said.append("what %s was before us is not known, so it stays as it is until the next boot" % listed(spec.lost))
    said.extend(_watermarks_warnings(spec, state))
    return said


def _watermarks_warnings(spec: Spec, state: State) -> list[str]:
    """On marks that are not what follows from what this call has written; older ones may be of other memory."""
    numbers = [(spec.live.get(name), spec.before.live[name], state.live[name]) for name in _OF_WATERMARKS]
    written = any(wanted not in (None, before) for wanted, before, _now in numbers)
    if not written or any(wanted not in (None, now) for wanted, _before, now in numbers):
        return []
    return [
        "the kernel's watermarks are not what was computed: " + sentence
        for sentence in watermarks.different(state.zones, state.marks, _computed(spec, state))
    ]


def _dirty_warnings(spec: Spec, state: State) -> list[str]:
    """On a limit that is asked for beside another in the other unit, which is above it or below."""
    # The other limit, and the memory that per cent are of, would be the builder's of an image.
    if state.container or not any(name in spec.wanted for name in ("dirty_background_bytes", "dirty_bytes")):
        return []
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.vm.dirty import limits
    from ansible_collections.highwater.memory.plugins.module_utils.vm.live import number_to_be

    background, foreground = limits(lambda name: number_to_be(name, spec.targets, state.live), state.memory["MemTotal"])
    if background.size <= foreground.size or {background.name, foreground.name} <= set(spec.wanted):
        return []
    return [
        "%s is above %s, of which the kernel takes half instead: set both in bytes"
        % (background.words(), foreground.words())
    ]


def _misspelt(name: str, state: State) -> str:
    """On a name that is skipped: with a row, a kernel may well lack it; without, it is likely to be a mistake."""
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.vm.refusals import alike

    near = alike(name, state)
    hint = "this kernel has %s: " % near if near else ""
    return (
        "settings: %s is no setting of any kernel that is known here, and is skipped; %scorrect the name, or take it "
        "out" % (full(name), hint)
    )


def _owner_warnings(spec: Spec, state: State, name: str, file_values: Mapping[str, str]) -> list[str]:
    said = []
    line = _overridden(spec, state, name, file_values)
    if line is not None:
        said.append(
            "%s is %s in %s, but %s has the last word%s: it will not be so after the next boot; %stake the "
            "setting out here"
            % (
                full(name),
                file_values[name],
                state.file,
                line.where(),
                "" if line.value is None else " (%s)" % line.value,
                "remove that line, or " if line.line else "",
            )
        )
    folder = os.path.dirname(state.file)
    for other in second_owners(state.files.before, name, folder):
        said.append(
            "%s is also set in %s: ours has the last word; remove that line, so that it has one owner"
            % (full(name), other.where())
        )
    for other in second_owners(state.files.after, name, folder) if line is None else ():
        said.append(
            "%s is also set in %s, which is read after ours; the last word is the same as ours: remove that line, so "
            "that it has one owner" % (full(name), other.where())
        )
    return said
