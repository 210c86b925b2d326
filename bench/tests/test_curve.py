# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Fails where the page would say that a profile helps where it does not, or draw what was not measured."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Optional

import pytest

from bench import curve
from bench.curve import Point


def curves(**stalls: list[float]) -> curve.Curves:
    return {
        name: {8 * 2**n: Point(s, 0, 0.5, 0.25, 1, 2, 0, 4) for n, s in enumerate(line)}
        for name, line in stalls.items()
    }


@pytest.mark.parametrize(
    ("first", "other", "expected"),
    [
        ([0, 10, 100, 100], [0, 1, 10, 11], (32, 64)),
        ([0, 10, 100, 100], [0, 0, 0, 0], (64, None)),
        ([10, 10, 10, 10], [9, 0, 0, 0], (None, 8)),
        ([0, 0, 0, 9], [1, 0, 0, 0], (None, 8)),  # where there is nothing to win it must not lose
    ],
)
def test_how_far_it_helps(
    first: list[float], other: list[float], expected: tuple[Optional[int], Optional[int]]
) -> None:
    assert curve.helps_up_to(curves(defaults=first, server=other), "server", 0.1) == expected


def test_the_picture_is_a_picture_with_all_curves_and_gaps() -> None:
    drawn = ElementTree.fromstring(
        curve.picture(curves(defaults=[0, 5], server=[0, 1]), {"defaults": 4 * 2**20, "server": 900 * 2**20}, "Stalls")
    )
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    words = " ".join(drawn.itertext())
    assert "defaults: gap 4 MiB" in words
    assert "server: gap 900 MiB" in words


def test_the_table_has_a_row_for_each_size_and_configuration() -> None:
    table = curve.table(curves(defaults=[0, 5], server=[0, 1]))
    assert table.count("\n") == 5
    assert "| 16 MiB | server | 1.0 | 0.0 | 0.50 ms | 0.25 ms | 1.00 ms | 2.00 ms | 0.0 | 4.0 MiB |" in table


GAPS = {"defaults": 16 * 2**20, "server": 33 * 2**20}


@pytest.mark.parametrize(
    ("first", "other", "expected"),
    [
        ([0, 10, 100, 100], [0, 1, 10, 11], "up to 32 MiB, and no longer at 64 MiB; wanted up to its gap: holds."),
        ([0, 10, 100, 100], [0, 2, 10, 11], "at no size, and already not at 16 MiB; wanted up to its gap: missed."),
        ([0, 10, 100, 100], [0, 1, 11, 11], "up to 16 MiB, and no longer at 32 MiB; wanted up to its gap: missed."),
        (
            [0, 10, 100, 100],
            [0, 0, 0, 0],
            "up to 64 MiB, which is the largest burst tried; wanted up to its gap: holds.",
        ),
        ([0, 0, 0, 9], [0, 0, 0, 0], "wanted up to its gap: not shown, since no such burst stalls with `defaults`."),
        ([0, 0, 10, 10], [3, 0, 0, 0], "at no size, and already not at 8 MiB; wanted up to its gap: missed."),
    ],
)
def test_the_verdict_is_on_bursts_up_to_the_gap(first: list[float], other: list[float], expected: str) -> None:
    began, sentence = curve.verdict(curves(defaults=first, server=other), GAPS, 0.1)
    stalls_from = 8 * 2 ** next(at for at, stalls in enumerate(first) if stalls)
    assert began == f"With `defaults`, bursts stall from {stalls_from} MiB on."
    assert sentence.endswith(expected)


def test_where_nothing_stalls_nothing_is_shown() -> None:
    assert curve.verdict(curves(defaults=[0, 0], server=[0, 0]), GAPS, 0.1) == [
        "Nothing was shown: with `defaults` no burst of up to 16 MiB stalled."
    ]


@pytest.mark.parametrize(
    ("most", "step"), [(0, 0.25), (1, 0.25), (3.7, 1), (530, 200), (400, 100), (470, 200), (990, 250)]
)
def test_the_scale_has_round_numbers_and_holds_all(most: float, step: float) -> None:
    assert curve.round_step(most) == pytest.approx(step)
