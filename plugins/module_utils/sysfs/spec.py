# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be, from what was asked for and what was found: the one place that refuses."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.container import inside
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.job import Job
from ansible_collections.highwater.memory.plugins.module_utils.core.record import with_left_over
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.boot import boot_job
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.profiles import conflicts, merged
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.state import State
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import Setting


class Spec(NamedTuple):
    """What is to be.

    live:    values by option, to be set now; empty with apply: next_boot.
    job:     what the next boot is to do; None for nothing.
    entry:   our record; empty where there is to be none.
    wanted:  what was asked for, by option; dropped: options that go back to what was before us.
    lost:    options that go, and of which nobody knows what was before us.
    unknown: options that were asked for and skipped, since this kernel lacks them.
    missed:  those of them that no profile asked for, where this kernel has nothing of the subsystem.
    before:  the state that the caller found: what the return calls "before".
    conflicts: what profiles do not agree on, in sentences.
    """

    live: Mapping[str, str]
    job: Optional[Job]
    entry: dict[str, Any]
    wanted: Mapping[str, str]
    dropped: tuple[str, ...]
    lost: tuple[str, ...]
    unknown: tuple[str, ...]
    missed: tuple[str, ...]
    before: State
    conflicts: tuple[str, ...]


def resolve(options: Mapping[str, Any], state: State) -> Spec:
    """Raises HighwaterError for bad input, Unsupported where the kernel or the container cannot."""
    params = merged(state.subsystem, options)
    present, now = params["state"] == "present", params["apply"] == "now"
    asked = {one.option: params[one.option] for one in state.subsystem.settings if params[one.option] is not None}
    dropped = _dropped(params, state, tuple(asked))
    # Before all that depends on the host: a wrong value is refused the same everywhere.
    preferences = {name: state.subsystem.setting(name).kind.understand(name, asked[name]) for name in asked if present}
    if now and (dropped or (present and asked)):
        _refuse_read_only(params, state, present and bool(asked))
    wanted, unknown = _wanted(params, state, preferences, now) if present else ({}, ())
    persistent = present and params["persistent"]
    if persistent and wanted and state.boot.init is None:
        raise Unsupported(
            "%s: there is neither systemd nor OpenRC on this host to set it at boot: use persistent: false"
            % state.subsystem.name,
            reason="init",
        )
    entry = _entry(state, wanted, dropped, now, persistent)
    live = dict(wanted)
    before = state.before
    live.update((name, before[name] or "") for name in dropped if before.get(name) and state.live[name] is not None)
    lasting = {name: one["value"] for name, one in entry.get("settings", {}).items() if one["persistent"]}
    return Spec(
        live={one.option: live[one.option] for one in state.subsystem.settings if one.option in live} if now else {},
        job=boot_job(state.subsystem, lasting) if lasting else None,
        entry=entry,
        wanted=wanted,
        dropped=dropped,
        lost=tuple(name for name in dropped if not before.get(name)),
        unknown=unknown,
        missed=() if state.there else tuple(name for name in unknown if options[name] is not None),
        before=state,
        conflicts=conflicts(state.subsystem, options) if present else (),
    )


