# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second process of a trace, with a folder for its instance. Fails where the folder stays when the first process is
killed, where the second goes before its time, keeps somebody waiting, or is left behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.memory import trace_guard
from ansible_collections.highwater.memory.plugins.module_utils.memory.trace_guard import guarded

PATIENCE = 20.0  # seconds


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]


def has_begun(second: int) -> bool:
    """Whether it has put away what it had of the first."""
    return os.readlink("/proc/%d/fd/2" % second) == os.devnull


@contextlib.contextmanager
def process(work: Callable[[], None]):
    """One that does the work; gives its number. It is gone at the end, and waited for."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_killed(tmp_path: Path, told: int) -> None:
    """The second one, too, is told by what the first was told before, and does not heed it."""
    folder = tmp_path / "instance"

    def trace() -> None:
        with guarded(folder.rmdir):
            folder.mkdir()
            signal.pause()

    with process(trace) as pid:
        until(folder.exists, "no instance")
        (second,) = children(pid)
        until(lambda: has_begun(second), "the second has not begun")
        os.kill(second, told)
        assert os.getsid(second) == second, "who ends the session would end both"
        time.sleep(0.05)
        assert folder.exists(), "it went while its process lived"
        assert children(pid) == [second]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not folder.exists(), "the instance stays")


def test_not_before_the_first_has_closed_all(tmp_path: Path) -> None:
    """The kernel keeps an instance whose pipe is open, and a process that is killed closes its files one by one. Fails
    where the second begins when the first has closed what is between the two, and not yet all.
    """
    folder, closed = tmp_path / "instance", tmp_path / "closed"

    def trace() -> None:
        with guarded(folder.rmdir):
            folder.mkdir()
            os.closerange(3, 1000)
            closed.touch()
            signal.pause()

    with process(trace) as pid:
        until(closed.exists, "nothing is closed")
        time.sleep(0.3)
        assert folder.exists(), "it went while its process lived"
        os.kill(pid, signal.SIGKILL)
        until(lambda: not folder.exists(), "the instance stays")


def test_a_process_that_ends_by_itself(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    before = sorted(os.listdir("/proc/self/fd"))
    with guarded(calls.touch):
        pass
    assert not calls.exists(), "it is taken away by who made it"
    assert sorted(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_nobody_waits_for_the_second(tmp_path: Path) -> None:
    """Whoever reads what the first prints has it all when the first is gone: fails where the second holds the pipe."""
    reader, writer = os.pipe()

    def trace() -> None:
        os.dup2(writer, 1)
        os.close(writer)
        with guarded(lambda: time.sleep(PATIENCE)):
            os.write(1, b"x")
            signal.pause()

    with process(trace) as pid:
        os.close(writer)
        assert os.read(reader, 1) == b"x"
        (second,) = children(pid)
        until(lambda: has_begun(second), "the second has not begun")
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        assert os.read(reader, 1) == b""
        assert time.monotonic() - began < PATIENCE / 2
        os.kill(second, signal.SIGKILL)
    os.close(reader)


def test_what_is_wrong_inside_comes_out(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), guarded((tmp_path / "x").touch):
        raise ZeroDivisionError
    assert not (tmp_path / "x").exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_where_there_is_no_memory_for_a_second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No process can be made to fail so; os.fork is a stand-in. Fails where the trace ends because of it."""

    def refuse() -> int:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(trace_guard.os, "fork", refuse)
    before = sorted(os.listdir("/proc/self/fd"))
    with guarded((tmp_path / "x").touch):
        pass
    assert not (tmp_path / "x").exists()
    assert sorted(os.listdir("/proc/self/fd")) == before
