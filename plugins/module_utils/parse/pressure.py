# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/pressure/*: for how long tasks have waited, Documentation/accounting/psi.rst."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/pressure"
_EXAMPLE = "a line such as 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0'"


class Share(NamedTuple):
    """The part of time, in percent over the last 10, 60 and 300 seconds, and microseconds since boot."""

    avg10: float
    avg60: float
    avg300: float
    total: int


class Pressure(NamedTuple):
    """some: at least one task waited; full: all that could have run did; None where the kernel does not tell."""

    some: Share
    full: Optional[Share]


def parse_pressure(text: str) -> Pressure:
    """One of the files. Raises ParseError."""
    found = dict(map(_line, text.splitlines()))
    if "some" not in found:
        raise ParseError(WHERE, text, "a line that begins with 'some'")
    return Pressure(found["some"], found.get("full"))


def _line(line: str) -> tuple[str, Share]:
    kind, *fields = line.split() or [""]
    names, numbers = [], []
    for field in fields:
        name, _equals, number = field.partition("=")
        names.append(name)
        numbers.append(number)
    if tuple(names) != Share._fields:
        raise ParseError(WHERE, line, _EXAMPLE)
    avg10, avg60, avg300 = (_percent(number, line) for number in numbers[:3])
    return kind, Share(avg10, avg60, avg300, natural(WHERE, numbers[3], line))


def _percent(digits: str, line: str) -> float:
    """Digits, a point and digits, as the kernel prints them (``float`` would take ``1e3`` and ``nan`` as well)."""
    whole, _point, hundredths = digits.partition(".")
    natural(WHERE, whole, line)
    natural(WHERE, hundredths, line)
    return float(digits)
