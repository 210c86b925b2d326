# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that takes long is done in slices: a module works for some seconds, says how far it is, and is called again.

A module cannot speak while it runs. Its action plugin (plugins/plugin_utils/slices.py) prints the progress between the
calls. Where a call stops is a state like any other: the next one observes it, plans what is left and goes on.
"""

from __future__ import annotations

import time
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Stopped
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

# What takes less than this many seconds more is finished: another call would take about as long.
WORTH_A_CALL = 5.0

# What was observed more seconds ago than this is observed again before a step that rests on it.
STALE = 2.0

# Options of a module that works in slices, beside its own; documented in doc_fragments/slices.py.
SLICE_OPTIONS: dict[str, dict[str, Any]] = {
    "slice": {
        "type": "dict",
        "options": {
            "seconds": {"type": "float", "required": True},
            "run": {"type": "str", "required": True},
            "resume": {"type": "dict"},
        },
    },
}


class Slice(NamedTuple):
    """How long a call may work. run: names the calls that belong together; end: on the monotonic clock, None for no
    end (whoever calls the module without its action plugin gets all in one call); resume: what the call before this
    one put into ``resume`` of its progress, where what is left cannot be told from the host.
    """

    run: str = ""
    end: Optional[float] = None
    resume: Optional[dict[str, Any]] = None

    @staticmethod
    def asked(params: dict[str, Any]) -> Slice:
        """The slice of a call, from the options of its module."""
        found = params.get("slice")
        return Slice(found["run"], time.monotonic() + found["seconds"], found.get("resume")) if found else Slice()

    def is_over(self, left: float = 0.0) -> bool:
        """Whether work of which so many seconds are left is to be put down now."""
        return self.end is not None and left >= WORTH_A_CALL and time.monotonic() >= self.end


class Signals:
    """What becomes of a signal that means the run: it is raised as Stopped, and by then all others are ignored.

    At once, or while held (``with SIGNALS:``) where the work can be put down: between two steps, at a Meter, in the
    course of a command that can be ended. Anywhere else there is no telling what of a step was done by then.
    """

    def __init__(self) -> None:
        self._held = 0
        self._came: Optional[Stopped] = None
        self.ends_command = False

    def __enter__(self) -> None:
        self._held += 1

    def __exit__(self, *_error: object) -> None:
        self._held -= 1

    def came(self, name: str) -> None:
        """A signal has come: raises Stopped, or has check() raise it."""
        self.wait(Stopped("stopped by %s" % name, reason="stopped"))
        if not self._held:
            self.check()

    def wait(self, stopped: Stopped) -> None:
        """Have check() raise it, since the work cannot be put down here."""
        self._came = stopped

    def check(self) -> None:
        """To be called where the work can be put down; raises Stopped, once, where a signal has come."""
        stopped, self._came = self._came, None
        if stopped is not None:
            raise stopped


# Signals are the process's, and so is what has come of them.
SIGNALS = Signals()


class Progress(NamedTuple):
    """How far a work is.

    work: in words ("writing /swapfile"); done, total: bytes; rate: bytes a second, of this call.
    """

    work: str
    done: int
    total: int
    rate: float


class Unfinished(Exception):
    """Raised by an action whose slice is over: what it has done stays as it is, for the next call to go on from.

    steps: those of the plan that were carried out before it; filled in by apply().
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress.work)
        self.progress = progress
        self.steps: tuple[Any, ...] = ()


class Meter:
    """Measures a work within one call, and puts it down where the slice is over."""

    def __init__(self, slice_: Slice, work: str, done: int, total: int) -> None:
        self._slice = slice_
        self._work = work
        self._total = total
        self._began_with = done
        self._began = time.monotonic()

    def reached(self, done: int) -> None:
        """To be called where the work could stop; raises Unfinished where it is to, Stopped for a signal."""
        SIGNALS.check()
        if self._slice.end is None:
            return
        rate = (done - self._began_with) / max(time.monotonic() - self._began, 1e-6)
        if rate > 0 and self._slice.is_over((self._total - done) / rate):
            raise Unfinished(Progress(self._work, done, self._total, rate))

    def look_again(self) -> None:
        """To be called once the work is done, where what comes next rests on figures that may have changed meanwhile:
        raises Unfinished, so that the next call takes them anew, where it took long.
        """
        seconds = time.monotonic() - self._began
        if self._slice.end is not None and seconds > STALE:
            rate = (self._total - self._began_with) / seconds
            raise Unfinished(Progress(self._work, self._total, self._total, rate))
