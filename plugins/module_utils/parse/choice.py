# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sysfs file that lists what can be chosen and puts brackets around what is: ``lzo [lzo-rle] lz4``."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError


class Choice(NamedTuple):
    """What is chosen, None where nothing is; and all that the kernel offers, in its order."""

    chosen: Optional[str]
    offered: tuple[str, ...]


def parse_choice(text: str) -> Choice:
    """The words of such a file; an empty text offers nothing."""
    words = text.split()
    chosen = [word[1:-1] for word in words if word.startswith("[") and word.endswith("]")]
    return Choice(chosen[0] if chosen else None, tuple(word.strip("[]") for word in words))


def chosen_by_number(text: str) -> tuple[tuple[int, str], ...]:
    """What is chosen in a file with such a line for each number, as a zram's recomp_algorithm: ``#1: lzo lz4 [zstd]``.

    Raises ParseError.
    """
    found = []
    for line in text.splitlines():
        number, colon, words = line.partition(":")
        chosen = parse_choice(words).chosen
        if not colon or not number.startswith("#") or not number[1:].isdigit():
            raise ParseError("recomp_algorithm", line, "a line such as '#1: lzo [zstd]'")
        if chosen:
            found.append((int(number[1:]), chosen))
    return tuple(found)
