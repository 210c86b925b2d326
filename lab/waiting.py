# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Waits that are bounded and that Ctrl-C ends.

A signal only sets a flag; every wait looks at it. So nothing is ever interrupted between two steps that belong
together, such as starting a process and writing down its id.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import Callable, Iterator, TypeVar

from lab.errors import LabError, Stopped

T = TypeVar("T")

STOP = threading.Event()


def listen_to_signals() -> None:
    """Makes Ctrl-C, SIGTERM and a closed terminal end the tool in good order."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: STOP.set())


def pause(seconds: float) -> None:
    """Sleeps, or raises Stopped."""
    if STOP.wait(seconds):
        raise Stopped


def ticks(timeout: float, every: float = 0.1) -> Iterator[float]:
    """Yields the seconds passed, again and again, until the time is up."""
    start = time.monotonic()
    passed = 0.0
    while passed < timeout:
        yield passed
        pause(every)
        passed = time.monotonic() - start


def retried(attempts: int, note: Callable[[str], None], work: Callable[[int], T]) -> T:
    """Does work that depends on infrastructure up to so many times; each failure but the last is only noted."""
    for attempt in range(1, attempts):
        try:
            return work(attempt)
        except LabError as error:
            note(f"{error}; trying again")
            pause(1)
    return work(attempts)
