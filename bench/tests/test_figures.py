# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Ratios, verdicts and the page that is made of them."""

from __future__ import annotations

from bench.figures import Chapter, Figure, aligned, markdown

GOOD = Figure("site.yml", "neighbours", (8.0, 9.0, 70.0), (90.0, 60.0, 61.0), 0.17)
BAD = Figure("site.yml", "ping", (8.0, 9.0, 70.0), (2.0, 2.0, 2.0), 3.5)
FREE = Figure("sysctl", "ping", (3.0,), (2.0,))


def test_a_ratio_is_of_medians_so_that_one_slow_run_does_not_decide() -> None:
    assert GOOD.ratio == 9.0 / 61.0


def test_bounds() -> None:
    assert [GOOD.holds, BAD.holds, FREE.holds] == [True, False, True]
    assert GOOD._replace(at_most=GOOD.ratio).holds


def test_the_terminal_says_what_does_not_hold() -> None:
    _headings, good, bad, free = aligned([GOOD, BAD, FREE]).splitlines()
    assert good.endswith("0.17     holds")
    assert bad.endswith("4.50   3.5      DOES NOT HOLD")
    assert free.endswith("1.50")


def test_the_page_has_conditions_command_and_every_single_time_once() -> None:
    page = markdown([Chapter("Title", "Text.", (GOOD, BAD))], [("date", "2026-01-01")], "make bench")
    assert "$ make bench" in page
    assert "| date | 2026-01-01 |" in page
    assert "| site.yml | neighbours | 9.00 s | 61.00 s | 0.15 | 0.17 | holds |" in page
    assert page.count("- site.yml: 8.00, 9.00, 70.00") == 1
