# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Figures and how they read: pure functions from measured seconds to text."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple, Optional


class Figure(NamedTuple):
    """Two things measured side by side, in turns; seconds each."""

    ours: str
    theirs: str
    seconds: tuple[float, ...]
    their_seconds: tuple[float, ...]
    at_most: Optional[float] = None  # of the ratio

    @property
    def ratio(self) -> float:
        return statistics.median(self.seconds) / statistics.median(self.their_seconds)

    @property
    def holds(self) -> bool:
        return self.at_most is None or self.ratio <= self.at_most


class Chapter(NamedTuple):
    """What one file of the benchmark found."""

    title: str
    text: str
    figures: Sequence[Figure]


HEADINGS = ("measured", "against", "median", "median", "ratio", "at most", "")


def cells(figure: Figure) -> tuple[str, ...]:
    """One row of a table."""
    bound = "" if figure.at_most is None else f"{figure.at_most:g}"
    verdict = "" if figure.at_most is None else "holds" if figure.holds else "DOES NOT HOLD"
    medians = (f"{statistics.median(times):.2f} s" for times in (figure.seconds, figure.their_seconds))
    return (figure.ours, figure.theirs, *medians, f"{figure.ratio:.2f}", bound, verdict)


def aligned(figures: Sequence[Figure]) -> str:
    """For the terminal."""
    rows = [HEADINGS, *map(cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in padded)


PREFACE = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `make bench`. -->
# Benchmarks

Ratios of medians, measured in turns in one run on one machine. The seconds are those of that machine, for the ratios'
sake, and mean little by themselves.
"""


def markdown(chapters: Sequence[Chapter], conditions: Sequence[tuple[str, str]], command: str) -> str:
    """The whole of docs/benchmarks.md."""
    lines = [PREFACE, "```console", f"$ {command}", "```", "", "| where | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in conditions]
    for chapter in chapters:
        lines += ["", f"## {chapter.title}", "", chapter.text, ""]
        lines += [f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
        lines += [f"| {' | '.join(cells(figure))} |" for figure in chapter.figures]
        lines += ["", "Every single time, in seconds, in the order of the runs:", ""]
        lines += [f"- {name}: {', '.join(f'{time:.2f}' for time in times)}" for name, times in singles(chapter.figures)]
    return "\n".join(lines) + "\n"


def singles(figures: Sequence[Figure]) -> Sequence[tuple[str, tuple[float, ...]]]:
    """Each series once, though several figures may share it."""
    series: dict[str, tuple[float, ...]] = {}
    for figure in figures:
        series[figure.ours] = figure.seconds
        series[figure.theirs] = figure.their_seconds
    return list(series.items())
