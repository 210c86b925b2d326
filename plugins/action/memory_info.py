# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module memory_info; where it is to watch for long, lines on the terminal tell how much of that time is left.

Unlike other long work a sample is not cut into slices, since what happens between two calls would not be seen. How far
it is can be told without asking: it is time that passes, by the clock of this process. The module itself begins a
moment later.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from ansible.utils.display import Display
from ansible_collections.highwater.memory.plugins.plugin_utils.slices import clock, slices
from ansible_collections.highwater.memory.plugins.plugin_utils.watched import WatchedAction

LONG = 10.0  # seconds
LONGEST = 3600.0  # what the module takes; it refuses more


class ActionModule(WatchedAction):
    def watched(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        with told(long_sample(self._task.args.get("sample")), task_vars["inventory_hostname"]):
            answer: dict[str, Any] = self._execute_module(task_vars=task_vars)
        return answer


def long_sample(sample: Any) -> float | None:
    """For how many seconds it watches; None where that is not worth a line, or the module will refuse it."""
    try:
        seconds = float(sample)
    except (TypeError, ValueError):
        return None
    return seconds if LONG < seconds <= LONGEST else None


@contextmanager
def told(seconds: float | None, host: str) -> Iterator[None]:
    """A line at the start and now and then, until what happens meanwhile is over; none where seconds is None."""
    if seconds is None:
        yield
        return

    def say(words: str) -> None:
        # Standard error reaches the terminal at once, and leaves what callbacks print alone.
        Display().display("%s: %s" % (host, words), stderr=True)

    over = threading.Event()
    teller = threading.Thread(target=tell, args=(say, seconds, over.wait), daemon=True)
    say("watching memory for %d s" % seconds)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def tell(
    say: Callable[[str], None],
    seconds: float,
    over: Callable[[float], bool],
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Say how far it is, as often as work in slices does, while there is time left.

    over: waits for so many seconds; true as soon as nobody wants to know any more. now: the time, in seconds.
    """
    began = now()
    for pause in slices():
        if over(pause) or now() - began >= seconds:
            return
        say(sentence(now() - began, seconds))


def sentence(passed: float, seconds: float) -> str:
    """Percent and time left."""
    return "watching memory: %d %%, %s left" % (passed * 100 // seconds, clock(round(seconds - passed)))
