# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules say: diff, settings and warnings."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.sysfs.owners import overriding, overruled
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.state import State
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import ON


def managed(state: State) -> dict[str, Any]:
    """All settings that the kernel has, and what the next boot runs by lines."""
    return _diff(state, {}, state.boot.text)


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """managed() as it will be."""
    return _diff(state, spec.live, state.boot.render(spec.job) if spec.job else None)


def _diff(state: State, live: Mapping[str, str], text: str | None) -> dict[str, Any]:
    values = dict(state.live, **live)
    shown = {one.option: _shown(state, one.option, values[one.option]) for one in state.subsystem.settings}
    return {state.subsystem.name: shown, state.boot.path: None if text is None else text.splitlines()}


def _shown(state: State, option: str, value: str | None) -> Any:
    return None if value is None else state.subsystem.setting(option).kind.shown(value)


def result(spec: Spec, state: State) -> dict[str, Any]:
    """settings, unknown_settings, boot_file."""
    lasting = _lasting(spec)
    touched = [
        one.option for one in state.subsystem.settings if one.option in spec.wanted or one.option in spec.dropped
    ]
    return {
        "settings": {
            option: {
                "before": _shown(state, option, spec.before.live[option]),
                "after": _shown(state, option, spec.live.get(option, state.live[option])),
                "boot_value": _shown(state, option, lasting.get(option)),
                "overridden_by": _overridden_result(state, option, lasting.get(option)),
            }
            for option in touched
        },
        "unknown_settings": list(spec.unknown),
        "boot_file": state.boot.path if spec.job else None,
    }


def _lasting(spec: Spec) -> dict[str, str]:
    """Values by option that the next boot is to have."""
    return {name: one["value"] for name, one in spec.entry.get("settings", {}).items() if one["persistent"]}


def _overridden_result(state: State, option: str, value: str | None) -> dict[str, Any] | None:
    owner = overriding(state.owners, option, value) if value is not None else None
    if owner is None:
        return None
    return {"file": owner.file, "line": owner.line, "value": _shown(state, option, owner.value)}


def warnings(spec: Spec, state: State) -> list[str]:
    """What profiles do not agree on, is skipped or could not be given back, and zswap where it does not belong."""
    said = list(spec.conflicts)
    if spec.missed:
        said.append(
            "%s: this kernel has no %s, so %s is skipped: take one that is built with %s, or leave it out"
            % (state.subsystem.name, state.subsystem.folder, ", ".join(spec.missed), state.subsystem.needs)
        )
    if spec.lost:
        said.append(
            "%s: what %s was before us is not known, so it stays as it is until the next boot"
            % (state.subsystem.name, ", ".join(spec.lost))
        )
    said.extend(_owner_warnings(spec, state))
    if state.subsystem.name == "zswap" and spec.live.get("enabled", state.live["enabled"]) == ON:
        said.extend(_zswap_warnings(state))
    return said


def _owner_warnings(spec: Spec, state: State) -> list[str]:
    said = []
    for option, value in _lasting(spec).items():
        named = "%s %s" % (state.subsystem.name, option)
        last = overriding(state.owners, option, value)
        if last:
            said.append(
                "%s is %s by %s, but %s has the last word (%s): it will not be so after the next boot; take it out "
                "there, or leave it out here" % (named, value, state.boot.path, last.where(), last.value)
            )
        said.extend(
            "%s is also set by %s, to %s: ours comes later; take it out there, so that it has one owner"
            % (named, one.where(), one.value)
            for one in overruled(state.owners, option, value)
        )
    return said


def _zswap_warnings(state: State) -> list[str]:
    zram = [area.path for area in state.swaps if area.path.startswith("/dev/zram")]
    if zram:
        return ["zswap is on in front of %s, which compresses pages twice: use one of the two" % zram[0]]
    if not state.swaps:
        return ["zswap is on, but no swap is: it does nothing without a swapfile or partition behind it"]
    return []
