# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fstab(5), read without loss: the file is its administrator's, and one line of it is ours.

No text is malformed here. A line that is no entry (too few fields) is kept as it is, as mount(8) passes over it:
somebody's slip of the pen must not keep a swapfile from being made.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import decode, encode

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
    # Not splitlines(): it would also split at form feeds and at separators of Unicode, inside a path.
    pieces = text.split("\n")
    raws = [piece + "\n" for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]
    return tuple(Line(raw, _entry(raw)) for raw in raws)


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
    if new_line is not None and ("\n" in new_line or "\r" in new_line):
        raise ValueError(f"{new_line!r} is not one line of fstab")
    found = [n for n, line in enumerate(lines) if line.entry and _is_swap(line.entry) and matches(line.entry)]
    kept = [line.raw for line in lines]
    for n in found:
        kept[n] = ""
    if new_line is None:
        return "".join(kept)
    if not found:
        return _appended("".join(kept), new_line)
    kept[found[0]] = new_line + _ending(lines[found[0]].raw)
    return "".join(kept)


def _is_swap(entry: Entry) -> bool:
    return entry.vfstype == "swap"


def _entry(raw: str) -> Optional[Entry]:
    body = raw[: len(raw) - len(_ending(raw))]
    # Blanks and tabs are all that separates fields (libmount), whatever else Unicode calls a space.
    fields = [field for field in body.replace("\t", " ").split(" ") if field]
    if len(fields) < 3 or fields[0].startswith("#"):
        return None
    spec, file, vfstype, options, freq, passno = (fields + [""] * 3)[:6]
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


def _ending(raw: str) -> str:
    if raw.endswith("\r\n"):
        return "\r\n"
    return "\n" if raw.endswith("\n") else ""


def _appended(text: str, new_line: str) -> str:
    crlf = text.count("\r\n")
    ending = "\r\n" if crlf > text.count("\n") - crlf else "\n"
    # A missing last newline would glue our line to somebody else's.
    return text + ("" if not text or text.endswith("\n") else ending) + new_line + ending
