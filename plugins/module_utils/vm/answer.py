# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module says: diff, settings, watermarks and warnings."""

from __future__ import annotations

import os.path
from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile, watermarks
from ansible_collections.highwater.memory.plugins.module_utils.vm.conffile import listed
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import override, second_owners
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group
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
        "live": {"vm." + name: _number(live.get(name, state.live.get(name))) for name in names},
        state.file: None if text is None else text.splitlines(),
    }


def result(spec: Spec, state: State) -> dict[str, Any]:
    """settings, watermarks, unknown_settings, profiles."""
    names = sorted(set(spec.wanted) | set(spec.dropped))
    file_values = conffile.parse(state.file, spec.text or "").values
    return {
        "settings": {"vm." + name: _setting_result(spec, state, name, file_values) for name in names},
        "watermarks": _watermarks_result(spec, state),
        "unknown_settings": ["vm." + name for name in spec.unknown],
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
    }


def _after(spec: Spec, state: State, name: str) -> str | None:
    """What a setting is or, in check mode, would be: 0 where the one that it excludes is set."""
    if name not in spec.live and any(member in spec.live for member in group(name)):
        return "0"
    return spec.live.get(name, state.live.get(name))


def _number(text: str | None) -> Any:
    """As YAML has it: an int, where it is one number."""
    return int(text) if text is not None and text.lstrip("-").isdigit() else text


def _overridden(spec: Spec, state: State, name: str, file_values: Mapping[str, str]) -> Any:
    """The line of another file, or of tuned's profile, that has the last word; None where ours has."""
    if name not in spec.wanted or name not in file_values:
        return None
    number = file_values[name]
    for member in group(name):
        line = state.tuned.get(member)
        if line and (member, line.value) != (name, number):
            return line
    return override(state.files, name, number)


def _overridden_result(line: Any) -> Any:
    return None if line is None else {"file": line.file, "line": line.line, "value": _number(line.value)}


def _watermarks_result(spec: Spec, state: State) -> dict[str, Any]:
    """Bytes summed over zones; ``after`` is the kernel's word, or in check mode what was computed."""
    page = state.page_size
    before = watermarks.total(spec.before.zones, watermarks.now(spec.before.zones), page)
    said = watermarks.total(state.zones, watermarks.now(state.zones), page)
    computed = watermarks.total(state.zones, _computed(spec, state), page)
    applied = all(spec.live.get(name, state.live.get(name)) == state.live.get(name) for name in _OF_WATERMARKS)
    return {
        "before": watermarks.as_result(before),
        "after": watermarks.as_result(said if applied else computed),
        "computed": watermarks.as_result(computed),
    }


_OF_WATERMARKS = ("min_free_kbytes", "watermark_scale_factor")


def _computed(spec: Spec, state: State) -> tuple[watermarks.Marks, ...]:
    min_free, factor = (int(spec.live.get(name, state.live.get(name)) or 0) for name in _OF_WATERMARKS)
    return watermarks.computed(state.zones, min_free, factor, state.page_size)


def warnings(spec: Spec, state: State) -> list[str]:
    """Conflicts, lines of others, and what could not be given back."""
    said = [conflict.words() for conflict in spec.conflicts]
    file_values = conffile.parse(state.file, spec.text or "").values
    for name in sorted(set(spec.wanted) & set(file_values)):
        said.extend(_owner_warnings(spec, state, name, file_values))
    if spec.text is not None and not state.files.read_at_boot:
        said.append(
            "%s is not read at boot, by its folder or because the same name stands in a folder that comes "
            "first (sysctl.d(5))" % state.file
        )
    if spec.lost:
        said.append("what %s was before us is not known, so it stays as it is until the next boot" % listed(spec.lost))
    if set(spec.live) & set(_OF_WATERMARKS) and all(
        spec.live.get(name, state.live[name]) == state.live[name] for name in _OF_WATERMARKS
    ):
        said.extend(
            "the kernel's watermarks are not what was computed: " + sentence
            for sentence in watermarks.different(state.zones, _computed(spec, state))
        )
    return said


def _owner_warnings(spec: Spec, state: State, name: str, file_values: Mapping[str, str]) -> list[str]:
    said = []
    line = _overridden(spec, state, name, file_values)
    if line is not None:
        said.append(
            "vm.%s is %s in %s, but %s has the last word%s: it will not be so after the next boot; remove that "
            "line, or take the setting out here"
            % (name, file_values[name], state.file, line.where(), "" if line.value is None else " (%s)" % line.value)
        )
    for other in second_owners(state.files, name, os.path.dirname(state.file)):
        said.append(
            "vm.%s is also set in %s: ours has the last word; remove that line, so that it has one owner"
            % (name, other.where())
        )
    return said