def _dropped(params: Mapping[str, Any], state: State, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Options that leave the record."""
    ours = (*state.owned, *(state.left if params["apply"] == "now" else ()))
    if params["state"] == "absent":
        return tuple(name for name in ours if name in asked or not asked or params["exclusive"])
    return tuple(name for name in ours if name not in asked) if params["exclusive"] else ()


def _refuse_read_only(params: Mapping[str, Any], state: State, asked: bool) -> None:
    """asked: whether anything is to be set, rather than given back, for which there must be something to set."""
    what = state.subsystem.name
    if state.container:
        raise Unsupported(
            "%s cannot be set in %s: it belongs to the machine whose kernel this is, so run it there"
            % (what, inside(state.container)),
            reason="container",
            container=state.container,
        )
    if not state.there and asked and params["unknown"] == "fail":
        raise Unsupported(
            "%s: this kernel has no %s: take one that is built with %s, or leave it out"
            % (what, state.subsystem.folder, state.subsystem.needs),
            reason="feature",
        )
    if not state.writable:
        raise Unsupported(
            "%s cannot be set here: %s is read-only, as in containers; run it on the machine whose kernel this is"
            % (what, state.subsystem.folder),
            reason="container",
        )


def _wanted(
    params: Mapping[str, Any], state: State, asked: Mapping[str, tuple[str, ...]], now: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Of the preferences for each option the value, each in its one form; and the options that this kernel lacks."""
    wanted: dict[str, str] = {}
    unknown = []
    for option, preferences in asked.items():
        setting = state.subsystem.setting(option)
        # An image is built where another kernel runs, which need not have what its own will have.
        if state.live[option] is None and now:
            if params["unknown"] == "fail":
                raise HighwaterError(
                    "%s: this kernel has no %s: leave it out, or use unknown: skip" % (option, setting.path),
                    reason="unknown_setting",
                    setting=option,
                )
            unknown.append(option)
            continue
        wanted[option] = _chosen(state, setting, preferences, now)
    return wanted, tuple(unknown)


def _chosen(state: State, setting: Setting, preferences: tuple[str, ...], now: bool) -> str:
    """The first of the preferences that the kernel has."""
    offered = state.offered[setting.option]
    if offered is None or (not now and state.container):
        return preferences[0]
    for name in preferences:
        if name in offered or name == state.live[setting.option]:
            return name
    raise Unsupported(
        "%s: this kernel does not have %s: write %s"
        % (setting.option, " or ".join(preferences), " or ".join(offered) or "what it has"),
        reason="feature",
    )


def _entry(
    state: State, wanted: Mapping[str, str], dropped: tuple[str, ...], now: bool, persistent: bool
) -> dict[str, Any]:
    """Our record after: what was settled, and what was there before us."""
    settings = {name: kept for name, kept in state.entry.get("settings", {}).items() if name not in dropped}
    before = {name: value for name, value in state.before.items() if name not in dropped}
    left = {name: value for name, value in state.left.items() if name not in dropped and name not in wanted}
    if not now:
        left.update(_left(state, dropped))
    for name, value in wanted.items():
        settings[name] = {"value": value, "persistent": persistent}
        # An image is built on some other machine: what its kernel says was never this one's. And what is live once the
        # image has booted is our own work.
        if (now or not state.container) and not state.is_ours(state.subsystem.setting(name)):
            before.setdefault(name, state.live[name])
    touched = {state.subsystem.setting(name).beside for name in (*settings, *left)}
    before = {name: value for name, value in before.items() if name in settings}
    new = {"settings": settings, "before": before} if settings else {}
    beside, made = _beside(state, wanted, touched, now)
    if new or beside:
        new["beside"] = beside
    if made:
        new["made"] = made
    return with_left_over(state.entry, new, state.boot_id, left)


def _beside(
    state: State, wanted: Mapping[str, str], touched: set[str], now: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """What the kernel computes anew with ours: as it was before us, and as it was made with our last change of it."""
    beside, made = dict(state.entry.get("beside", {})), dict(state.entry.get("made", {}))
    for name, value in wanted.items():
        setting = state.subsystem.setting(name)
        other, theirs = setting.beside, setting.beside in state.beside_of_others
        if not other or (state.container and not now):
            continue
        found = state.beside_of_others[other] if theirs else state.beside[other]
        if found is not None and other not in beside and not state.is_ours(setting):
            beside[other] = found
            if not theirs:
                made[other] = found  # as long as nothing changes; SetBeside notes what a change makes of it
        if state.live[name] != value and (theirs or not now):
            made.pop(other, None)
    return (
        {name: number for name, number in beside.items() if name in touched},
        {name: number for name, number in made.items() if name in touched},
    )


def _left(state: State, dropped: tuple[str, ...]) -> dict[str, Optional[str]]:
    """What was before us of options that are given up, and that the running kernel keeps as we made them."""
    return {
        name: state.before[name] for name in dropped if state.before.get(name, state.live[name]) != state.live[name]
    }
