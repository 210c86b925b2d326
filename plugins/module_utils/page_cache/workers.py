# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tree purged by several processes at once, each with a share of its files; and put down where the time is up."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from typing import Any, Callable, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice
from ansible_collections.highwater.memory.plugins.module_utils.core.replace import write_all
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.counting import Counter
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.evict import Evictor, Totals
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import Request
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.walk import GONE, Walk, open_file

MOST_WORKERS = 4  # more would only wait for each other's locks in the kernel, and take the processors from others
PR_SET_PDEATHSIG = 1  # linux/prctl.h
BETWEEN_LOOKS = 1.0  # seconds; how far a walk is takes reading its folders again


class Place(NamedTuple):
    """Where a share was put down.

    names: see walk.Walk.cursor; offset: in the file that it was at, 0 for behind it; fraction: of the work that is
    done, 0 to 1.
    """

    names: list[str]
    offset: int
    fraction: float


class Work(NamedTuple):
    """What a worker is to do: all files below a folder, or the one file that path is.

    kernel: see walk.Walk.
    """

    path: str
    request: Request
    counter: Counter
    slice_: Slice
    kernel: frozenset[int]


class Share(NamedTuple):
    """What a worker has done. totals: see evict.Totals; place: where to go on, None where it is through; matched:
    whether each glob of include has matched.
    """

    totals: dict[str, Any]
    place: Optional[Place]
    matched: list[bool]


def purge_file(work: Work, place: Optional[Place]) -> Share:
    """The one file that the path is."""
    totals, clock = Totals(), _Clock(work.slice_, place)
    try:
        fd = open_file(work.path)

        def pause(offset: int, part: float, left: float) -> None:
            clock.look(lambda: part, offset, left)

        evictor = Evictor(work.request, work.counter, totals, pause)
        evictor.file(fd, place.offset if place else 0)
        evictor.finish()
    except _PutDown as put_down:
        return _share(totals, work, Place([], put_down.offset, put_down.fraction), [])
    except OSError as error:
        if error.errno not in GONE:
            totals.complain(work.path, error)
    return _share(totals, work, None, [])


def purge_folder(work: Work, places: list[Optional[Place]], through: list[bool]) -> list[Share]:
    """All below a folder, by as many processes as there are places; those whose share is ``through`` have none."""
    children: dict[int, int] = {}
    try:
        for number, place in enumerate(places):
            if not through[number]:
                pid, reader = _forked(lambda: _purge_share(work, number, len(places), place))  # noqa: B023 runs at once
                children[pid] = reader
        shares = iter([_received(pid, reader) for pid, reader in children.items()])
        nothing = _share(Totals(), work, None, [False] * len(work.request.include))
        return [nothing if done else next(shares) for done in through]
    finally:
        for pid, reader in children.items():
            os.close(reader)
            os.kill(pid, signal.SIGKILL)  # nothing to one that has ended
            os.waitpid(pid, 0)


def workers() -> int:
    """How many processes are worth it on this machine."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def _purge_share(work: Work, number: int, shares: int, place: Optional[Place]) -> Share:
    totals, clock = Totals(), _Clock(work.slice_, place)
    walk = Walk(work.path, work.request, totals.complain, number, shares, work.kernel)

    def pause(offset: int, part: float, left: float) -> None:
        clock.look(lambda: walk.fraction(part), offset, left)

    evictor = Evictor(work.request, work.counter, totals, pause)
    offset = place.offset if place else 0
    next_place: Optional[Place] = None
    with contextlib.closing(walk.files(place.names if place else None, again=bool(offset))) as files:
        try:
            for fd in files:
                evictor.file(fd, offset)
                offset = 0
                if work.slice_.end is not None:
                    clock.look(lambda: walk.fraction(1.0), 0)
        except _PutDown as put_down:
            next_place = Place(walk.cursor(), put_down.offset, put_down.fraction)
    evictor.finish()
    return _share(totals, work, next_place, walk.matched)


def _share(totals: Totals, work: Work, place: Optional[Place], matched: list[bool]) -> Share:
    totals.how = work.counter.how
    return Share(totals.as_dict(), place, matched)


# -- putting down --------------------------------------------------------------------------------


class _PutDown(Exception):
    """The time is up: offset in the file in work, 0 for between two files; fraction of the work that is done."""

    def __init__(self, offset: int, fraction: float) -> None:
        super().__init__(offset)
        self.offset = offset
        self.fraction = fraction


class _Clock:
    """Says when a work is to be put down: when the time is up, and enough is left for another call."""

    def __init__(self, slice_: Slice, place: Optional[Place]) -> None:
        self._slice = slice_
        self._began = time.monotonic()
        self._next = slice_.end
        self._behind = place.fraction if place else 0.0

    def look(self, fraction: Callable[[], float], offset: int, at_least: float = 0.0) -> None:
        """Raise _PutDown where the work is to be put down.

        fraction: says what part of it is done, 0 to 1; at_least: seconds that the file in work alone will take.
        """
        now = time.monotonic()
        if self._next is None or now < self._next:
            return
        self._next = now + BETWEEN_LOOKS
        done = fraction()
        left = (now - self._began) * (1 - done) / max(done - self._behind, 1e-9)
        if self._slice.is_over(max(left, at_least)):
            raise _PutDown(offset, done)


# -- processes -----------------------------------------------------------------------------------


def _forked(work: Callable[[], Share]) -> tuple[int, int]:
    """Begin a process that does the work; its number, and the descriptor to read the answer from."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # the parent's ways to end are not ours
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        answer = json.dumps(work()._asdict()).encode("ascii")
        write_all(writer, answer)
        status = 0
    except Exception as error:
        sys.excepthook(*sys.exc_info())  # where it was, to be seen beside what the parent says
        said = "%s: %s" % (type(error).__name__, error)
        write_all(writer, json.dumps({"failed": said.encode("utf-8", "backslashreplace").decode()}).encode("ascii"))
    finally:
        os._exit(status)


def _received(pid: int, reader: int) -> Share:
    """The answer of a process, when it has ended. HighwaterError where it has none."""
    with os.fdopen(os.dup(reader), "rb") as file:
        text = file.read()
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError:  # nothing, or not all of it
        answer = {}
    if "totals" not in answer:
        why = "failed (%s)" % answer["failed"] if answer else _end_of(pid)
        raise HighwaterError("a process of ours %s before its work was done: run it again" % why, reason="stopped")
    place = answer["place"]
    return Share(answer["totals"], Place(*place) if place else None, answer["matched"])


def _end_of(pid: int) -> str:
    """How a process has ended that said nothing. It is left to be waited for."""
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if end is None or end.si_code == os.CLD_EXITED:
        return "ended with status %d" % (end.si_status if end else 0)
    return "was killed by signal %d" % end.si_status
