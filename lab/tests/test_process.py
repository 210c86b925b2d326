# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Only processes that are known are ended, and waits end when they are told to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError, Stopped
from lab.process import Identity, run
from lab.waiting import STOP, pause, retried


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def identity_of(child: subprocess.Popen[bytes]) -> Identity:
    identity = Identity.of(child.pid)
    assert identity
    return identity


def test_a_process_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper)
    assert identity.alive
    identity.end()
    assert not identity.alive


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
def test_another_process_with_the_same_id_is_left_alone(
    sleeper: subprocess.Popen[bytes], change: dict[str, int | str]
) -> None:
    identity = identity_of(sleeper)._replace(**change)  # type: ignore[arg-type]
    assert not identity.alive
    identity.end()
    assert sleeper.poll() is None


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="exit code 3") as caught:
        run(["sh", "-c", "echo why; exit 3"], log=tmp_path / "log", timeout=10)
    assert caught.value.evidence == "why"


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(LabError, match=r"did not end within 5 s"):
        run(["sh", "-c", f"sleep 600 & echo $! > {pids}; wait"], log=tmp_path / "log", timeout=5)
    deadline = time.monotonic() + 60
    while Identity.of(int(pids.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Identity.of(int(pids.read_text())) is None


def test_a_stop_ends_what_runs(tmp_path: Path) -> None:
    STOP.set()
    try:
        with pytest.raises(Stopped):
            run(["sleep", "60"], log=tmp_path / "log", timeout=30)
        with pytest.raises(Stopped):
            pause(30)
    finally:
        STOP.clear()


def test_retries_note_each_failure_but_the_last() -> None:
    notes: list[str] = []

    def fail(attempt: int) -> None:
        raise LabError(f"attempt {attempt} failed")

    with pytest.raises(LabError, match="attempt 2 failed"):
        retried(2, notes.append, fail)
    assert notes == ["attempt 1 failed; trying again"]


def test_ctrl_c_is_one_line_and_130(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = (
        "import os, signal, lab.cli as cli, lab.commands as commands, lab.waiting as waiting\n"
        "def wait(chosen):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    commands.fleet.each('machine', ['one'], lambda name, job: waiting.pause(9), str)\n"
        "commands.wait = wait\n"
        "raise SystemExit(cli.main(['wait', 'one']))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(root), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stopped")
