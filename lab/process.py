# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Processes: run one to its end, or know one again later and end it.

A process id alone may have been given to another process since, so a process is known by its id together with
the time it started and the boot of the machine it runs on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Mapping, NamedTuple, Optional, Sequence

from lab.errors import LabError, Stopped, tail
from lab.waiting import ticks


class Identity(NamedTuple):
    """One process, and no other that may have its id later."""

    pid: int
    started: int  # clock ticks since the boot
    boot: str

    @classmethod
    def of(cls, pid: int) -> Optional[Identity]:
        """The identity of a process that runs now; None when there is none (a zombie runs no more)."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        if fields[0] in "ZX":
            return None
        return cls(pid, int(fields[19]), boot_id())

    @property
    def alive(self) -> bool:
        return Identity.of(self.pid) == self

    def end(self, number: signal.Signals = signal.SIGTERM, patience: float = 5) -> None:
        """Ends this process, and returns when it is gone."""
        for attempt in (number, signal.SIGKILL):
            if not self.alive:
                return
            try:
                os.kill(self.pid, attempt)
            except ProcessLookupError:
                return
            # Not a wait that Ctrl-C may cut short: it is part of cleaning up.
            deadline = time.monotonic() + patience
            while self.alive and time.monotonic() < deadline:
                reap(self.pid)
                time.sleep(0.01)
        if self.alive:
            raise LabError(f"process {self.pid} does not end, not even by SIGKILL")


def boot_id() -> str:
    """The boot of this machine that we live in."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def reap(pid: int) -> None:
    """Collects a child that has ended; anything else is left alone."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def run(
    argv: Sequence[str],
    *,
    log: Path,
    timeout: float,
    env: Optional[Mapping[str, str]] = None,
    watch: Optional[Callable[[str], None]] = None,
) -> str:
    """Runs a program to its end and returns what it printed, which is kept in `log` too.

    It has a process group of its own, so that the terminal's Ctrl-C reaches only us and we end it in good order.
    `watch` is shown the last line every now and then.
    """
    environment = {**os.environ, "PATH": search_path(), "LC_ALL": "C.UTF-8", **(env or {})}
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        for _passed in ticks(timeout):
            if child.poll() is not None:
                break
            if watch:
                watch(last_line(log))
        else:
            raise LabError(f"{argv[0]} did not end within {timeout:.0f} s", tail(read(log)))
    except (LabError, Stopped):
        end_group(child)
        raise
    if child.returncode:
        raise LabError(f"{argv[0]} failed with exit code {child.returncode}", tail(read(log)))
    return read(log)


def search_path() -> str:
    """Where programs are looked for: a normal user's path lacks those for administrators."""
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def end_group(child: subprocess.Popen[bytes], patience: float = 10) -> None:
    """Ends a program and its children: asks first, so that it removes its temporary files and mounts."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def read(path: Path) -> str:
    """The text of a log that may hold any bytes, or nothing when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def last_line(log: Path) -> str:
    """The last whole line of a log that is being written."""
    lines = read(log).rpartition("\n")[0].splitlines()
    return lines[-1] if lines else ""
