# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""crypttab(5), read without loss. No text is malformed here: a line that is no entry is kept as it is."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.lines import fields, split_lines


class Entry(NamedTuple):
    """The four fields as they are written (systemd reads no escapes there); options split at the commas.

    key is ``none`` where it is missing or written ``-``.
    """

    name: str
    source: str
    key: str
    options: tuple[str, ...]


class Line(NamedTuple):
    """raw: the line with its ending, byte for byte; entry: what it says, None for a comment, a blank or no entry."""

    raw: str
    entry: Optional[Entry]


def parse_crypttab(text: str) -> tuple[Line, ...]:
    """The lines of a file, whose ``raw`` joined are the text again."""
    return tuple(Line(raw, _entry(raw)) for raw in split_lines(text))


def _entry(raw: str) -> Optional[Entry]:
    found = fields(raw)
    if len(found) < 2:
        return None
    name, source, key, options = (found + [""] * 2)[:4]
    return Entry(
        name=name,
        source=source,
        key="none" if key in ("", "-") else key,
        options=tuple(option for option in options.split(",") if option),
    )
