# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fstab(5), read without loss: the file is its administrator's, and one line of it is ours.

No text is malformed here. A line that is no entry (too few fields) is kept as it is, as mount(8) passes over it:
somebody's slip of the pen must not keep a swapfile from being made.
"""

from __future__ import annotations

from typing import Callable, Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import decode, encode
from ansible_collections.highwater.memory.plugins.module_utils.parse.lines import fields, replace_lines, split_lines

__all__ = ("Entry", "Line", "encode", "parse_fstab", "replace_swap_entry", "swap_entries")


class Entry(NamedTuple):
    """The six fields, octal escapes decoded; options split at the commas, none is an empty tuple.

    freq and passno are 0 where they are missing or no number, as getmntent(3) reads them.
    """

    spec: str
    file: str
    vfstype: str
    options: tuple[str, ...]
    freq: int
    passno: int


class Line(NamedTuple):
    """raw: the line with its ending, byte for byte; entry: what it says, None for a comment, a blank or no entry."""

    raw: str
    entry: Optional[Entry]


def parse_fstab(text: str) -> tuple[Line, ...]:
    r"""The lines of a file, whose ``raw`` joined are the text again. Only ``\n`` ends a line; ``\r\n`` is kept."""
    return tuple(Line(raw, _entry(raw)) for raw in split_lines(text))


def swap_entries(lines: Sequence[Line]) -> tuple[Entry, ...]:
    """The entries of type ``swap`` in the order of the file."""
    return tuple(line.entry for line in lines if line.entry is not None and _is_swap(line.entry))


def replace_swap_entry(lines: Sequence[Line], matches: Callable[[Entry], bool], new_line: Optional[str]) -> str:
    """The text of the file in which new_line is the only swap entry that matches.

    The first that matches is replaced in its place and keeps its line ending, the others go; where none does, new_line
    is appended with the ending that most lines have. None for new_line takes all that match away.
    Only entries of type ``swap`` are shown to matches; comments and other entries stay as they are.
    Raises ValueError for a new_line of more than one line.
    """
    found = [n for n, line in enumerate(lines) if line.entry and _is_swap(line.entry) and matches(line.entry)]
    return replace_lines([line.raw for line in lines], found, new_line)


def _is_swap(entry: Entry) -> bool:
    return entry.vfstype == "swap"


def _entry(raw: str) -> Optional[Entry]:
    found = fields(raw)
    if len(found) < 3:
        return None
    spec, file, vfstype, options, freq, passno = (found + [""] * 3)[:6]
    return Entry(
        spec=decode(spec),
        file=decode(file),
        vfstype=decode(vfstype),
        options=tuple(option for option in decode(options).split(",") if option),
        freq=_number(freq),
        passno=_number(passno),
    )


def _number(field: str) -> int:
    return int(field) if field.isascii() and field.isdigit() and len(field) < 10 else 0
