# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan is a tuple of steps, and a step is a value: what it does, why, and how it is taken back.

Actions are values too, so that a plan can be shown (check mode), carried out (apply) and written down as a
boot artefact (boot.py) without being made three times.
"""

from __future__ import annotations

import errno
import time
from typing import Any, Callable, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported, cause
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS, Slice, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

# How long udev may hold a block device that it is probing; it lets go within a second on a busy machine.
BUSY_PATIENCE = 10.0


class Write(NamedTuple):
    """A value into a file of /proc or /sys; with patience, EBUSY (udev is probing) is retried for so many seconds."""

    path: str
    value: str
    patience: float = 0.0

    def perform(self, host: Host) -> None:
        end = time.monotonic() + self.patience
        while True:
            try:
                return host.write_kernel(self.path, self.value)
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() >= end:
                    raise
            let_udev_finish(host, end - time.monotonic())
            time.sleep(0.1)


def let_udev_finish(host: Host, seconds: float) -> None:
    """Wait until udev has probed what has changed, where it runs, for so many seconds at most."""
    if host.exists("/run/udev/control"):
        host.run("udevadm", "settle", "--timeout=%d" % max(1, seconds), check=False)


class Run(NamedTuple):
    """A command, without a shell; timeout in seconds."""

    argv: tuple[str, ...]
    timeout: float = 120.0

    def perform(self, host: Host) -> None:
        host.run(*self.argv, timeout=self.timeout)


class Install(NamedTuple):
    """A text file, replaced atomically; mode counts for a new one."""

    path: str
    text: str
    mode: int = 0o644

    def perform(self, host: Host) -> None:
        host.install(self.path, self.text, self.mode)


class Remove(NamedTuple):
    """A file unlinked, where it is there."""

    path: str

    def perform(self, host: Host) -> None:
        host.remove(self.path)


class Call(NamedTuple):
    """A function of ours, for what no plain write or command can do; it leaves nothing behind where it fails."""

    function: Callable[..., None]
    arguments: tuple[Any, ...] = ()

    def perform(self, host: Host) -> None:
        self.function(host, *self.arguments)


class Step(NamedTuple):
    """One change: ``does`` and ``why`` are read by people ("set vm.swappiness to 180", "it is 60")."""

    does: str
    why: str
    action: Any  # any value with perform(host): one of the above
    undo: tuple[Any, ...] = ()  # actions that take it back, in order

    def words(self) -> str:
        return "%s (%s)" % (self.does, self.why) if self.why else self.does


Plan = Tuple[Step, ...]


def apply(plan: Plan, host: Host) -> None:
    """Carry out the steps in order; where one fails, take back those before it, last first.

    Raises HighwaterError that names the step, the cause, and what could not be taken back; Unfinished, with the steps
    that were carried out, where the slice of this call is over, and takes back nothing then.
    """
    done: list[Step] = []
    step: Step | None = None
    try:  # around the loop: a signal is raised between two steps
        for step in plan:
            SIGNALS.check()
            step.action.perform(host)
            done.append(step)
    except Unfinished as pause:
        pause.steps = tuple(done)
        raise
    except (HighwaterError, OSError) as error:
        if step is None:
            raise
        host.slice = Slice()  # what takes back is not put down half-way
        raise _failed(step, error, _take_back(done, host)) from error


def _take_back(done: list[Step], host: Host) -> list[str]:
    """Undo steps; the sentences are those that could not be undone."""
    left = []
    for step in reversed(done):
        try:
            for action in step.undo:
                action.perform(host)
        except (HighwaterError, OSError) as error:
            left.append("%s: %s" % (step.does, cause(error)))
    return left


def _failed(step: Step, error: Exception, left: list[str]) -> HighwaterError:
    message = "could not %s: %s" % (step.does, cause(error))
    if left:
        message += "; still to be taken back by hand: " + "; ".join(left)
    facts = error.facts if isinstance(error, HighwaterError) else {}
    reason = error.reason if isinstance(error, HighwaterError) else "kernel"
    kind = Unsupported if isinstance(error, Unsupported) else HighwaterError
    return kind(message, reason=reason, **facts)
