# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner behind `make test`, with small shell scripts for steps."""

from __future__ import annotations

import os
import time
from pathlib import Path

import check
import counts
import pytest
from steps import STEPS, Step


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PATIENCE", 2)
    monkeypatch.setattr(check, "LOGS", tmp_path)
    monkeypatch.setattr(check, "ROOT", tmp_path)


def step(script: str, minutes: float = 1) -> Step:
    return Step("units-x", ("sh", "-c", script), minutes, counts.pytest, dict(os.environ))


@pytest.mark.parametrize(
    ("script", "passed", "failed", "problem"),
    [
        ("echo 3 passed in 0.1s", 3, 0, ""),
        ("echo 3 passed in 0.1s; exit 2", 3, 1, "failed with exit code 2"),
        ("echo 3 passed, 2 failed in 0.1s; exit 1", 3, 2, "failed with exit code 1"),
        ("echo 1 passed, 1 failed in 0.1s", 1, 1, "failed"),
        ("true", 0, 1, "ran no test"),
        ("nonsense-nonsense", 0, 1, "failed with exit code 127"),
    ],
)
def test_outcome(script: str, passed: int, failed: int, problem: str) -> None:
    outcome = check.run(step(script), stream=False)
    assert (outcome.counts.passed, outcome.counts.failed, outcome.problem) == (passed, failed, problem)


def test_a_program_that_is_not_there() -> None:
    missing = step("")._replace(command=("/nonsense",))
    assert check.run(missing, stream=False).problem == "failed with exit code 127"


def test_a_step_that_takes_too_long_puts_away_what_it_made(tmp_path: Path) -> None:
    script = f"trap 'echo done > {tmp_path}/away; exit 1' INT; sleep 60 & echo $! > {tmp_path}/child; wait"
    began = time.monotonic()
    outcome = check.run(step(script, minutes=0.01), stream=True)
    assert outcome.problem == "ended because it took longer than 0.01 min"
    assert (tmp_path / "away").exists()
    assert time.monotonic() - began < 20
    assert not runs(int((tmp_path / "child").read_text()))


def runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_the_table_and_the_closing_line(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [check.run(step("echo 3 passed in 0.1s"), False), check.run(step("false"), False)]
    capsys.readouterr()
    check.report(outcomes)
    lines = capsys.readouterr().out.splitlines()
    assert "units-x failed with exit code 1. To run it alone: make units-x" in lines
    assert lines[-1] == "3 passed, 1 failed"


def test_each_step_has_a_name_of_its_own() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)
