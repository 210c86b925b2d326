# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a parser says of text that it cannot read, and the whole numbers that all of them read."""

from __future__ import annotations


class ParseError(ValueError):
    """Text of the kernel's that is not what it should be.

    where: the file that the text is from, such as ``/proc/meminfo``.
    text:  the offending part; the message carries at most 200 characters of it.
    """

    def __init__(self, where: str, text: str, expected: str) -> None:
        shown = text if len(text) <= 200 else text[:197] + "..."
        super().__init__(f"{where}: found {shown!r} where {expected} is expected")
        self.where = where
        self.text = text


def natural(where: str, digits: str, line: str) -> int:
    """A whole number from 0 on, in ASCII digits (``int`` would also take ``1_0``, ``+1`` and digits of other scripts).

    Raises ParseError with the line it stands in.
    """
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise ParseError(where, line, "a whole number")
    return int(digits)
