# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""However a program ends that makes machines, they go, and its exit code says how it was."""

from __future__ import annotations

import pytest

from lab import program
from lab.errors import LabError, Stopped
from lab.waiting import STOP


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [(None, 7, ""), (Stopped(), 130, "stopped"), (LabError("it burns", "smoke"), 1, "smoke\nerror: it burns")],
)
def test_the_machines_go_and_the_exit_code_says_how_it_was(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception | None,
    code: int,
    says: str,
) -> None:
    gone: list[tuple[str, bool]] = []

    def work() -> int:
        STOP.set()
        if error:
            raise error
        return 7

    monkeypatch.setattr(program, "listen_to_signals", lambda: None)
    monkeypatch.setattr("lab.machine.down", lambda name: gone.append((name, STOP.is_set())))
    assert program.run(work, ["a", "b"]) == code
    assert gone == [("a", False), ("b", False)], "a wait to put them away is not cut short"
    assert says in capsys.readouterr().err
