# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/vmstat: the kernel's counters of events and of pages, proc_vmstat(5)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/vmstat"


def parse_vmstat(text: str) -> dict[str, int]:
    """Every number by the kernel's name; events since boot, ``nr_*`` pages now. What a kernel lacks is missing.

    A gauge that the kernel prints below 0 (it sums per processor without a lock) counts as 0.
    Raises ParseError, for an empty text too.
    """
    values = dict(_pair(line) for line in text.splitlines())
    if not values:
        raise ParseError(WHERE, text, "a line such as 'pgfault 4711'")
    return values


def _pair(line: str) -> tuple[str, int]:
    name, _blank, number = line.partition(" ")
    if number.startswith("-"):
        return name, natural(WHERE, number[1:], line) * 0
    return name, natural(WHERE, number, line)
