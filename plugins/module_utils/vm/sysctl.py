# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vm_sysctl as a resource of the runner: settings live, in our file, and in our record."""

from __future__ import annotations

import os.path
from typing import Any, Mapping, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile, guards, watermarks
from ansible_collections.highwater.memory.plugins.module_utils.vm.conffile import Line
from ansible_collections.highwater.memory.plugins.module_utils.vm.live import SetLive, reach, restore_target
from ansible_collections.highwater.memory.plugins.module_utils.vm.merge import Conflict, Wanted, merge
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import override, second_owners
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import KIND, State, observe

__all__ = ("managed", "observe", "plan", "resolve", "result", "wanted", "warnings")


class Spec(NamedTuple):
    """What is to be.

    live:     settings to be set now, by name; empty with apply: next_boot.
    text:     our file; None where there is to be none.
    entry:    our record; empty where there is to be none.
    wanted:   what was asked for, by name; dropped: names that go back to what was before us.
    lost:     names that go, and of which nobody knows what was before us.
    before:   the state that the caller found: what the return calls "before".
    """

    live: Mapping[str, str]
    text: Optional[str]
    entry: dict[str, Any]
    wanted: Mapping[str, Wanted]
    dropped: tuple[str, ...]
    lost: tuple[str, ...]
    unknown: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    profiles: tuple[str, ...]
    before: State


def resolve(params: Mapping[str, Any], state: State) -> Spec:
    """Raises HighwaterError for bad input and at guards, Unsupported where /proc/sys is not to be written."""
    present = params["state"] == "present"
    merged = merge(params if present else dict(params, settings={}, profiles=[]), state)
    dropped = _dropped(params, state, merged.wanted)
    persistent = present and params["persistent"]
    _refuse_file(params, state, persistent)
    changing = _changing(params, state, merged.wanted)
    now = params["apply"] == "now"
    if now and (merged.wanted or dropped):
        _refuse_read_only(state)
    if changing and not params["force"]:
        guards.refuse_harm(guards.Change(state, merged.wanted, changing, now))
    entry = _entry(state, merged.wanted, dropped, now)
    live = {name: one.value.number for name, one in merged.wanted.items()}
    live.update(restore_target(state.entry, merged.wanted, dropped))
    lines = _lines(state, entry, merged.wanted, dropped, persistent)
    return Spec(
        live=live if now else {},
        text=_text(state, lines, params["exclusive"] and present),
        entry=entry,
        wanted=merged.wanted,
        dropped=dropped,
        lost=tuple(name for name in dropped if name not in state.entry.get("before", {})),
        unknown=merged.unknown,
        conflicts=merged.conflicts,
        profiles=merged.profiles,
        before=state,
    )


def _dropped(params: Mapping[str, Any], state: State, wanted: Mapping[str, Wanted]) -> tuple[str, ...]:
    """Names that leave the file and the record: absent ones, and those that a wanted one excludes."""
    ours = set(state.owned)
    if params["state"] == "absent":
        asked = set() if params["exclusive"] else set(state.asked)
        return tuple(sorted(ours & asked if asked else ours))
    if params["exclusive"]:
        return tuple(sorted(ours - set(wanted)))
    return tuple(sorted(name for name in ours - set(wanted) if set(group(name)) & set(wanted)))


def _refuse_file(params: Mapping[str, Any], state: State, persistent: bool) -> None:
    file = state.file
    if not os.path.isabs(file) or os.path.normpath(file) != file or not file.endswith(".conf"):
        raise HighwaterError("file: %s is not the path of a sysctl.d(5) file: write an absolute path that ends in "
                             ".conf, such as /etc/sysctl.d/90-highwater.conf" % file, reason="file")
    if state.file_kind:
        raise HighwaterError("file: %s is %s, which this module neither follows nor replaces: move it away, or name "
                             "another file" % (file, state.file_kind), reason="file")
    if persistent and not state.ours:
        raise HighwaterError("file: %s is there and was not made by this module: name another file, or move its lines "
                             "into settings and remove it" % file, reason="file")


