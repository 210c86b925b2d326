# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said on the terminal during a long look.

Fails where a short one is announced, a bad option breaks it, a long one is silent for more than half a minute, a line
tells other than how much of the time has passed, and where lines go on after the look.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.highwater.memory.plugins.action import memory_info
from ansible_collections.highwater.memory.plugins.action.memory_info import long_sample, tell, told


@pytest.mark.parametrize(
    ("sample", "seconds"),
    [
        (None, None),
        (0, None),
        (10, None),
        (10.5, 10.5),
        ("60", 60.0),
        (3600, 3600.0),
        (3601, None),
        ("a while", None),
        ("nan", None),
        ("inf", None),
        ([60], None),
    ],
)
def test_what_is_long(sample: Any, seconds: float | None) -> None:
    assert long_sample(sample) == seconds


class Clock:
    """Time that passes only where somebody waits, 0.25 s more than he meant to; at ``end`` the look is over."""

    def __init__(self, end: float) -> None:
        self.time, self.end = 1000.0, 1000.0 + end

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> bool:
        self.time = min(self.time + seconds + 0.25, self.end)
        return self.time >= self.end


def lines(seconds: float, end: float) -> list[str]:
    clock = Clock(end)
    said: list[str] = []
    tell(said.append, seconds, clock.wait, clock.now)
    return said


def test_how_far_it_is() -> None:
    assert lines(100.0, 103.0) == [
        "watching memory: 8 %, 0:01:32 left",
        "watching memory: 23 %, 0:01:16 left",
        "watching memory: 53 %, 0:00:46 left",
        "watching memory: 84 %, 0:00:16 left",
    ]


@pytest.mark.parametrize(("seconds", "end", "number"), [(3600.0, 3600.0, 120), (3600.0, 20.0, 1), (10.5, 12.0, 1)])
def test_how_often(seconds: float, end: float, number: int) -> None:
    """The first after eight seconds, the others at most half a minute apart; none once a run has failed early."""
    said = lines(seconds, end)
    assert len(said) == number
    assert all(int(line.split()[2]) < 100 and "0:00:00" not in line for line in said)


def test_lines_end_with_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """By real time and a real thread, in short turns; what a terminal shows is taken down instead."""
    said: list[str] = []

    class Terminal:
        def display(self, words: str, stderr: bool) -> None:
            assert stderr
            said.append(words)

    monkeypatch.setattr(memory_info, "Display", Terminal)
    monkeypatch.setattr(memory_info, "slices", lambda: iter([0.01, 0.01, 60.0]))
    before = threading.active_count()
    enough = threading.Event()
    with told(1000.0, "web1"):
        enough.wait(0.5)
    assert threading.active_count() == before
    line = "web1: watching memory: 0 %, 0:16:40 left"
    assert said == ["web1: watching memory for 1000 s", line, line]
    with told(None, "web1"):
        assert threading.active_count() == before
    assert len(said) == 3
