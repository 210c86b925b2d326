# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that an expression gives: settled once, and computed again where what they depend on has changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.vm.values import Value

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Quantity

# What was computed is computed again once something that it depends on has changed by more than a tenth.
TOLERANCE = 10


def depends(expression: str, names: Mapping[str, Quantity]) -> dict[str, int]:
    """What a value depends on, as it is now: the names in its expression.

    RAM stands for what is available, which moves by itself, and for a lone percentage, which is of RAM.
    """
    used = set(re.findall(r"[a-z_]+", expression)) & set(names)
    steady = {"ram" if name == "available" else name for name in used} or {"ram"}
    return {name: names[name].floor() for name in sorted(steady)}


def settled(
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
