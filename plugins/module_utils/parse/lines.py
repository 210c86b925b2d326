# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that are their administrator's, in which some lines are ours: all others stay, byte for byte."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

Before = Dict[str, Any]  # JSON's own types


def plain_path(path: str) -> str:
    """A path from the root without what means nothing in it, ``//swap/./file`` as ``/swap/file``; anything else as it
    is. ``..`` stays, since after a link it leads elsewhere.
    """
    if not path.startswith("/"):
        return path
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def split_lines(text: str) -> list[str]:
    r"""The lines with their endings, which joined are the text again. Only ``\n`` ends a line; ``\r\n`` is kept."""
    # Not splitlines(): it would also split at form feeds and at separators of Unicode, inside a path.
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def ending(line: str) -> str:
    """What ends a line: nothing where it is the last one of a file without a newline at its end."""
    # A lone \r at the end of a file would become half an ending once another line is put behind it.
    return next((each for each in ("\r\n", "\n", "\r") if line.endswith(each)), "")


def fields(line: str) -> list[str]:
    """The fields of a line, an empty list for a comment or a blank line. Blanks and tabs are all that separates them,
    whatever else Unicode calls a space.
    """
    body = line[: len(line) - len(ending(line))]
    found = [field for field in body.replace("\t", " ").split(" ") if field]
    return [] if found and found[0].startswith("#") else found


def replace_lines(lines: Sequence[str], found: Sequence[int], new_line: Optional[str]) -> str:
    """The text in which new_line stands for all the lines that were found (their numbers, in order).

    The first of them is replaced in its place and keeps its ending, the others go; where there is none, new_line is
    appended with the ending that most lines have. None for new_line takes all of them away.
    Raises ValueError for a new_line of more than one line.
    """
    if new_line is not None and ("\n" in new_line or "\r" in new_line):
        raise ValueError(f"{new_line!r} is not one line")
    kept = list(lines)
    for n in found:
        kept[n] = ""
    if new_line is None:
        return "".join(kept)
    if not found:
        return _appended("".join(kept), new_line)
    kept[found[0]] = new_line + ending(lines[found[0]])
    return "".join(kept)


def _appended(text: str, new_line: str) -> str:
    crlf = text.count("\r\n")
    usual = "\r\n" if crlf > text.count("\n") - crlf else "\n"
    # A missing last newline would glue our line to somebody else's.
    return text + ("" if not text or text.endswith("\n") else usual) + new_line + usual


# -- what was there before us --------------------------------------------------------------------------------------


def lines_before(lines: Sequence[str], found: Sequence[int], missing: bool) -> Before:
    """What given_back.py needs to know of a text as it is, whose lines of these numbers are about an object.

    lines:   these lines with their endings; how many lines of others stand before each, and the last of these (None:
             no line does).
    missing: there is no such file. last: the last line of others, where that has no ending.
    """
    others = [line for n, line in enumerate(lines) if n not in found]
    seen = [n - place for place, n in enumerate(found)]
    own = [{"line": lines[n], "at": at, "behind": others[at - 1] if at else None} for n, at in zip(found, seen)]
    last = others[-1] if others and not is_ended(others[-1]) else None
    return {"lines": own, "missing": missing, "last": last}


def is_ended(text: str) -> bool:
    """Whether another line can be put behind a text."""
    return not text or text.endswith("\n")
