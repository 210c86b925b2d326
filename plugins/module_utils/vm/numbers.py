# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers as the kernel reads them. By itself, since looking at what files say needs no more of values.py, and start-up
is most of what a module costs.
"""

from __future__ import annotations

import re


def canonical(text: str) -> str:
    """The one form of what the kernel prints or a file says; text that is no number stays as it is.

    Numbers are read as the kernel reads them: 0x3c and 074 are 60.
    """
    return " ".join(_decimal(word) for word in text.split())


def is_number(text: str) -> bool:
    """Whether a text is one decimal number, as the kernel prints it."""
    digits = text[1:] if text[:1] == "-" else text
    return digits.isascii() and digits.isdigit()


def _decimal(word: str) -> str:
    if word.isascii() and word.isdigit() and word[0] != "0":  # nearly always, and patterns take time to compile
        return word
    for pattern, base in ((r"-?0[xX][0-9a-fA-F]+", 16), (r"-?0[0-7]+", 8), (r"-?[0-9]+", 10)):
        if re.fullmatch(pattern, word):
            return str(int(word, base))
    return word


# What the kernel computes by itself moves a little, with what it has to manage after a boot.
_MOVES = 50


def is_still(number: str, made: str | None) -> bool:
    """Whether a number is, give or take a fiftieth, what was made of it; so it is where nobody has noted that."""
    return made is None or abs(int(number) - int(made)) * _MOVES <= int(made)
