# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures for a glance: in three digits, or in as few as say enough."""

from __future__ import annotations

NONE = "\u2013"  # where there is no value


def size(count: float | None) -> str:
    """Bytes in three digits, for a glance: `968 MiB`, `1.9 GiB`."""
    if count is None:
        return NONE
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1000 or unit == "TiB":
            break
        value /= 1024
    return "%s %s" % ("%.1f" % value if value < 10 and unit not in ("B", "KiB") else "%.0f" % value, unit)


def share(amounts: tuple[int, int]) -> str:
    """Of a whole and its part: `222 of 248 MiB`, `87 MiB of 1.9 GiB`."""
    total, used = map(size, amounts)
    return "%s of %s" % (used.split()[0] if used.split()[1] == total.split()[1] else used, total)


def number(count: float | None) -> str:
    """A count with commas; small ones that are not whole keep a digit."""
    if count is None:
        return NONE
    return f"{count:,.0f}" if count == int(count) or count >= 100 else f"{count:.1f}"


def short(count: float) -> str:
    """A count in at most four characters: `801`, `65k`, `1M`."""
    for unit in ("", "k", "M", "G"):
        if count < 999.5:
            return f"{count:.0f}{unit}"
        count /= 1000
    return f"{count:.0f}T"


def percent(part: float | None) -> str:
    """`0 %`, `3.2 %` and `42 %`."""
    if part is None:
        return NONE
    return "%.1f %%" % (100 * part) if 0 < part < 0.0995 else "%.0f %%" % (100 * part)
