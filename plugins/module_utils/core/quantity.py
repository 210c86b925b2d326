# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exact amounts of bytes and plain numbers, and their words for a reader.

What most options say, a number with a unit or their default, is understood here; size.py does the rest, and is long.

Fractions are kept as two integers: the standard library's ``fractions`` would be exact as well, but its
import (decimal, numbers) takes 2 to 6 ms of every module call.
"""

from __future__ import annotations

import re
from math import gcd

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

PLAIN = 0
BYTES = 1

# K, M, G, T are powers of 1024, as fallocate(1) and zramctl(8) have them; kB, MB, GB, TB powers of 1000.
UNITS = {
    "b": 1,
    "k": 2**10, "kib": 2**10, "kb": 10**3,
    "m": 2**20, "mib": 2**20, "mb": 10**6,
    "g": 2**30, "gib": 2**30, "gb": 10**9,
    "t": 2**40, "tib": 2**40, "tb": 10**12,
}  # fmt: skip

# So few digits that no unit makes a size of it that is too large.
_AMOUNT = re.compile(r"\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*([A-Za-z]+)\s*")


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


def decimal(number: str, dimension: int = PLAIN, factor: int = 1) -> Quantity:
    """Digits with or without a point, so many times the factor."""
    whole, _point, decimals = number.partition(".")
    return reduced(int(whole + decimals) * factor, dimension, 10 ** len(decimals))


def literal_bytes(text: object) -> int:
    """The whole bytes of a number with a unit, such as ``1.5 GiB``; 0 for all else, which is for size.py to judge."""
    match = _AMOUNT.fullmatch(str(text))
    factor = UNITS.get(match.group(2).lower()) if match else None
    return decimal(match.group(1), BYTES, factor).floor() if match and factor else 0


class Share(NamedTuple):
    """So many percent of an amount, and at least so many bytes: the default of an option that keeps something free."""

    percent: int
    of: str
    least: int

    def expression(self) -> str:
        """It as users write it."""
        return "max(%s * %d%%, %s)" % (self.of, self.percent, format_size(self.least).replace(" ", ""))

    def floor(self, amount: int) -> int:
        """The whole bytes that the expression stands for, where the amount has so many."""
        return max(amount * self.percent // 100, self.least)


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
