# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swap that was on before us and is off, put away or by a run that was cut off: on again where all is taken back."""

from __future__ import annotations

import re
from typing import Any, Iterable

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry
from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room, without
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import parse_fstab, swap_entries
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import turn_on
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.fstab import DISCARD_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State, bridge_path

WHY = "it was on before us"


def refuse_lost(state: State, formatted: bool = False) -> None:
    """Raise HighwaterError where it cannot be turned on as it is; formatted: once it has a header again.

    Neither made nor formatted here: which size and form it is to have is known to state: present alone, which does
    both, so that nothing is lost by asking for that.
    """
    lack = _lack(state, formatted)
    if lack:
        raise HighwaterError(
            "path: %s was on before us, and is off and cannot be turned on (%s): run state: present with it first, "
            "which makes it swap again, or give it up (state: absent with it)" % (state.path, lack),
            reason="not_swap",
        )


def refuse_reformat(spec: Spec, state: State) -> None:
    """Raise HighwaterError where it cannot go off for a while: at the next boot only, or for want of memory."""
    if not spec.now:
        raise HighwaterError(
            "path: %s is on, encrypted, and was not before us: apply: next_boot cannot format it, and without that the "
            "next boot could not turn it on: use apply: now" % state.path,
            reason="in_use",
        )
    refuse_without_room(state.machine.memory, state.path, spec.headroom, deferrable=False)


def _lack(state: State, formatted: bool) -> str | None:
    if state.found is None:
        return "it is missing"
    if device_of(state):  # it is formatted anew each time
        return None
    if state.header is None and not formatted:
        return "it has no swap header"
    if state.header is not None and state.header.area > state.found.size:
        return "its header says %s, and it has %s" % (format_size(state.header.area), format_size(state.found.size))
    return state.flaw


def device_of(state: State) -> str | None:
    """The device through which it is to be on: that of the host's own crypttab."""
    lines = state.record["before"].get("crypttab", {}).get("lines", ())
    table = crypttab.Table(_text(lines), state.path)
    names = [entry.name for entry in table.entries() if table.is_of_file(entry)]
    return names[0] if names else None


def turn_back_on(state: State) -> Any:
    """The action: as the host's own lines have it, or as the area was where we have seen it put away."""
    known: Entry = state.record["before"]
    options = _fstab_options(known)
    discard = next((policy for policy, option in DISCARD_OPTIONS.items() if option in options), "none")
    priority, discard = known.get("priority", _priority(options)), known.get("discard", discard)
    return turn_on(state.path, priority, discard, device_of(state), noted=False, stays=True)


def with_it_on(memory: Memory, spec: Spec, state: State) -> Memory:
    """The memory once it is on, for the guards of what goes off after that. A bridge that it has room for counts as
    gone: its pages change places, and headroom is no reason to leave the host without its own swap.
    """
    memory = without(memory, state.path, spec.headroom)
    room = (state.found.size if state.found else 0) - state.machine.page
    bridge = memory.area(bridge_path(state.path))
    moved = bridge if bridge and bridge.used <= room else None
    left = tuple(area for area in memory.areas if area is not moved)
    back = SwapArea(state.path, "file", room, moved.used if moved else 0, -2)
    limit = memory.commit_limit + room - (moved.size if moved else 0)
    return memory._replace(areas=(*left, back), commit_limit=limit)


def _fstab_options(known: Entry) -> list[str]:
    entries = swap_entries(parse_fstab(_text(known.get("fstab", ()))))
    return [option for entry in entries for option in entry.options]


def _text(lines: Iterable[Entry]) -> str:
    """The table that the host's own lines make, as our record has them."""
    return "\n".join(one["line"].rstrip("\r\n") for one in lines)


def _priority(options: list[str]) -> int | None:
    found = [re.fullmatch(r"pri=([0-9]{1,5})", option, re.ASCII) for option in options]
    numbers = [int(match.group(1)) for match in found if match]
    return numbers[-1] if numbers else None
