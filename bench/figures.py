# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Figures and how they read: pure functions from measured seconds to text."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple, Optional


class Figure(NamedTuple):
    """Two things measured side by side, in turns; seconds each, or what `unit` says.

    worst: the largest value is set against the smallest of theirs: for what may never be more, in no run.
    """

    ours: str
    theirs: str
    seconds: tuple[float, ...]
    their_seconds: tuple[float, ...]
    at_most: Optional[float] = None  # of the ratio
    at_least: Optional[float] = None  # of it, too
    unit: str = "s"
    worst: bool = False

    @property
    def judged(self) -> tuple[float, float]:
        """Ours and theirs, as the ratio has them."""
        if self.worst:
            return max(self.seconds), min(self.their_seconds)
        return statistics.median(self.seconds), statistics.median(self.their_seconds)

    @property
    def ratio(self) -> float:
        ours, theirs = self.judged
        return ours / theirs

    @property
    def holds(self) -> bool:
        too_much = self.at_most is not None and self.ratio > self.at_most
        too_little = self.at_least is not None and self.ratio < self.at_least
        return not (too_much or too_little)

    @property
    def bound(self) -> str:
        """What is asked of the ratio, in words; empty for nothing."""
        bounds = (("at most", self.at_most), ("at least", self.at_least))
        return ", ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)


class Chapter(NamedTuple):
    """What one file of the benchmark found."""

    title: str
    text: str
    figures: Sequence[Figure]


HEADINGS = ("measured", "against", "median", "median", "ratio", "wanted", "")


def cells(figure: Figure) -> tuple[str, ...]:
    """One row of a table."""
    verdict = "" if not figure.bound else "holds" if figure.holds else "DOES NOT HOLD"
    which = (" (largest)", " (smallest)") if figure.worst else ("", "")
    judged = (f"{value:.2f} {figure.unit}{words}" for value, words in zip(figure.judged, which, strict=True))
    return (figure.ours, figure.theirs, *judged, f"{figure.ratio:.2f}", figure.bound, verdict)


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

Ratios of medians, measured in turns in one run on one machine; where a chapter was measured stands at its end. The
seconds are those of that machine, for the ratios' sake, and mean little by themselves.

```console
$ make bench                                # all of it
$ make bench CHAPTERS="settings swapfile"   # some
```
"""
HEADING = "\n## "


def updated(page: str, titles: Sequence[str], chapter: Chapter, conditions: Sequence[tuple[str, str]]) -> str:
    """docs/benchmarks.md with that chapter as it is now, and no more than these, in this order."""
    parts = {part.partition("\n")[0]: part for part in page.split(HEADING)[1:]}
    parts[chapter.title] = markdown(chapter, conditions)
    return PREFACE + "".join(f"{HEADING}{parts[title].rstrip()}\n" for title in titles if title in parts)


def markdown(chapter: Chapter, conditions: Sequence[tuple[str, str]]) -> str:
    """One chapter of it, without the signs of its heading."""
    lines = [chapter.title, "", chapter.text, ""]
    lines += [f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
    lines += [f"| {' | '.join(cells(figure))} |" for figure in chapter.figures]
    lines += ["", "Every single value, in the same units, in the order of the runs:", ""]
    lines += [f"- {name}: {', '.join(f'{time:.2f}' for time in times)}" for name, times in singles(chapter.figures)]
    lines += ["", "Measured:", "", *(f"- {name}: {value}" for name, value in conditions)]
    return "\n".join(lines) + "\n"


def singles(figures: Sequence[Figure]) -> Sequence[tuple[str, tuple[float, ...]]]:
    """Each series once, though several figures may share it."""
    series: dict[str, tuple[float, ...]] = {}
    for figure in figures:
        series[figure.ours] = figure.seconds
        series[figure.theirs] = figure.their_seconds
    return list(series.items())
