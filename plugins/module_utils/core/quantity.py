# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exact amounts of bytes and plain numbers, and their words for a reader.

Fractions are kept as two integers: the standard library's ``fractions`` would be exact as well, but its
import (decimal, numbers) takes 2 to 6 ms of every module call.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

PLAIN = 0
BYTES = 1


class Quantity(NamedTuple):
    """An exact amount: value / divisor, in bytes (dimension 1) or a plain number (dimension 0)."""

    value: int
    dimension: int
    divisor: int = 1

    def floor(self) -> int:
        """The largest whole number that is not above this amount."""
        return self.value // self.divisor

    def words(self) -> str:
        """The amount for a reader; rounded where a few digits cannot say it."""
        if self.dimension == BYTES:
            return format_size(self.floor())
        if self.divisor == 1:
            return str(self.value)
        whole, rest = divmod(abs(self.value), self.divisor)
        # In integers: a float would overflow on what a user may well write.
        decimals = f"{rest * 1000 // self.divisor:03}".rstrip("0") or "0"
        return f"{'-' if self.value < 0 else ''}{whole}.{decimals}"


def reduced(value: int, dimension: int, divisor: int) -> Quantity:
    """value / divisor in lowest terms; the divisor may be negative, and must not be 0."""
    common = gcd(value, divisor) * (1 if divisor > 0 else -1)
    return Quantity(value // common, dimension, divisor // common)


def format_size(size: int) -> str:
    """Bytes for a reader: ``512 MiB``, ``1.5 GiB``, ``0 B``.

    What two decimals cannot say exactly is rounded to the nearest and keeps both: ``1.00 GiB`` for a byte above 1 GiB.
    """
    if size < 0:
        return "-" + format_size(-size)
    if size < 1024:
        return f"{size} B"
    for unit, factor in (("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30), ("TiB", 2**40)):
        hundredths, half = divmod(size * 100 + factor // 2, factor)
        # Compared after rounding, so that a byte below 1 GiB is not called 1024.00 MiB.
        if hundredths < 1024 * 100 or unit == "TiB":
            break
    number = f"{hundredths // 100}.{hundredths % 100:02}"
    exact = half == factor // 2
    return f"{number.rstrip('0').rstrip('.') if exact else number} {unit}"
