# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Ratios, verdicts and the page that is made of them."""

from __future__ import annotations

from bench.figures import Chapter, Figure, aligned, cells, markdown, updated

GOOD = Figure("site.yml", "neighbours", (8.0, 9.0, 70.0), (90.0, 60.0, 61.0), 0.17)
BAD = Figure("site.yml", "ping", (8.0, 9.0, 70.0), (2.0, 2.0, 2.0), 3.5)
FREE = Figure("sysctl", "ping", (3.0,), (2.0,))


def test_what_may_never_be_more_is_judged_by_its_worst_run() -> None:
    """By medians, two runs of five could take any amount of the disk."""
    figure = Figure("ours", "theirs", (1.0, 1.0, 9.0), (2.0, 2.0, 3.0), at_most=1, unit="MiB", worst=True)
    assert figure.ratio == 4.5
    assert not figure.holds
    assert cells(figure)[2:5] == ("9.00 MiB (largest)", "2.00 MiB (smallest)", "4.50")
    assert figure._replace(seconds=(1.0, 2.0, 1.0)).holds


def test_a_ratio_is_of_medians_so_that_one_slow_run_does_not_decide() -> None:
    assert GOOD.ratio == 9.0 / 61.0


def test_bounds() -> None:
    assert [GOOD.holds, BAD.holds, FREE.holds] == [True, False, True]
    assert GOOD._replace(at_most=GOOD.ratio).holds
    assert BAD._replace(at_most=None, at_least=4.5).holds
    assert not BAD._replace(at_most=None, at_least=4.6).holds
    assert not BAD._replace(at_most=4.4, at_least=1.0).holds


def test_the_terminal_says_what_does_not_hold() -> None:
    _headings, good, bad, free = aligned([GOOD, BAD, FREE]).splitlines()
    assert good.endswith("at most 0.17  holds")
    assert bad.endswith("4.50   at most 3.5   DOES NOT HOLD")
    assert free.endswith("1.50")


def test_a_chapter_has_its_conditions_and_every_single_time_once() -> None:
    text = markdown(Chapter("Title", "Text.", (GOOD, BAD)), [("date", "2026-01-01")])
    assert "- date: 2026-01-01" in text
    assert "| site.yml | neighbours | 9.00 s | 61.00 s | 0.15 | at most 0.17 | holds |" in text
    assert text.count("- site.yml: 8.00, 9.00, 70.00") == 1


def test_a_chapter_takes_its_own_place_on_the_page_and_no_other() -> None:
    page, titles = "", ["One", "Two"]
    for title, figure in (("Two", GOOD), ("One", BAD), ("Gone", FREE)):
        page = updated(page, [*titles, "Gone"], Chapter(title, "Text.", (figure,)), [("date", "yesterday")])
    before = page.split("## Two")[1].split("## Gone")[0]
    page = updated(page, titles, Chapter("One", "New.", (FREE,)), [("date", "today")])
    assert page.count("# Benchmarks") == 1
    assert page.split("## Two")[1] == before.rstrip() + "\n"
    assert page.split("## Two")[0].count("New.") == page.split("## Two")[0].count("today") == 1
    assert "Gone" not in page
    assert "yesterday" not in page.split("## Two")[0]