def _refuse_read_only(state: State) -> None:
    if state.container:
        raise Unsupported("vm settings cannot be set in a container (%s): they belong to the machine whose kernel this "
                          "is, so run it there" % state.container, reason="container", container=state.container)
    if not state.writable:
        raise Unsupported("vm settings cannot be set here: /proc/sys/vm is read-only, as in containers; run it on the "
                          "machine whose kernel this is", reason="container")


def _changing(params: Mapping[str, Any], state: State, wanted: Mapping[str, Wanted]) -> tuple[str, ...]:
    """Names that are not yet as asked, live or in our file."""
    number = {name: one.value.number for name, one in wanted.items()}
    changing: set[str] = set()
    if params["apply"] == "now":
        changing.update(name for name in number if state.live[name] != number[name])
    if params["persistent"]:
        changing.update(name for name in number if state.content.values.get(name) != number[name])
    return tuple(sorted(changing))


def _entry(state: State, wanted: Mapping[str, Wanted], dropped: tuple[str, ...], now: bool) -> dict[str, Any]:
    """Our record after: what was settled, and of each group of settings what was there before us."""
    settings = {name: kept for name, kept in state.entry.get("settings", {}).items() if name not in dropped}
    before = dict(state.entry.get("before", {}))
    for name in dropped:
        if not set(group(name)) & set(wanted):
            for member in group(name):
                before.pop(member, None)
    for name, one in wanted.items():
        settings[name] = {"value": one.value.number, "expression": one.value.expression, "source": one.source,
                          "from": dict(one.depends)}
        for member in group(name):
            # An image is built on some other machine: what its kernel says was never this one's.
            if now or not state.container:
                before.setdefault(member, state.live[member])
    return {"settings": settings, "before": before} if settings else {}


def _lines(state: State, entry: Mapping[str, Any], wanted: Mapping[str, Wanted], dropped: tuple[str, ...],
           persistent: bool) -> dict[str, Line]:
    """The file's settings: those that stay in it, and the wanted ones where they are to last."""
    values = {name: value for name, value in state.content.values.items() if name not in dropped} if state.ours else {}
    for name, one in wanted.items():
        values.pop(name, None)
        if persistent:
            values[name] = one.value.number
    return {name: _line(name, value, entry) for name, value in values.items()}


def _line(name: str, value: str, entry: Mapping[str, Any]) -> Line:
    kept = entry.get("settings", {}).get(name)
    if kept is None or kept["value"] != value:
        return Line(value)
    return Line(value, kept["expression"], kept["source"], _before_words(entry["before"], name))


def _before_words(before: Mapping[str, str], name: str) -> str | None:
    """``60``, or for one of a pair what stood in its partner: ``dirty_ratio 20``."""
    for partner in group(name)[1:]:
        if before.get(name) == "0" and before.get(partner, "0") != "0":
            return "%s %s" % (partner, before[partner])
    return before.get(name)


def _text(state: State, lines: Mapping[str, Line], exclusive: bool) -> str | None:
    if not state.ours:
        return state.text
    return conffile.render(lines, () if exclusive else state.content.foreign)


# --- plan -------------------------------------------------------------------------------------------------------------


def plan(spec: Spec, state: State) -> Plan:
    """The record first, so that what was before us is never lost; then live, the file, and what leaves the record."""
    kept = _joined(state.entry, spec.entry)
    return (_record_step(state, state.entry, kept) + _live_steps(spec, state) + _file_step(spec, state)
            + _record_step(state, kept, spec.entry))


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
        return (Step("forget %s in our record" % _listed(gone), "", write, (back,)),)
    named_now = sorted(name for name, one in new["settings"].items() if old.get("settings", {}).get(name) != one)
    return (Step("remember what %s was before us" % _listed(named_now), "state: absent gives it back", write, (back,)),)


