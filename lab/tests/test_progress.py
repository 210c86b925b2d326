# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What is shown while the lab works."""

from __future__ import annotations

import io

import pytest

from lab.progress import Board


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("lab.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    board = Board(stream)
    job = board.start("machine 1 of 2 · trixie")
    job.stage("booting")
    for second in range(32):
        now[0] = float(second)
        board.tick()
    job.stage("booting")
    board.finish(job, "ready")
    assert stream.getvalue().splitlines() == [
        "machine 1 of 2 · trixie · booting…",
        "machine 1 of 2 · trixie · booting 16 s…",
        "machine 1 of 2 · trixie · ready · 31.0 s",
    ]


def test_refreshed_in_place_on_a_terminal() -> None:
    stream = Terminal()
    board = Board(stream)
    first, second = board.start("one"), board.start("two")
    first.stage("booting")
    board.finish(first, "ready")
    second.note("panicked; trying again")
    assert "\x1b[2A\x1b[Jone · ready · 0.0 s\ntwo · waiting 0 s…\n" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[1A\x1b[Jtwo · panicked; trying again\ntwo · waiting 0 s…\n")
