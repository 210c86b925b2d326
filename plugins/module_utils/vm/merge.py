# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what was asked for to one value a setting: profiles merged in order, ``settings`` on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import NEWEST, TABLE, full, group, row
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import (
    Value,
    is_exact,
    refuse_out_of_range,
    setting_name,
    understand,
)

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Quantity
    from ansible_collections.highwater.memory.plugins.module_utils.vm.profiles import Conflict

SETTINGS = "settings"


class Wanted(NamedTuple):
    """One setting: its value, who asked for it, and what its expression depended on (bytes or a plain number)."""

    value: Value
    source: str
    depends: Mapping[str, int]


class Merged(NamedTuple):
    """wanted by name; unknown: names that this kernel lacks; profiles: the names of those that apply here."""

    wanted: dict[str, Wanted]
    unknown: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    profiles: tuple[str, ...]


def merge(params: Mapping[str, Any], state: State) -> Merged:
    """Raises HighwaterError for whatever is wrong with a name or a value, in a profile that does not apply too."""
    # An image is built where another machine's kernel runs.
    image = bool(state.container) and params["apply"] == "next_boot"
    reader = _Reader(state, params["unknown"], params["force"], image)
    wanted: dict[str, Wanted] = {}
    conflicts: list[Conflict] = []
    applied: list[str] = []
    if params["profiles"]:
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.vm import profiles

        for profile in params["profiles"]:
            source = "profile %s" % profile["name"]
            here = profiles.applies(profile["when"], state, params["expect_swap"] or ())
            found = reader.read(profile["settings"], source, here)
            if not here:
                continue
            applied.append(profile["name"])
            quiet = [source] + ["profile %s" % name for name in profile["on_top_of"] or ()]
            conflicts.extend(one for one in profiles.conflicts(wanted, found) if one.loser not in quiet)
            _put_on_top(wanted, found)
    settings = reader.read(params["settings"] or {}, SETTINGS)
    _put_on_top(wanted, settings)
    if image and not params["force"]:
        _refuse_computed(wanted, state)
    open_conflicts = tuple(one for one in conflicts if not set(group(one.name)) & set(settings))
    return Merged(wanted, tuple(sorted(reader.unknown)), open_conflicts, tuple(dict.fromkeys(applied)))


def _refuse_computed(wanted: Mapping[str, Wanted], state: State) -> None:
    """Raise HighwaterError for values that depend on the machine: a reserve that fits a large builder can bring the OOM
    killer on a small image. Only what is left after merging: a number in settings stands in for a profile's expression.
    """
    computed = {name: one.source for name, one in wanted.items() if one.depends}
    if computed:
        from ansible_collections.highwater.memory.plugins.module_utils.vm import refusals  # as in merge()

        raise HighwaterError(refusals.computed_for_image(computed, state), reason="guard")


def _put_on_top(wanted: dict[str, Wanted], found: Mapping[str, Wanted]) -> None:
    for name, one in found.items():
        for member in group(name):
            wanted.pop(member, None)
        wanted[name] = one


class _Reader:
    """Reads dicts of settings; collects the names that this kernel lacks.

    image: whether another kernel than this one will be asked for them.
    """

    def __init__(self, state: State, unknown: str, force: bool, image: bool) -> None:
        self._state = state
        self._fail_on_unknown = unknown == "fail"
        self._force = force
        self._image = image
        self._names: Optional[dict[str, Quantity]] = None
        self.unknown: set[str] = set()

    def read(self, settings: Mapping[str, Any], source: str, applies: bool = True) -> dict[str, Wanted]:
        """applies: whether it counts here that this kernel lacks one of them."""
        found: dict[str, Wanted] = {}
        for key, value in settings.items():
            name = setting_name(key)
            for member in group(name):
                if member in found:
                    from ansible_collections.highwater.memory.plugins.module_utils.vm import refusals  # as in merge()

                    raise HighwaterError(refusals.named_twice(name, member), reason="guard")
            found[name] = self._one(name, value, source)
        for name in list(found):
            if self._state.live.get(name) is None and not (self._image and name in TABLE):
                if applies:
                    self._lacking(name)
                del found[name]
        return found

    def _one(self, name: str, value: object, source: str) -> Wanted:
        known = row(name)
        if known.refused:
            raise HighwaterError("settings: %s %s" % (full(name), known.refused), reason="action")
        understood = understand(known, value, self._all_names, self._state.page_size)
        depends: dict[str, int] = {}
        if not is_exact(understood):
            from ansible_collections.highwater.memory.plugins.module_utils.vm import computed  # as in merge()

            now = computed.depends(understood.expression or "", self._all_names())
            understood, depends = computed.settled(self._state.entry, name, understood, now)
        if not self._force:
            # Of an image neither the kernel nor the size of its pages is known here; the newest kernel takes most.
            here = known if self._image else known.of_pages(self._state.page_size)
            refuse_out_of_range(here, understood, NEWEST if self._image else self._state.kernel)
        return Wanted(understood, source, depends)

    def _all_names(self) -> dict[str, Quantity]:
        if self._names is None:
            self._names = self._state.names()
        return self._names

    def _lacking(self, name: str) -> None:
        self.unknown.add(name)
        if self._fail_on_unknown:
            from ansible_collections.highwater.memory.plugins.module_utils.vm import refusals  # as in merge()

            raise HighwaterError(refusals.unknown(name, self._state), reason="unknown_setting", setting=name)
