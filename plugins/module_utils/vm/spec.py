# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what was asked for and what was found to what is to be: the one place that refuses."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.container import inside
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.record import with_left_over
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile
from ansible_collections.highwater.memory.plugins.module_utils.vm.conffile import Line
from ansible_collections.highwater.memory.plugins.module_utils.vm.live import reach, restore_target
from ansible_collections.highwater.memory.plugins.module_utils.vm.merge import Wanted, merge
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import SYSCTL_CONF
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.vm.profiles import Conflict


class Spec(NamedTuple):
    """What is to be.

    targets:  the numbers that settings are to have, by name: wanted ones, and those that are given back.
    live:     those of them to be set now; empty with apply: next_boot.
    text:     our file; None where there is to be none.
    entry:    our record; empty where there is to be none.
    wanted:   what was asked for, by name; dropped: names that go back to what was before us.
    lost:     names that go, and of which nobody knows what was before us.
    before:   the state that the caller found: what the return calls "before".
    """

    targets: Mapping[str, str]
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
    given_back = _given_back(state, merged.wanted, dropped)
    targets = dict({name: one.value.number for name, one in merged.wanted.items()}, **given_back)
    changing = _changing(params, state, merged.wanted, given_back)
    now = params["apply"] == "now"
    if now and (merged.wanted or dropped):
        _refuse_read_only(state)
    if changing and not params["force"]:
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.vm import guards

        guards.refuse_harm(guards.Change(state, merged.wanted, targets, changing, now))
    entry = _entry(state, merged.wanted, dropped, now, persistent)
    lines = _lines(state, entry, merged.wanted, dropped, persistent)
    return Spec(
        targets=targets,
        live=targets if now else {},
        text=_text(state, lines, params["exclusive"] and present),
        entry=entry,
        wanted=merged.wanted,
        dropped=dropped,
        lost=tuple(
            name
            for name in dropped
            if name not in state.before and not set(group(name)) & set(merged.wanted) and not state.elsewhere(name)
        ),
        unknown=merged.unknown,
        conflicts=merged.conflicts,
        profiles=merged.profiles,
        before=state,
    )


def _dropped(params: Mapping[str, Any], state: State, wanted: Mapping[str, Wanted]) -> tuple[str, ...]:
    """Names that leave the file and the record: absent ones, and those that a wanted one excludes."""
    ours = set(state.owned) | (set(state.left) if params["apply"] == "now" else set())
    if params["state"] == "absent":
        asked = set() if params["exclusive"] else set(state.asked)
        return tuple(sorted(ours & asked if asked else ours))
    if params["exclusive"]:
        return tuple(sorted(ours - set(wanted)))
    return tuple(sorted(name for name in ours - set(wanted) if set(group(name)) & set(wanted)))


def _given_back(state: State, wanted: Mapping[str, Wanted], dropped: tuple[str, ...]) -> dict[str, str]:
    """Numbers by name: what was before us or, as long as another file of ours sets it, what that says."""
    numbers: dict[str, str] = {}
    for name in dropped:
        numbers.update(state.elsewhere(name) or restore_target(state.before, wanted, (name,)))
    kept = {member for name in wanted for member in group(name)}
    return {name: number for name, number in numbers.items() if state.live.get(name) is not None and name not in kept}


def _refuse_file(params: Mapping[str, Any], state: State, persistent: bool) -> None:
    file = state.file
    if not os.path.isabs(file) or os.path.normpath(file) != file or not file.endswith(".conf"):
        raise HighwaterError(
            "file: %s is not the path of a sysctl.d(5) file: write an absolute path that ends in "
            ".conf, such as /etc/sysctl.d/90-highwater.conf" % file,
            reason="file",
        )
    if persistent and file == SYSCTL_CONF:
        raise HighwaterError(
            "file: %s is the administrator's own, which systemd does not read at boot: name a file such as "
            "/etc/sysctl.d/90-highwater.conf" % file,
            reason="file",
        )
    if persistent and state.file_kind:
        raise HighwaterError(
            "file: %s is %s, which this module neither follows nor replaces: move it away, or name "
            "another file" % (file, state.file_kind),
            reason="file",
        )
    if persistent and not state.ours and not state.empty:
        raise HighwaterError(
            "file: %s is there and was not made by this module: name another file, or move its lines "
            "into settings and remove it" % file,
            reason="file",
        )


