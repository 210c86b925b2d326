# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Stalls by size of burst, for people: a table, a picture, a page. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional

MIB = 2**20


class Point(NamedTuple):
    """All bursts of one size under one configuration."""

    stalls: float  # a burst
    compactions: float  # a burst
    some: float  # milliseconds in which some task waited for memory, a burst (PSI)
    full: float  # milliseconds in which all tasks did, a burst (PSI)
    p99: float  # milliseconds that an allocation takes
    longest: float  # milliseconds
    lost: float  # allocations that failed, a burst
    large: float  # MiB that were free in blocks of 32 KiB and more when a burst began


Curves = Mapping[str, Mapping[int, Point]]  # by configuration, the first being what the others are held against; by MiB

HEADINGS = (
    "burst",
    "settings",
    "stalls",
    "compactions",
    "PSI some",
    "PSI full",
    "99th percentile",
    "longest",
    "failed",
    "in large blocks",
)


class Half(NamedTuple):
    """One kind of bursts, measured: how many of each size with each of the settings, and its picture's file name."""

    curves: Curves
    rounds: int
    picture: str

    def words(self) -> str:
        how_many = "a single burst" if self.rounds == 1 else f"{self.rounds} bursts"
        return f"Figures are of {how_many} of each size with each of the settings."


def rows(curves: Curves) -> list[tuple[str, ...]]:
    sizes = list(next(iter(curves.values())))
    return [(f"{size} MiB", name, *cells(curves[name][size])) for size in sizes for name in curves]


def cells(point: Point) -> tuple[str, ...]:
    times = (f"{value:.2f} ms" for value in (point.some, point.full, point.p99, point.longest))
    return (f"{point.stalls:.1f}", f"{point.compactions:.1f}", *times, f"{point.lost:.1f}", f"{point.large:.1f} MiB")


def table(curves: Curves) -> str:
    """As Markdown."""
    lines = [HEADINGS, ("---",) + ("---",) + ("--:",) * (len(HEADINGS) - 2), *rows(curves)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def helps_up_to(curves: Curves, name: str, aim: float) -> tuple[Optional[int], Optional[int]]:
    """The largest size up to which the stalls are at most `aim` of the first configuration's, wherever that has any,
    and the smallest beyond it. None where there is none.
    """
    first = next(iter(curves))
    good: Optional[int] = None
    for size, point in sorted(curves[name].items()):
        if point.stalls > aim * curves[first][size].stalls:
            return good, size
        good = size
    return good, None


# -- picture -------------------------------------------------------------------------------------

STEPS = 4  # of the scale
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 400, 70, 20, 50, 60
COLOURS = ("#b3261e", "#1f6fb2", "#2e7d32")  # told apart in grey and by the usual kinds of colour blindness
DASHES = ("", "7 4", "2 3")


def round_step(most: float) -> float:
    """The distance of two lines of the scale: 1, 2, 2.5 or 5 times a power of ten, so that STEPS of it hold `most`."""
    most = max(most, 1)
    power = 10.0 ** math.floor(math.log10(most / STEPS))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power * STEPS >= most)


