# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""The octal escapes (``\040`` for a blank) of fstab(5), /proc/swaps and /proc/mounts."""

from __future__ import annotations

_ESCAPED = {" ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134"}
_TABLE = str.maketrans(_ESCAPED)


def encode(text: str) -> str:
    r"""Text as one field: blank, tab, newline and backslash as three octal digits, as getmntent(3) reads them."""
    return text.translate(_TABLE)


def decode(field: str) -> str:
    r"""The text that a field stands for: each backslash with three octal digits is one byte.

    Bytes and not characters, so that ``\303\244`` is one letter; what is not UTF-8 survives as surrogate escapes.
    A backslash with anything else behind it stands for itself, as in libmount.
    """
    if "\\" not in field:
        return field
    first, *rest = field.encode("utf-8", "surrogateescape").split(b"\\")
    return (first + b"".join(map(_unescaped, rest))).decode("utf-8", "surrogateescape")


def _unescaped(piece: bytes) -> bytes:
    """What follows a backslash, the backslash put back where it began no escape."""
    digits = piece[:3]
    if len(digits) == 3 and digits[:1] in (b"0", b"1", b"2", b"3") and all(digit in b"01234567" for digit in digits):
        return bytes((int(digits, 8),)) + piece[3:]
    return b"\\" + piece
