# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/zoneinfo: watermarks and sizes of each memory zone, in pages (mm/vmstat.c, zoneinfo_show_print)."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/zoneinfo"


class Zone(NamedTuple):
    """One zone of one node; all amounts in pages.

    min, low, high: as printed, which includes boost (``wmark_pages()`` adds it since 5.0).
    boost:          what the kernel adds to all three for a while, after pageblocks mixed; None where this kernel
                    does not print it.
    spanned, present, managed: with holes, without holes, and what the page allocator has of it.
    """

    node: int
    name: str
    free: int
    boost: Optional[int]
    min: int
    low: int
    high: int
    spanned: int
    present: int
    managed: int

    @property
    def base_min(self) -> int:
        """The min watermark with boost taken off, in pages."""
        return self.min - (self.boost or 0)

    @property
    def base_low(self) -> int:
        """The low watermark with boost taken off, in pages."""
        return self.low - (self.boost or 0)

    @property
    def base_high(self) -> int:
        """The high watermark with boost taken off, in pages."""
        return self.high - (self.boost or 0)


_REQUIRED = ("free", "min", "low", "high", "spanned", "present", "managed")


def parse_zoneinfo(text: str) -> tuple[Zone, ...]:
    """All zones in the kernel's order, the empty ones (managed 0) too. Raises ParseError, for a text without any."""
    zones = tuple(_zone(lines) for lines in _sections(text))
    if not zones:
        raise ParseError(WHERE, text, "a line such as 'Node 0, zone Normal'")
    return zones


def _sections(text: str) -> list[list[str]]:
    """The lines of each zone, its heading first."""
    sections: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("Node "):
            sections.append([line])
        elif sections:
            sections[-1].append(line)
        elif line.strip():
            raise ParseError(WHERE, line, "a line such as 'Node 0, zone Normal'")
    return sections


def _zone(lines: list[str]) -> Zone:
    node, name = _heading(lines[0])
    pages = _pages(lines[1:])
    missing = [field for field in _REQUIRED if field not in pages]
    if missing:
        raise ParseError(WHERE, lines[0], f"a zone with {', '.join(missing)}")
    return Zone(node=node, name=name, boost=pages.get("boost"), **{field: pages[field] for field in _REQUIRED})


def _heading(line: str) -> tuple[int, str]:
    fields = line.split()
    if len(fields) != 4 or not fields[1].endswith(",") or fields[2] != "zone":
        raise ParseError(WHERE, line, "a line such as 'Node 0, zone Normal'")
    return natural(WHERE, fields[1][:-1], line), fields[3]


def _pages(lines: list[str]) -> dict[str, int]:
    """The zone's own numbers: from ``pages free`` to ``protection``.

    Before them a node's first zone has the statistics of the node, after them come counters and the pagesets,
    which have fields of the same names (``high:``).
    """
    pages: dict[str, int] = {}
    for line in lines:
        fields = line.split()
        if fields[:2] == ["pages", "free"]:
            fields = fields[1:]
        elif not pages:
            continue
        if fields[:1] == ["protection:"]:
            break
        if len(fields) == 2 and (fields[0] == "boost" or fields[0] in _REQUIRED):
            pages[fields[0]] = natural(WHERE, fields[1], line)
    return pages