def _refuse_read_only(state: State) -> None:
    if state.container:
        raise Unsupported(
            "vm settings cannot be set in %s: they belong to the machine whose kernel this "
            "is, so run it there" % inside(state.container),
            reason="container",
            container=state.container,
        )
    if not state.writable:
        raise Unsupported(
            "vm settings cannot be set here: /proc/sys/vm is read-only, as in containers; run it on the "
            "machine whose kernel this is",
            reason="container",
        )


def _changing(
    params: Mapping[str, Any], state: State, wanted: Mapping[str, Wanted], given_back: Mapping[str, str]
) -> tuple[str, ...]:
    """Names that are not yet as they are to be, live or in our file; none for state: absent, which no guard forbids."""
    if params["state"] == "absent":
        return ()
    number = {name: one.value.number for name, one in wanted.items()}
    changing = {name for name in given_back if reach(name, given_back[name], state.live)}
    if params["apply"] == "now":
        changing.update(name for name in number if state.live[name] != number[name])
    if params["persistent"]:
        changing.update(name for name in number if state.content.values.get(name) != number[name])
    return tuple(sorted(changing))


def _entry(
    state: State, wanted: Mapping[str, Wanted], dropped: tuple[str, ...], now: bool, persistent: bool
) -> dict[str, Any]:
    """Our record after: what was settled, and of each group of settings what was there before us."""
    settings = {name: kept for name, kept in state.entry.get("settings", {}).items() if name not in dropped}
    before = dict(state.before)
    # Where that says nothing of what is ours already, an image was built with it: what is live now is our own work.
    ours = {member for name in state.owned for member in group(name)}
    elsewhere = state.before_elsewhere
    for name, one in wanted.items():
        settings[name] = {
            "value": one.value.number,
            "expression": one.value.expression,
            "source": one.source,
            "from": dict(one.depends),
            "in_file": persistent,
        }
        for member in set(group(name)) - ours:
            if member in elsewhere:
                before.setdefault(member, elsewhere[member])
            # An image is built on some other machine: what its kernel says was never this one's.
            elif (now or not state.container) and not state.elsewhere(name):
                before.setdefault(member, state.beside.get(member, state.live[member]))
    over = {member for name in (*dropped, *state.left) for member in group(name)}
    over -= {member for name in settings for member in group(name)}
    gone = {name: before.pop(name) for name in over if name in before}
    new: dict[str, Any] = {"settings": settings, "before": before} if settings else {}
    if state.theirs and any(one["in_file"] for one in settings.values()):
        new["file"] = {"before": state.theirs}
    return with_left_over(state.entry, new, state.boot, _left(state, gone, dropped, now))


def _left(
    state: State, gone: Mapping[str, Optional[str]], dropped: tuple[str, ...], now: bool
) -> dict[str, Optional[str]]:
    """Of what is over, what was before us where the running kernel keeps what we made of it; gone: by name."""
    given_back = {member for name in dropped if now for member in group(name)}
    groups = {name: group(name) for name in gone if name not in given_back and not state.elsewhere(name)}
    return {
        name: gone[name] for name, members in groups.items() if any(state.live[one] != gone.get(one) for one in members)
    }


def _lines(
    state: State, entry: Mapping[str, Any], wanted: Mapping[str, Wanted], dropped: tuple[str, ...], persistent: bool
) -> dict[str, Line]:
    """The file's settings: those that stay in it, and the wanted ones where they are to last."""
    values = {name: value for name, value in state.content.values.items() if name not in dropped} if state.ours else {}
    for name, one in wanted.items():
        values.pop(name, None)
        if persistent:
            values[name] = one.value.number
    return {name: _line(name, value, entry, state.content.before) for name, value in values.items()}


def _line(name: str, value: str, entry: Mapping[str, Any], said: Mapping[str, str]) -> Line:
    """said: what the comments in the file say was there before us, which stays where our record was lost."""
    kept = entry.get("settings", {}).get(name)
    if kept is None:
        return Line(value, before=_before_words(said, name))
    if kept["value"] != value:
        return Line(value)
    return Line(value, kept["expression"], kept["source"], _before_words(entry["before"], name))


def _before_words(before: Mapping[str, str], name: str) -> str | None:
    """``60``, or for one of a pair what stood in its partner: ``dirty_ratio 20``."""
    for partner in group(name)[1:]:
        if before.get(name) == "0" and before.get(partner, "0") != "0":
            return "%s %s" % (partner, before[partner])
    return before.get(name)


def _text(state: State, lines: Mapping[str, Line], exclusive: bool) -> str | None:
    if not state.ours and not lines:
        return state.text
    return conffile.render(lines, () if exclusive else state.content.foreign) or state.theirs
