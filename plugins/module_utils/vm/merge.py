# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what was asked for to one value a setting: profiles merged in order, ``settings`` on top."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.size import Quantity
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group, row
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import (
    Value,
    is_exact,
    refuse_out_of_range,
    setting_name,
    understand,
)

SETTINGS = "settings"
# What was computed is computed again once something that it depends on has changed by more than a tenth.
TOLERANCE = 10
_ZRAM = re.compile(r"/dev/zram[0-9]+")


class Wanted(NamedTuple):
    """One setting: its value, who asked for it, and what its expression depended on (bytes or a plain number)."""

    value: Value
    source: str
    depends: Mapping[str, int]


class Conflict(NamedTuple):
    """Two profiles that say different things of one setting, or of two that exclude each other."""

    name: str
    loser: str
    losing: str
    winner: str
    winning: str

    def words(self) -> str:
        return (
            "vm.%s: %s says %s, but %s, which comes later, says %s and wins: name only one of the two, or give the "
            "value in settings" % (self.name, self.loser, self.losing, self.winner, self.winning)
        )


class Merged(NamedTuple):
    """wanted by name; unknown: names that this kernel lacks; profiles: the names of those that apply here."""

    wanted: dict[str, Wanted]
    unknown: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    profiles: tuple[str, ...]


def merge(params: Mapping[str, Any], state: State) -> Merged:
    """Raises HighwaterError for whatever is wrong with a name or a value, in a profile that does not apply too."""
    reader = _Reader(state, params["unknown"], params["force"])
    wanted: dict[str, Wanted] = {}
    conflicts: list[Conflict] = []
    applied: list[str] = []
    for profile in params["profiles"] or ():
        source = "profile %s" % profile["name"]
        found = reader.read(profile["settings"], source)
        if not applies(profile["when"], state, params["expect_swap"] or ()):
            continue
        applied.append(profile["name"])
        quiet = [source] + ["profile %s" % name for name in profile["on_top_of"] or ()]
        conflicts.extend(one for one in _conflicts(wanted, found) if one.loser not in quiet)
        _put_on_top(wanted, found)
    _put_on_top(wanted, reader.read(params["settings"] or {}, SETTINGS))
    return Merged(wanted, tuple(sorted(reader.unknown)), tuple(conflicts), tuple(dict.fromkeys(applied)))


def applies(when: str, state: State, expected: Iterable[str]) -> bool:
    """Whether a profile's condition holds. expected: swap (``zram``, ``disk``) that counts as on although it is not."""
    zram = "zram" in expected or any(_ZRAM.fullmatch(area.path) for area in state.swaps)
    disk = "disk" in expected or any(not _ZRAM.fullmatch(area.path) for area in state.swaps)
    return {
        "always": True,
        "zram_swap": zram,
        "zram_swap_alone": zram and not disk,
        "zram_swap_with_disk": zram and disk,
    }[when]


def _put_on_top(wanted: dict[str, Wanted], found: Mapping[str, Wanted]) -> None:
    for name, one in found.items():
        for member in group(name):
            wanted.pop(member, None)
        wanted[name] = one


def _conflicts(wanted: Mapping[str, Wanted], found: Mapping[str, Wanted]) -> Iterable[Conflict]:
    for name, one in found.items():
        for member in group(name):
            other = wanted.get(member)
            if other and (member, other.value.number) != (name, one.value.number):
                yield Conflict(name, other.source, _said(member, name, other), one.source, one.value.number)


def _said(member: str, name: str, wanted: Wanted) -> str:
    return wanted.value.number if member == name else "%s of vm.%s" % (wanted.value.number, member)


class _Reader:
    """Reads dicts of settings; collects the names that this kernel lacks."""

    def __init__(self, state: State, unknown: str, force: bool) -> None:
        self._state = state
        self._fail_on_unknown = unknown == "fail"
        self._force = force
        self._names: Optional[dict[str, Quantity]] = None
        self.unknown: set[str] = set()

    def read(self, settings: Mapping[str, Any], source: str) -> dict[str, Wanted]:
        found: dict[str, Wanted] = {}
        for key, value in settings.items():
            name = setting_name(key)
            for member in group(name):
                if member in found:
                    raise HighwaterError(_named_twice(name, member), reason="guard")
            found[name] = self._one(name, value, source)
        for name in list(found):
            if self._state.live.get(name) is None:
                self._lacking(name)
                del found[name]
        return found

    def _one(self, name: str, value: object, source: str) -> Wanted:
        known = row(name)
        if known.action:
            raise HighwaterError(
                "settings: vm.%s is an action and no setting, so it is not for this module: %s" % (name, known.action),
                reason="action",
            )
        names = self._all_names()
        understood = understand(known, value, names, self._state.page_size)
        depends: dict[str, int] = {}
        if not is_exact(understood):
            understood, depends = _settled(
                self._state.entry, name, understood, _depends(understood.expression or "", names)
            )
        if not self._force:
            refuse_out_of_range(known, understood, self._state.kernel)
        return Wanted(understood, source, depends)

    def _all_names(self) -> dict[str, Quantity]:
        if self._names is None:
            self._names = self._state.names()
        return self._names

    def _lacking(self, name: str) -> None:
        self.unknown.add(name)
        if self._fail_on_unknown:
            raise HighwaterError(_unknown(name, self._state), reason="unknown_setting", setting=name)


def _named_twice(name: str, member: str) -> str:
    if name == member:
        return "settings: vm.%s is named twice, in two spellings: name it once" % name
    return (
        "settings: vm.%s and vm.%s exclude each other, and the kernel sets one to 0 when the other is written: "
        "name only one of them" % tuple(sorted((name, member)))
    )


def _unknown(name: str, state: State) -> str:
    since, until = row(name).since, row(name).until
    said = "settings: this kernel (%d.%d) has no vm.%s" % (state.kernel + (name,))
    if since > state.kernel:
        said += ", which came with Linux %d.%d" % since
    elif until and until <= state.kernel:
        said += ", which went with Linux %d.%d" % until
    import difflib  # only where it is needed: start-up is most of what a converged host costs

    near = difflib.get_close_matches(name, state.known, n=3, cutoff=0.5)
    if near:
        said += "; it has " + ", ".join("vm." + one for one in near)
    return said + ": correct the name, or say unknown: skip"


def _depends(expression: str, names: Mapping[str, Quantity]) -> dict[str, int]:
    """What a value depends on, as it is now: the names in its expression.

    RAM stands for what is available, which moves by itself, and for a lone percentage, which is of RAM.
    """
    used = set(re.findall(r"[a-z_]+", expression)) & set(names)
    steady = {"ram" if name == "available" else name for name in used} or {"ram"}
    return {name: names[name].floor() for name in sorted(steady)}


def _settled(
    entry: Mapping[str, Any], name: str, computed: Value, depends: dict[str, int]
) -> tuple[Value, dict[str, int]]:
    """What an expression was settled to before, where that still counts; else what it gives now."""
    kept = entry.get("settings", {}).get(name)
    if not kept or kept["expression"] != computed.expression or set(kept["from"]) != set(depends):
        return computed, depends
    if kept["value"] == computed.number:
        return computed, kept["from"]
    if any(abs(kept["from"][one] - now) * TOLERANCE > kept["from"][one] for one, now in depends.items()):
        return computed, depends
    return computed._replace(number=kept["value"]), kept["from"]
