# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a trace_pipe, counted by process (Documentation/trace/ftrace.rst, Output format)."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

BEGIN, END = "mm_vmscan_direct_reclaim_begin", "mm_vmscan_direct_reclaim_end"
COMPACTION, EXTFRAG = "mm_compaction_begin", "mm_page_alloc_extfrag"
NEW_TASK = "task_newtask"
UNKNOWN = "<...>"  # what the kernel prints for a thread whose name it has forgotten
# "          stress-1234    [001] d..2.  4711.081100: mm_compaction_begin: zone_start=...": the thread's name, of which
# any byte may be chosen by its process, stands in front; the process may follow in parentheses, where somebody has
# switched options/record-tgid on. We do not: the kernel takes up to 16 MiB for it, and never gives them back.
_LINE = re.compile(
    rb"^\s*(.{1,16})-(\d+)\s+(?:\(\s*(\d+|-+)\)\s+)?\[\d+\]\s+\S+\s+(\d+\.\d+): (\w+): (.*)$",
    re.DOTALL,
)
_NEW_TASK = re.compile(rb"pid=(\d+) comm=.* clone_flags=([0-9a-f]+) ", re.DOTALL)
CLONE_THREAD = 0x10000  # include/uapi/linux/sched.h
REMEMBERED = 8192  # threads that have begun and done nothing yet: as many as end within a moment, and some


class Process(NamedTuple):
    """What one process did, in all its threads.

    seconds: spent in direct reclaim, where both its begin and its end were seen; those of its threads together.
    """

    pid: int
    command: str
    direct_reclaim: int = 0
    seconds: float = 0.0
    compaction: int = 0
    fragmenting: int = 0

    @property
    def events(self) -> int:
        return self.direct_reclaim + self.compaction + self.fragmenting

    def shown(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "pid": self.pid,
            "command": self.command,
            "direct_reclaim": self.direct_reclaim,
            "direct_reclaim_seconds": round(self.seconds, 6),
            "compaction": self.compaction,
            "fragmenting": self.fragmenting,
        }


Counts = Dict[int, Process]


class Line(NamedTuple):
    """A line of one event. name, tid: of the thread; said: its process as in parentheses; text: what is the event's."""

    name: bytes
    tid: int
    said: Optional[bytes]
    moment: float
    event: str
    text: bytes


class Threads:
    """Which process a thread belongs to; that of one that has ended is known where we saw it begin.

    group_of: looks up the process of a thread, None where the thread is gone.
    """

    def __init__(self, group_of: Callable[[int], Optional[int]]) -> None:
        self._group_of = group_of
        self._known: dict[int, int] = {}
        self._new: dict[int, int] = {}

    def process(self, tid: int, said: Optional[bytes] = None) -> int:
        """The process; the thread itself where nobody knows. said: what the line has in parentheses."""
        if said and said.isdigit() and int(said):
            return int(said)
        if tid not in self._known:
            self._known[tid] = self._new.pop(tid, 0) or self._group_of(tid) or tid
        return self._known[tid]

    def began(self, process: int, text: bytes) -> None:
        """A process has begun a thread: the text of its line. What has its number by now is another than before."""
        match = _NEW_TASK.match(text)
        if not match or not int(match.group(2), 16) & CLONE_THREAD:
            return
        tid = int(match.group(1))
        self._known.pop(tid, 0)
        self._new.pop(tid, 0)
        while len(self._new) >= REMEMBERED:
            del self._new[next(iter(self._new))]
        self._new[tid] = process


class Reader:
    """Takes a trace as it comes, in pieces of any length.

    group_of: as in Threads; name_of: looks up the name of a process, None for none.
    """

    def __init__(self, group_of: Callable[[int], Optional[int]], name_of: Callable[[int], Optional[str]]) -> None:
        self.counts: Counts = {}
        self._threads = Threads(group_of)
        self._name_of = name_of
        self._rest = b""
        self._begun: dict[int, float] = {}  # by thread: several of a process may be in reclaim at once

    def feed(self, data: bytes) -> None:
        """The next piece. What is no event's line (that events were lost, for one) is passed over."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            match = _LINE.match(line)
            if match:
                name, tid, said, moment, event, text = match.groups()
                self._take(Line(name, int(tid), said, float(moment), event.decode("ascii"), text))

    def _take(self, line: Line) -> None:
        process = self._threads.process(line.tid, line.said)
        if line.event == NEW_TASK:
            self._threads.began(process, line.text)
        elif line.event != EXTFRAG or b" fragmenting=1" in line.text:
            self._count(line, process)

    def _count(self, line: Line, process: int) -> None:
        row = self.counts.get(process) or Process(process, self._named(line, process))
        if line.event == BEGIN:
            self._begun[line.tid] = line.moment
            row = row._replace(direct_reclaim=row.direct_reclaim + 1)
        elif line.event == END:
            begun = self._begun.pop(line.tid, None)
            if begun is None:  # it began before we looked
                return
            row = row._replace(seconds=row.seconds + line.moment - begun)
        elif line.event == COMPACTION:
            row = row._replace(compaction=row.compaction + 1)
        elif line.event == EXTFRAG:
            row = row._replace(fragmenting=row.fragmenting + 1)
        else:
            return
        self.counts[process] = row

    def _named(self, line: Line, process: int) -> str:
        """A line has the thread's name, which is that of the process where the thread is its first."""
        command = line.name.decode("utf-8", "replace")
        if process == line.tid and command != UNKNOWN:
            return command
        return self._name_of(process) or command
