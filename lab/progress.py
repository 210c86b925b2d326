# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Says what is being done: a line that is refreshed in place on a terminal, plain lines elsewhere.

All of it goes to standard error; standard output is for what a command was asked for.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TextIO

QUIET_SECONDS = 15.0  # without a terminal: how often a stage that lasts is mentioned again


class Job:
    """One machine or image that is being worked on."""

    def __init__(self, board: Board, label: str) -> None:
        self.board = board
        self.label = label
        self.name = "waiting"
        self.detail = ""
        self.began = self.since = time.monotonic()

    def stage(self, name: str) -> None:
        """Says what is being done from now on; the same name again changes nothing."""
        if name != self.name:
            self.name = name
            self.detail = ""
            self.since = time.monotonic()
            self.board.changed(self)

    def note(self, text: str) -> None:
        """Says something that stays on the screen."""
        with self.board.lock:
            self.board.erase()
            self.board.say(f"{self.label} · {text}")
            self.board.draw()

    def progress(self, text: str) -> None:
        """Says how far the stage is; shown the next time that the line is."""
        self.detail = f" · {text} ·"

    def line(self) -> str:
        return f"{self.label} · {self.name}{self.detail} {time.monotonic() - self.since:.0f} s…"


class Board:
    """The lines of all jobs that are under way."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self.lock = threading.Lock()
        self.jobs: list[Job] = []
        self.drawn = 0
        self.said = time.monotonic()

    def start(self, label: str) -> Job:
        with self.lock:
            self.jobs.append(Job(self, label))
            return self.jobs[-1]

    def changed(self, job: Job) -> None:
        """A job has come to another stage."""
        if self.live:
            self.tick()
        else:
            with self.lock:
                self.say(f"{job.label} · {job.name}…")

    def finish(self, job: Job, outcome: str) -> None:
        """Leaves a last line for a job, with the time that it took."""
        with self.lock:
            self.erase()
            self.jobs.remove(job)
            self.say(f"{job.label} · {outcome} · {time.monotonic() - job.began:.1f} s")
            self.draw()

    def tick(self) -> None:
        """Brings the display up to date; to be called several times a second."""
        with self.lock:
            if self.live:
                self.erase()
                self.draw()
            elif time.monotonic() - self.said > QUIET_SECONDS:
                for job in self.jobs:
                    self.say(job.line())

    def close(self) -> None:
        with self.lock:
            self.erase()

    def say(self, line: str) -> None:
        self.stream.write(line + "\n")
        self.stream.flush()
        self.said = time.monotonic()

    def draw(self) -> None:
        if self.live and self.jobs:
            width = shutil.get_terminal_size().columns - 1
            for job in self.jobs:
                self.stream.write(job.line()[:width] + "\n")
            self.drawn = len(self.jobs)
            self.stream.flush()

    def erase(self) -> None:
        if self.drawn:
            self.stream.write(f"\x1b[{self.drawn}A\x1b[J")
            self.drawn = 0
