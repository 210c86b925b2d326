# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has to wait for memory: the kernel's tracepoints, counted by process, in a tracefs instance of our own.

An instance has its own events and its own buffer, so that other tracing on the machine is not disturbed, nor disturbs
us (Documentation/trace/ftrace.rst, Instances). What is set up here is taken away again, whatever happens meanwhile: by
a second process where this one is killed (trace_guard.py), and where both are, by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import time
from typing import Any, Iterator

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import cpus
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.memory.trace_guard import guarded
from ansible_collections.highwater.memory.plugins.module_utils.memory.trace_lines import CLONE_THREAD, Counts, Reader

TRACEFS = "/sys/kernel/tracing"
OLD_TRACEFS = "/sys/kernel/debug/tracing"  # where it was before 4.1, and where debugfs still shows it
PREFIX = "highwater-"
EVENTS = (
    "vmscan/mm_vmscan_direct_reclaim_begin",
    "vmscan/mm_vmscan_direct_reclaim_end",
    "compaction/mm_compaction_begin",
    "kmem/mm_page_alloc_extfrag",
    "task/task_newtask",
)
# Lines have a thread's number. What began and ended between two looks is in /proc no more, but was seen to begin.
FILTERS = {"task/task_newtask": "clone_flags & %#x" % CLONE_THREAD}
# A page of buffer holds some 100 events; the machine is short of memory, so the buffers of all processors are small.
BUFFERS, LEAST_BUFFER, MOST_BUFFER = 8192, 64, 1024  # kB, in all, and for each processor
PATIENCE = 10.0  # seconds
TURN = 0.2  # seconds between two looks into the buffers
SHOWN = 20  # processes


class Tracing(NamedTuple):
    """Where it happens. mounted: whether it was us who mounted tracefs."""

    folder: str
    mounted: bool


def watch(host: Host, seconds: float) -> dict[str, Any]:
    """Count for so many seconds. Raises Unsupported where this kernel or host has no tracefs that we may use."""
    tracing = _tracefs(host)
    try:
        _remove_left_over(host, tracing.folder)
        return _in_instance(host, tracing, seconds)
    finally:
        _unmount(host, tracing)


def _tracefs(host: Host) -> Tracing:
    for folder in (TRACEFS, OLD_TRACEFS):
        if host.exists(folder + "/instances"):
            return Tracing(folder, False)
    if not host.exists(TRACEFS):
        raise _unsupported("this kernel has no tracefs (CONFIG_TRACING): leave trace out")
    done = host.run("mount", "-t", "tracefs", "-o", "nosuid,nodev,noexec", "tracefs", TRACEFS, check=False)
    if done.status == 0 and host.exists(TRACEFS + "/instances"):
        return Tracing(TRACEFS, True)
    raise _unsupported(
        "tracefs is not mounted and cannot be (%s): mount it at %s, or leave trace out"
        % (done.err.strip().rpartition("\n")[2] or "it has no instances", TRACEFS)
    )


def _unsupported(words: str) -> Unsupported:
    return Unsupported("trace: " + words, reason="tracefs")


def _unmount(host: Host, tracing: Tracing) -> None:
    if tracing.mounted:
        host.run("umount", TRACEFS, check=False)


def _in_instance(host: Host, tracing: Tracing, seconds: float) -> dict[str, Any]:
    folder = "%s/instances/%s%d" % (tracing.folder, PREFIX, os.getpid())

    def take_away() -> None:
        _remove(host, folder)
        _unmount(host, tracing)

    with _permitted(), guarded(take_away), _instance(host, folder) as pipe:
        reader = Reader(lambda tid: _group(host, tid), lambda pid: _comm(host, pid))
        _switch_on(host, folder)
        _count(host, folder, pipe, reader, seconds)
        return _answer(reader.counts, _lost(host, folder))


@contextlib.contextmanager
def _permitted() -> Iterator[None]:
    """A kernel that is locked down makes an instance, and lets nobody open a file of it."""
    try:
        yield
    except PermissionError as error:
        raise _unsupported("%s: %s: leave trace out here" % (error.filename, error.strerror)) from None


@contextlib.contextmanager
def _instance(host: Host, folder: str) -> Iterator[int]:
    """An instance for as long as it lasts; gives its pipe, which keeps other runs from taking the instance away."""
    end = time.monotonic() + PATIENCE
    while True:
        _make(host, folder, end)
        try:
            pipe = _open(host, folder)
            if pipe is None and time.monotonic() < end:  # another run took it for one that was left over
                continue
            if pipe is None:
                raise _unsupported("%s: it has no trace_pipe: leave trace out here" % folder)
            try:
                yield pipe
            finally:
                os.close(pipe)
            return
        finally:
            _remove(host, folder)


