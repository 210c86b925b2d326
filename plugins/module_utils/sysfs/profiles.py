# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles beneath the options: of two that differ the later one wins, and an option wins over both."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import Subsystem


def profiles_argument(subsystem: Subsystem) -> dict[str, Any]:
    """The option ``profiles`` in an argument spec: each item has the options of the settings, and a name."""
    return {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": dict(subsystem.arguments(), name={"type": "str", "required": True}),
    }


def merged(subsystem: Subsystem, params: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they are asked for in the end."""
    asked = dict(params)
    for one in subsystem.settings:
        said = [profile[one.option] for profile in params.get("profiles", ()) if profile.get(one.option) is not None]
        if params[one.option] is None and said:
            asked[one.option] = said[-1]
    return asked


def conflicts(subsystem: Subsystem, params: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each setting of which profiles say different things and no option decides."""
    said = []
    for one in subsystem.settings:
        given = [profile for profile in params.get("profiles", ()) if profile.get(one.option) is not None]
        for loser, winner in zip(given, given[1:]):
            if params[one.option] is None and loser[one.option] != winner[one.option]:
                said.append(
                    "%s %s: profile %s says %s, but profile %s, which comes later, says %s and wins: name only one of "
                    "the two, or give the value itself"
                    % (
                        subsystem.name,
                        one.option,
                        loser["name"],
                        loser[one.option],
                        winner["name"],
                        winner[one.option],
                    )
                )
    return tuple(said)