def _listed(names: Any) -> str:
    return ", ".join("vm." + name for name in names)


def _live_steps(spec: Spec, state: State) -> Plan:
    steps = []
    for name, number in sorted(spec.live.items()):
        writes = reach(name, number, state.live)
        if not writes:
            continue
        member, found = name, state.live.get(name)
        for partner in group(name)[1:]:
            if state.live.get(partner) != "0":
                member, found = partner, state.live.get(partner)
        why = "it is %s" % found if member == name else "vm.%s is %s" % (member, found)
        why += "; " + spec.wanted[name].source if name in spec.wanted else "; that was before us"
        steps.append(Step("set vm.%s to %s" % (name, number), why, SetLive(name, writes, dict(state.live)),
                          (SetLive(name, reach(member, found or "0", {**state.live, member: None}), {}),)))
    return tuple(steps)


def _file_step(spec: Spec, state: State) -> Plan:
    if spec.text == state.text:
        return ()
    if spec.text is None:
        return (Step("remove %s" % state.file, "it sets nothing any more", Remove(state.file),
                     (Install(state.file, state.text or ""),)),)
    back: Any = Remove(state.file) if state.text is None else Install(state.file, state.text)
    return (Step("write %s" % state.file, _file_why(state, spec.text), Install(state.file, spec.text), (back,)),)


def _file_why(state: State, text: str) -> str:
    old, new = state.content.values, conffile.parse(state.file, text).values
    parts = [(verb, sorted(names)) for verb, names in (
        ("adds", set(new) - set(old)), ("drops", set(old) - set(new)),
        ("changes", {name for name in set(old) & set(new) if old[name] != new[name]})) if names]
    return "; ".join("%s %s" % (verb, _listed(names)) for verb, names in parts) or "its comments are out of date"


# --- what the module says ---------------------------------------------------------------------------------------------


def managed(state: State) -> dict[str, Any]:
    """The settings that we manage or that were asked for, and our file by lines."""
    return _diff(state, {}, state.text)


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """managed() as it will be."""
    return _diff(state, spec.live, spec.text)


def _diff(state: State, live: Mapping[str, str], text: str | None) -> dict[str, Any]:
    names = sorted(set(state.owned) | set(state.asked))
    return {"live": {"vm." + name: _number(live.get(name, state.live.get(name))) for name in names},
            state.file: None if text is None else text.splitlines()}


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
    return {"before": watermarks.as_result(before), "after": watermarks.as_result(said if applied else computed),
            "computed": watermarks.as_result(computed)}


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
        said.append("%s is not read at boot, by its folder or because the same name stands in a folder that comes "
                    "first (sysctl.d(5))" % state.file)
    if spec.lost:
        said.append("what %s was before us is not known, so it stays as it is until the next boot"
                    % _listed(spec.lost))
    if set(spec.live) & set(_OF_WATERMARKS) and all(spec.live.get(name, state.live[name]) == state.live[name]
                                                    for name in _OF_WATERMARKS):
        said.extend("the kernel's watermarks are not what was computed: " + sentence
                    for sentence in watermarks.different(state.zones, _computed(spec, state)))
    return said


def _owner_warnings(spec: Spec, state: State, name: str, file_values: Mapping[str, str]) -> list[str]:
    said = []
    line = _overridden(spec, state, name, file_values)
    if line is not None:
        said.append("vm.%s is %s in %s, but %s has the last word%s: it will not be so after the next boot; remove that "
                    "line, or take the setting out here" % (
                        name, file_values[name], state.file, line.where(),
                        "" if line.value is None else " (%s)" % line.value))
    for other in second_owners(state.files, name, os.path.dirname(state.file)):
        said.append("vm.%s is also set in %s: ours has the last word; remove that line, so that it has one owner"
                    % (name, other.where()))
    return said
