# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: assess_table
short_description: The memory of many hosts at a glance, and what was found on them
version_added: 0.1.0
author: highwater.memory authors (@highwater)
description:
  - Makes the table of playbook C(highwater.memory.assess) of what M(highwater.memory.memory_info) returned, the hosts in
    trouble first, and below it the findings, the worst first, with what is advised.
  - Hosts that did not answer come last, with the reason.
  - In a terminal that is too narrow for all columns, amounts are told as percentages; in one that is too narrow even for
    these, each host has a line to itself above its figures.
positional: width
options:
  _input:
    description: By host, what the module returned.
    type: dict
    required: true
  width:
    description:
      - How many columns a line may have. By default as many as the terminal has beside what Ansible puts around a line; the
        variable E(COLUMNS) of the environment says otherwise, as where the output goes to a file.
    type: int
"""

EXAMPLES = r"""
- name: The memory of the fleet
  ansible.builtin.debug:
    msg: "{{ {'web1': look} | highwater.memory.assess_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import SEVERITIES
from ansible_collections.highwater.memory.plugins.plugin_utils.fleet import (
    NOT_SEEN,
    ORDERS_SHOWN,
    Row,
    Tier,
    plain,
    rows,
)
from ansible_collections.highwater.memory.plugins.plugin_utils.grouping import groups
from ansible_collections.highwater.memory.plugins.plugin_utils.table import listing, room, table, wrapped
from ansible_collections.highwater.memory.plugins.plugin_utils.words import number, percent, short, size

INDENT = 4
WIDE = (
    "host",
    "RAM",
    "available",
    "of RAM",
    "zram used",
    "of",
    "ratio",
    "disk swap used",
    "of",
    "stalls",
    "a second",
    *("order %d" % order for order in ORDERS_SHOWN),
    "findings",
)
NARROW = (
    "host",
    "RAM",
    "available",
    "zram",
    "ratio",
    "disk",
    "stalls",
    *("order %d" % order for order in ORDERS_SHOWN),
    "findings",
)
STALLS = "stalls: allocations that had to wait for reclaim, "
BLOCKS = "; order: free memory that blocks of 2^n pages can use"
LEGEND = STALLS + "since boot" + BLOCKS
NARROW_LEGEND = STALLS + "a second (/s) or since boot; zram, disk: how much of that swap is used" + BLOCKS


def assess_table(looks: Mapping[str, Mapping[str, Any]], width: int | None = None) -> list[str]:
    """The lines: the table, what its columns mean, the findings. width: as many columns as the terminal has for them."""
    seen = rows(json.loads(json.dumps(looks, default=plain)))  # Ansible's own mappings are slow to look things up in
    most = room() if width is None else width
    return [*_table(seen, most), "", *_findings(seen, most)]


def _table(seen: Sequence[Row], width: int) -> list[str]:
    """The richest that there is room for."""
    lines = table(WIDE, [(row.host, *_wide(row), _found(row)) for row in seen])
    if _fits(lines, width):
        return [*lines, "", *wrapped("", LEGEND, width)]
    figures = [_narrow(row) for row in seen]
    lines = table(NARROW, [(row.host, *cells, _found(row)) for row, cells in zip(seen, figures)])
    if not _fits(lines, width):
        heading, rule, *others = table(NARROW[1:-1], figures)
        lines = ["  " + heading, "  " + rule]
        for row, line in zip(seen, others):
            lines += ["%s: %s" % (row.host, _found(row)) if _found(row) else row.host]
            lines += [] if row.missing else ["  " + line]
    return [*lines, "", *wrapped("", NARROW_LEGEND, width)]


def _fits(lines: Sequence[str], width: int) -> bool:
    return max(map(len, lines)) <= width


def _wide(row: Row) -> tuple[str, ...]:
    if row.missing:
        return ("",) * (len(WIDE) - 2)
    return (
        _size(row.total),
        _size(row.available),
        "" if row.part is None else "%.1f %%" % (100 * row.part),
        *_tier(row.zram),
        "" if row.ratio is None else "%.1f" % row.ratio,
        *_tier(row.disk),
        "" if row.stalls is None else f"{row.stalls:,}",
        "" if row.stall_rate is None else f"{row.stall_rate:,.1f}",
        *_blocks(row),
    )


def _narrow(row: Row) -> tuple[str, ...]:
    if row.missing:
        return ("",) * (len(NARROW) - 2)
    return (
        _known(row.total, size),
        _known(row.part, percent),
        _known(_used(row.zram), percent),
        "" if row.ratio is None else "%.1f" % row.ratio,
        _known(_used(row.disk), percent),
        _stalls(row),
        *_blocks(row),
    )


def _known(value: float | None, words: Callable[[float | None], str]) -> str:
    return "" if value is None else words(value)


def _stalls(row: Row) -> str:
    if row.stall_rate is not None:
        return number(row.stall_rate) + "/s"
    return "" if row.stalls is None else short(row.stalls)


def _used(tier: Tier | None) -> float | None:
    return tier.used / tier.size if tier and tier.size else None


def _blocks(row: Row) -> list[str]:
    return ["%.0f %%" % (100 * row.usable[order]) if order < len(row.usable) else "" for order in ORDERS_SHOWN]


def _found(row: Row) -> str:
    counts = ["%d %s" % (row.count(one), one) for one in SEVERITIES if row.count(one)]
    return NOT_SEEN if row.missing else ", ".join(counts)


def _size(amount: int | None) -> str:
    return "" if amount is None else format_size(amount)


def _tier(tier: Tier | None) -> tuple[str, str]:
    return ("", "") if tier is None else (format_size(tier.used), format_size(tier.size))


def _findings(seen: Sequence[Row], width: int) -> list[str]:
    lines: list[str] = []
    for group in groups(seen):
        lines += wrapped("%s: " % group.severity.upper(), group.title, width)
        lines += _indented(listing(group.found, width - INDENT))
        lines += _indented(wrapped("→ ", group.advice, width - INDENT)) if group.advice else []
        lines += [""]
    missing = [(row.host, row.missing) for row in seen if row.missing]
    if missing:
        lines += ["%s:" % NOT_SEEN.upper(), *_indented(listing(missing, width - INDENT)), ""]
    quiet = sum(not row.worst for row in seen)
    return [*lines, "nothing was found on %d of %d hosts" % (quiet, len(seen))]


def _indented(lines: Iterable[str]) -> list[str]:
    return [" " * INDENT + line for line in lines]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"assess_table": assess_table}
