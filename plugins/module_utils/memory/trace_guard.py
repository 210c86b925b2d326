# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who takes an instance of tracefs away when its process is killed: a trace is made where memory is short, and there
the kernel kills. What is left behind would go on counting, and hold its buffers, until the next trace or boot.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Callable, Iterator

_ANSWERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # by the process itself, which then goes on to its end
_PATIENCE, _TURN = 60.0, 0.02  # seconds


@contextlib.contextmanager
def guarded(take_away: Callable[[], None]) -> Iterator[None]:
    """While this lasts, a second process waits; where this one ends before, it calls take_away.

    Where there is no memory for a second process, the trace goes on without.
    """
    first = os.getpid()
    reader, writer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        pid = None
    if pid == 0:
        _wait(first, reader, writer, take_away)
    try:
        yield
    finally:
        if pid:
            os.write(writer, b"done")
            os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)


def _wait(first: int, reader: int, writer: int, take_away: Callable[[], None]) -> None:
    """The second process, to its end. It has nothing open that somebody could wait for, and no terminal's signals."""
    try:
        os.setsid()
        for number in _ANSWERED:
            signal.signal(number, signal.SIG_IGN)
        os.close(writer)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        if not os.read(reader, 1):  # the other end is closed
            _wait_for_the_end(first)
            take_away()
    finally:
        os._exit(0)


def _wait_for_the_end(first: int) -> None:
    """A process that is killed closes its files one by one, and is our parent no more when it has closed the last."""
    end = time.monotonic() + _PATIENCE
    while os.getppid() == first and time.monotonic() < end:
        time.sleep(_TURN)
