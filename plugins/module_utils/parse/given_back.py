# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of an administrator's (see lines.py), as they were before us."""

from __future__ import annotations

from typing import Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.parse.lines import Before, is_ended


def lines_given_back(lines: Sequence[str], found: Sequence[int], before: Before, lines_too: bool) -> Optional[str]:
    """The text as it was before us, as far as it is about an object: all else is as others have left it.

    found: the numbers of the lines that are about it now. lines_too: those that were there come back as well.
    None where there was no file, and nothing is in it.
    """
    kept = [line for n, line in enumerate(lines) if n not in found]
    last = before.get("last")
    if last and kept and found and found[-1] == len(lines) - 1 and kept[-1] in (last + "\n", last + "\r\n"):
        kept[-1] = last  # the ending that it got when ours was put behind it
    otherwise = found[0] if found else len(kept)
    old = [(_place(kept, one["at"], one["behind"], otherwise), one["line"]) for one in before.get("lines", [])]
    for at, line in reversed(sorted(old, key=lambda pair: pair[0]) if lines_too else []):
        kept.insert(at, line)
    return None if before.get("missing") and not kept else _joined(kept)


def _place(others: list[str], at: int, behind: Optional[str], otherwise: int) -> int:
    """Where among the lines of others one goes that stood at a place, behind another line (None: at the beginning)."""
    if behind is None:
        return 0
    bare = behind.rstrip("\r\n")  # it may have got an ending since
    places = [n + 1 for n, raw in enumerate(others) if raw.rstrip("\r\n") == bare]
    return min(places, key=lambda place: abs(place - at), default=otherwise)


def _joined(raws: list[str]) -> str:
    """Lines as one text: a line without an ending gets one where another comes behind it."""
    ending = "\r\n" if any(raw.endswith("\r\n") for raw in raws) else "\n"
    return "".join(raw if is_ended(raw) else raw + ending for raw in raws[:-1]) + "".join(raws[-1:])
