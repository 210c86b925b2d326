# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner behind `make test`, with small shell scripts for steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import check
import counts
import pytest
from steps import STEPS, Step


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    script = f"trap 'echo done > {tmp_path}/away; exit 1' INT; sleep 600 & echo $! > {tmp_path}/child; wait"
    began = time.monotonic()
    outcome = check.run(step(script, minutes=0.1), stream=True)
    assert outcome.problem == "ended because it took longer than 0.1 min"
    assert (tmp_path / "away").exists()
    assert time.monotonic() - began < 300
    assert not runs(int((tmp_path / "child").read_text()))


def test_steps_of_a_run_in_the_background_are_not_deaf() -> None:
    """`make test &` of a script begins with SIGINT ignored; it would take a step that inherits this to fail."""
    own = "import check, subprocess; check.heed_endings(); subprocess.run(['grep', 'SigIgn', '/proc/self/status'])"
    command = ["sh", "-c", f"trap '' INT; exec {sys.executable} -c \"{own}\""]
    done = subprocess.run(command, cwd=Path(check.__file__).parent, stdout=subprocess.PIPE, text=True, check=True)
    assert int(done.stdout.split()[1], 16) & (1 << (signal.SIGINT - 1)) == 0


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


def test_the_report_says_why_a_step_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """What a CI keeps is the end; fails where the reason stands in the log alone."""
    script = """echo 'fatal: [a]: FAILED! => {"assertion": "x == 1"}'; echo 4 passed, 1 failed in 0.1s; exit 2"""
    outcomes = [check.run(step(script), False)]
    capsys.readouterr()
    check.report(outcomes)
    out = capsys.readouterr().out
    assert '│ fatal: [a]: FAILED! => {"assertion": "x == 1"}' in out
    assert out.splitlines()[-1] == "4 passed, 1 failed"


def test_each_step_has_a_name_of_its_own() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_lanes_go_side_by_side_each_in_order(tmp_path: Path) -> None:
    """Two that wait for each other; fails where one lane comes after the other, or a step before one of its lane."""

    def meets(other: str, name: str) -> str:
        wait = (
            f"for i in $(seq 400); do test -e {tmp_path}/{other} && break; sleep 0.1; done; test -e {tmp_path}/{other}"
        )
        return f"touch {tmp_path}/{name} && {wait} && echo 1 passed in 0.1s"

    steps = [
        step(meets("b", "a"))._replace(name="a", lane="one"),
        step(meets("a", "b"))._replace(name="b", lane="two"),
        step(f"test -e {tmp_path}/b && echo 1 passed in 0.1s")._replace(name="c", lane="two"),
    ]
    outcomes = check.run_in_lanes(steps)
    assert [(outcome.step.name, outcome.problem) for outcome in outcomes] == [(one.name, "") for one in steps]


def test_a_run_that_takes_too_long_says_what_it_did_not_get_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fails where it goes on, where a step that was cut off or not begun is not a failure, or where the table fails."""
    monkeypatch.setattr(check, "STOP", threading.Event())
    steps = [
        step("echo 3 passed in 0.1s")._replace(name="a", lane="one"),
        step("sleep 600")._replace(name="b", lane="one"),
        step("echo 1 passed in 0.1s")._replace(name="c", lane="one"),
        step("echo 2 passed in 0.1s")._replace(name="d", lane="two"),
    ]
    outcomes = check.run_in_lanes(steps, minutes=0.02)
    assert [one.problem for one in outcomes] == ["", "was stopped", "was not begun", ""]
    check.report(outcomes)
    out = capsys.readouterr().out
    assert "c was not begun. To run it alone: make c" in out
    assert out.splitlines()[-1] == "5 passed, 2 failed"


def test_what_goes_by_time_is_left_out_late_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Fails where it runs late, where it counts for or against the whole, or where nobody is told; and early, where
    it does not run.
    """
    first, by_time = step("echo 3 passed in 0.1s")._replace(name="a"), step("exit 1")._replace(name="b")
    early = check.run_in_lanes([first, by_time._replace(if_time=True, minutes=1)], minutes=2)
    assert [one.result for one in early] == ["ok", "FAILED"]
    late = check.run_in_lanes([first, by_time._replace(if_time=True, minutes=2)], minutes=2)
    assert [one.result for one in late] == ["ok", "no time"]
    assert not any(one.problem for one in late)
    capsys.readouterr()
    check.report(late)
    out = capsys.readouterr().out
    assert "for want of time: make b runs it" in out
    assert out.splitlines()[-1] == "3 passed, 0 failed"


def test_what_goes_by_time_may_reach_its_bound_in_the_whole_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Fails where a slow computer is a failure, where it goes by unseen, or where a test that failed is forgiven."""
    slow = step("echo began; sleep 600", minutes=0.02)._replace(name="a", if_time=True)
    failing = slow._replace(name="b", command=("sh", "-c", "echo 1 failed in 0.1s; sleep 600"))
    outcomes = check.run_in_lanes([slow, failing, slow._replace(name="c", if_time=False)], minutes=2)
    assert [(one.result, one.counts.failed) for one in outcomes] == [("no time", 0), ("FAILED", 1), ("FAILED", 1)]
    assert outcomes[0].seconds > 1
    capsys.readouterr()
    check.report(outcomes)
    assert "for want of time: make a runs it" in capsys.readouterr().out
    assert check.run(slow, stream=True).problem == "ended because it took longer than 0.02 min"