def _make(host: Host, folder: str, end: float) -> None:
    """The kernel makes an instance only while there is memory for its buffers: now and then, where it is short."""
    while True:
        try:
            os.mkdir(host.path(folder))
            return
        except OSError as error:
            if error.errno != errno.ENOMEM:  # locked down, or a container
                raise _unsupported("%s: %s: leave trace out here" % (folder, error.strerror)) from None
            if time.monotonic() > end:
                raise HighwaterError(
                    "trace: the kernel had no memory for its buffers within %d seconds: free memory, or leave trace out"
                    % PATIENCE,
                    reason="memory",
                ) from None
        time.sleep(TURN)


def _open(host: Host, folder: str) -> int | None:
    try:
        return os.open(host.path(folder + "/trace_pipe"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _switch_on(host: Host, folder: str) -> None:
    """The buffers first: switching an event on would make them as large as the kernel's default."""
    kilobytes = min(max(BUFFERS // cpus(host), LEAST_BUFFER), MOST_BUFFER)
    host.write_kernel(folder + "/buffer_size_kb", str(kilobytes))
    lacking = [event for event in EVENTS if not host.exists("%s/events/%s" % (folder, event))]
    if lacking:
        raise _unsupported("this kernel has no tracepoint %s: leave trace out" % lacking[0])
    for event, condition in FILTERS.items():
        host.write_kernel("%s/events/%s/filter" % (folder, event), condition)
    for event in EVENTS:
        host.write_kernel("%s/events/%s/enable" % (folder, event), "1")


def _count(host: Host, folder: str, pipe: int, reader: Reader, seconds: float) -> None:
    """Read what comes until the time is up; what is still in the buffers then is read too."""
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0:
            host.write_kernel(folder + "/tracing_on", "0")
            _drain(pipe, reader, math.inf)
            return
        _drain(pipe, reader, end)
        time.sleep(max(min(end - time.monotonic(), TURN), 0))


def _drain(pipe: int, reader: Reader, end: float) -> None:
    """Read until there is no more or, since events may come faster than that, until it is time to stop them."""
    while True:
        try:
            data = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return
        reader.feed(data)
        if not data or time.monotonic() > end:
            return


def _group(host: Host, tid: int) -> int | None:
    """The process that a thread belongs to. /proc has a folder for each thread, though it lists only processes."""
    try:
        text = host.read_bytes("/proc/%d/status" % tid)
    except OSError:  # ended in this moment
        return None
    match = re.search(rb"(?m)^Tgid:\s*(\d+)$", text or b"")
    return int(match.group(1)) if match else None


def _comm(host: Host, pid: int) -> str | None:
    """The name of a process, which the kernel's own cache of names does not always have."""
    try:
        text = host.read_bytes("/proc/%d/comm" % pid)
    except OSError:  # ended in this moment
        return None
    return None if text is None else text.decode("utf-8", "replace").rstrip("\n")


def _lost(host: Host, folder: str) -> int:
    """Events that were overwritten before we read them, or for which there was no room."""
    lost = 0
    for name in host.listdir(folder + "/per_cpu"):
        stats = host.read("%s/per_cpu/%s/stats" % (folder, name)) or ""
        lost += sum(map(int, re.findall(r"(?m)^(?:overrun|dropped events): (\d+)$", stats)))
    return lost


def _answer(counts: Counts, lost: int) -> dict[str, Any]:
    rows = sorted(counts.values(), key=lambda row: (-row.events, row.pid))
    return {
        "events": {
            kind: sum(getattr(row, kind) for row in rows) for kind in ("direct_reclaim", "compaction", "fragmenting")
        },
        "processes": [row.shown() for row in rows[:SHOWN]],
        "lost": lost,
    }


def _remove_left_over(host: Host, tracefs: str) -> None:
    """Instances of runs that were killed, whatever has their number by now, be it ourselves. One that is in use has its
    pipe open, and the kernel refuses.
    """
    for name in host.subfolders(tracefs + "/instances"):
        if name.startswith(PREFIX) and name[len(PREFIX) :].isdigit():
            _remove(host, "%s/instances/%s" % (tracefs, name))


def _remove(host: Host, folder: str) -> None:
    """Events are switched off by the kernel when the instance goes."""
    try:
        os.rmdir(host.path(folder))
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOENT):
            raise
