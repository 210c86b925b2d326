# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: emergency_table
short_description: Which hosts run out of memory, and which are next
version_added: 0.1.0
author: highwater.memory authors (@highwater)
description:
  - Makes the table of playbook C(highwater.memory.emergency_swap) of what M(highwater.memory.emergency_swap) returned,
    the host with the least memory first. Hosts with less than twice what they act below are called next.
options:
  _input:
    description: By host, what the module returned. Hosts on which it failed come last.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Who is running out, and who is next
  ansible.builtin.debug:
    msg: "{{ {'web1': look} | highwater.memory.emergency_table }}"
"""

RETURN = r"""
_value:
  description: The lines of the table.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.plugin_utils.table import table

COLUMNS = ("host", "available", "of RAM", "acts below", "swap free", "of", "most room", "emergency swap")
NEXT = 2  # times what a host acts below: those that have less are called next


def emergency_table(looks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines; a host counts as looked at where the module returned its memory."""
    seen = {host: look for host, look in looks.items() if look.get("memory")}
    rows = [_row(host, seen[host]) for host in sorted(seen, key=lambda host: _part(seen[host]))]
    rest = [(host, *[""] * (len(COLUMNS) - 2), _why_not(look)) for host, look in looks.items() if host not in seen]
    return table(COLUMNS, rows + rest)


def _part(look: Mapping[str, Any]) -> float:
    return float(look["memory"]["available"] / look["memory"]["total"])


def _row(host: str, look: Mapping[str, Any]) -> tuple[str, ...]:
    memory, room = look["memory"], look["most_room"]
    return (
        host,
        format_size(memory["available"]),
        "%.1f %%" % (100 * _part(look)),
        format_size(look["only_below"]),
        format_size(memory["swap_free"]),
        format_size(memory["swap_total"]),
        "%s on %s" % (format_size(room["free"]), room["mount_point"]) if room else "none",
        _what(look),
    )


def _why_not(look: Mapping[str, Any]) -> str:
    return "cannot have one (%s)" % look["reason"] if look.get("supported") is False else "could not be looked at"


def _what(look: Mapping[str, Any]) -> str:
    if look["actions"]:
        return "needed" if look["swapfile"] else "to be taken back"
    if look["swapfile"]:
        return "is on"
    return "next" if look["memory"]["available"] < NEXT * look["only_below"] else ""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"emergency_table": emergency_table}
