# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What the memory that a program can fill is measured by."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from bench import zram
from bench.figures import Figure
from bench.machine import Bench
from bench.zram import Filled
from lab.errors import LabError

NONE = Filled(400, 1.0, 0)


@pytest.fixture
def rows() -> dict[tuple[str, str], Figure]:
    """R is 400 MiB and D 1000 MiB: full at 3:1, where 2:1 fills memory before the device and 1:1 gains nothing."""
    found = {0: [NONE], 3: [Filled(1000, 3.0, 1000)], 2: [Filled(760, 2.0, 1000)], 1: [Filled(370, 1.0, 1000)]}
    return {(row.ours, row.theirs): row for row in zram.figures(found)}


def bounds(rows: dict[tuple[str, str], Figure], ratio: int) -> dict[str, tuple[float, float | None]]:
    return {
        theirs.partition(",")[0]: (row.their_seconds[0], row.at_least)
        for (ours, theirs), row in rows.items()
        if ours == f"zram, pages {ratio}:1"
    }


def test_the_device_bounds_what_compresses_well(rows: dict[tuple[str, str], Figure]) -> None:
    assert bounds(rows, 3) == {"R + D · (1 - 1/c)": (pytest.approx(400 + 1000 * 2 / 3), 0.9), "no swap": (400.0, 0.95)}


def test_memory_bounds_what_would_need_more_of_it_and_both_are_shown(rows: dict[tuple[str, str], Figure]) -> None:
    assert bounds(rows, 2) == {"c · R": (800.0, 0.9), "R + D · (1 - 1/c)": (900.0, None), "no swap": (400.0, 0.95)}


def test_what_does_not_compress_may_cost_little(rows: dict[tuple[str, str], Figure]) -> None:
    assert bounds(rows, 1) == {"R + D · (1 - 1/c)": (400.0, 0.9), "no swap": (400.0, 0.95)}
    assert [rows["zram, pages 1:1", theirs].holds for theirs in ("R + D · (1 - 1/c), 1:1", "no swap")] == [True, False]


def test_what_is_told_is_the_failure_itself_and_no_other_series_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machines are made up, since no lab can be had to fail on time. Fails where the series that was put down
    because of a failure is told of in its place.
    """
    ended, failed = threading.Event(), threading.Event()

    def fill(it: int, _ratio: int, before: list[Filled]) -> Filled:
        if it == 2:
            failed.set()
            raise LabError("of 48 MiB, not all came back")
        assert not before, "a series went on"
        assert failed.wait(10)
        time.sleep(0.5)  # for the failure to be noted
        ended.set()
        return NONE

    monkeypatch.setattr(zram, "with_zram", lambda bench: int(bench.name[-1]))
    monkeypatch.setattr(zram, "fill", fill)
    with pytest.raises(LabError, match="of 48 MiB, not all came back"):
        zram.measure(Bench(tmp_path), lambda _line: None)
    assert ended.is_set()