def picture(curves: Curves, gaps: Mapping[str, int], title: str) -> str:
    """An SVG: stalls a burst over the size of the burst, and where each configuration's gap is."""
    sizes = sorted(next(iter(curves.values())))
    step = round_step(max(point.stalls for points in curves.values() for point in points.values()))
    top = STEPS * step

    def x(size: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * size / sizes[-1]

    def y(stalls: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * stalls / top

    font = 'font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="16">{title}</text>',
    ]
    for number in range(STEPS + 1):
        at = y(number * step)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{number * step:g}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{size}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">size of the burst in MiB</text>')
    # What the lines cross is drawn after them, on a ground of its own.
    legend = [f'<rect x="{LEFT + 6}" y="{TOP - 6}" width="220" height="{18 * len(curves) + 10}" fill="#ffffff"/>']
    for number, (name, points) in enumerate(curves.items()):
        style = f'stroke="{COLOURS[number]}" stroke-dasharray="{DASHES[number]}"'
        line = " ".join(f"{x(size):.1f},{y(points[size].stalls):.1f}" for size in sizes)
        parts.append(f'<polyline points="{line}" fill="none" stroke-width="2.5" {style}/>')
        gap = gaps[name] / MIB
        if gap <= sizes[-1]:
            parts.append(f'<path d="M{x(gap):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke-width="1" {style}/>')
        at = TOP + 18 * number
        legend.append(f'<path d="M{LEFT + 14} {at + 8}h34" stroke-width="2.5" {style}/>')
        legend.append(f'<text x="{LEFT + 56}" y="{at + 12}">{name}: gap {gap:.0f} MiB</text>')
    parts += legend
    return "\n".join([*parts, "</svg>"]) + "\n"


# -- page ----------------------------------------------------------------------------------------


def verdict(curves: Curves, gaps: Mapping[str, int], aim: float) -> Sequence[str]:
    """From where on the first configuration stalls, and a sentence for each other; or that nothing is shown."""
    first, *others = curves
    stalled = sorted(size for size, point in curves[first].items() if point.stalls > 0)
    if not stalled:
        return [f"Nothing was shown: with `{first}` no burst of up to {max(curves[first])} MiB stalled."]
    said = [f"With `{first}`, bursts stall from {stalled[0]} MiB on."]
    for name in others:
        good, beyond = helps_up_to(curves, name, aim)
        gap = gaps[name] / MIB
        if beyond is None:
            reach = f"up to {good} MiB, which is the largest burst tried"
        elif good is None or good < stalled[0]:  # below that there is nothing to win
            reach = f"at no size, and already not at {beyond} MiB"
        else:
            reach = f"up to {good} MiB, and no longer at {beyond} MiB"
        if beyond is not None and beyond <= gap:
            verdict = "missed"
        else:
            verdict = "holds" if stalled[0] <= gap else f"not shown, since no such burst stalls with `{first}`"
        said.append(
            f"- `{name}`, whose gap is {gap:.0f} MiB here: at most {aim:g} of the stalls {reach}; "
            f"wanted up to its gap: {verdict}."
        )
    return said


def settings_table(configurations: Mapping[str, Mapping[str, str]], gaps: Mapping[str, int]) -> str:
    names = list(configurations)
    lines = [("", *names), ("---", *("--:" for _name in names))]
    lines += [
        (f"`vm.{one}`", *(configurations[name][one] for name in names)) for one in next(iter(configurations.values()))
    ]
    lines.append(("gap between the marks", *(f"{gaps[name] / MIB:.1f} MiB" for name in names)))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(half: Half, gaps: Mapping[str, int], aim: float) -> Sequence[str]:
    """How many bursts there were, the picture, the verdict and the table."""
    began, *others = verdict(half.curves, gaps, aim)
    picture = f"\n![stalls by size of burst]({half.picture})\n"
    return [half.words(), picture, began, "", *others, "", table(half.curves)]


PREFACE = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `make bench-stalls`. -->
# What the watermarks buy

A program that asks for memory gets it at once while more is free than the low mark. Below that, the kernel's background
reclaim wakes up; below the min mark, the program has to reclaim memory itself before it goes on: an allocation stall.
So a burst of allocation as large as the distance between low and min goes by without one, however slow reclaim is,
and a larger one does if reclaim keeps up with the rest of it. The kernel makes that distance 0.1 % of memory, or a
quarter of min; the profiles of role `vm_tuning` widen it.
"""


def page(
    where: str,
    configurations: Mapping[str, Mapping[str, str]],
    gaps: Mapping[str, int],
    halves: Sequence[Half],
    aim: float,
    words: Mapping[str, str],
) -> str:
    """The whole of docs/stalls.md.

    halves: bursts of pages and of large pieces, or only the first; words: what is said of `turns`, `pages`, `order-3`
    and `honest`.
    """
    pieces = section(halves[1], gaps, aim) if len(halves) > 1 else ["\nNot measured: it broke off before the end."]
    return "\n".join(
        [
            PREFACE,
            "```console\n$ make bench-stalls\n```\n",
            f"{where}.\n",
            settings_table(configurations, gaps),
            "",
            words["turns"],
            "\n## Bursts where memory is full\n",
            words["pages"],
            *section(halves[0], gaps, aim),
            "\n## Large pieces after fragmentation\n",
            words["order-3"],
            *pieces,
            "\n## What was tried and shows less\n",
            words["honest"],
            "",
        ]
    )
