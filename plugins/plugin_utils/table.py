# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows as lines with aligned columns, for people to look at in a terminal."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence

from ansible.utils.display import Display

LEAST = 20  # columns that words have, however narrow it is
AROUND = 11  # columns that Ansible takes for itself where it shows a list: two times four blanks, quotes and a comma


def room() -> int:
    """How many columns a line of ours may have, so that the terminal does not break it.

    Where there is no terminal, as many as in one of 80; COLUMNS in the environment says otherwise.
    """
    said = os.environ.get("COLUMNS", "")
    return max((int(said) if said.isdecimal() else int(Display().columns) + 1) - AROUND - 1, 40)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines: a heading, a rule, the rows; columns of which every cell begins with a digit stand to the right."""
    widths = [max(len(row[at]) for row in [columns, *rows]) for at in range(len(columns))]
    right = [bool(rows) and all(row[at][:1].isdigit() for row in rows if row[at]) for at in range(len(columns))]
    lines = [columns, ["─" * width for width in widths], *rows]
    return ["  ".join(_aligned(*each) for each in zip(line, widths, right)).rstrip() for line in lines]


def listing(pairs: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Names and what is said of each, side by side; a name that takes more than a third has a line to itself."""
    names = max((len(name) for name, _said in pairs if len(name) * 3 <= width), default=2)
    for name, said in pairs:
        if len(name) > names:
            yield name
        first = "" if len(name) > names else name
        yield from wrapped(first.ljust(names) + "  ", said, width)


def wrapped(first: str, words: str, width: int) -> list[str]:
    """Words in as many lines as they need, below each other behind what begins the first line. No word is broken."""
    lines = textwrap.wrap(words, max(width - len(first), LEAST), break_long_words=False, break_on_hyphens=False) or [""]
    return [(first + lines[0]).rstrip(), *(" " * len(first) + line for line in lines[1:])]


def _aligned(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)
