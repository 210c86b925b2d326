# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/buddyinfo: free blocks by order of each memory zone, proc_buddyinfo(5)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/buddyinfo"
_EXAMPLE = "a line such as 'Node 0, zone Normal 4 2 1'"


class Buddies(NamedTuple):
    """Free memory of one zone.

    blocks: how many free blocks of 2^order pages, by order from 0 on; how many orders there are is the kernel's choice
            (11 on most, fewer or more where it is configured otherwise).
    """

    node: int
    zone: str
    blocks: tuple[int, ...]


def parse_buddyinfo(text: str) -> tuple[Buddies, ...]:
    """The zones that have memory, in the kernel's order. Raises ParseError, for a text without any zone too."""
    zones = tuple(_zone(line) for line in text.splitlines() if line.strip())
    if not zones:
        raise ParseError(WHERE, text, _EXAMPLE)
    return zones


def _zone(line: str) -> Buddies:
    fields = line.split()
    if len(fields) < 5 or fields[0] != "Node" or not fields[1].endswith(",") or fields[2] != "zone":
        raise ParseError(WHERE, line, _EXAMPLE)
    return Buddies(
        node=natural(WHERE, fields[1][:-1], line),
        zone=fields[3],
        blocks=tuple(natural(WHERE, field, line) for field in fields[4:]),
    )
