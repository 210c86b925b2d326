# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trace of memory_info: lines of a trace_pipe, and hosts on which there is none.

What a real kernel does is tried in tests/lab/test_memory_trace.py. Fails when a line is counted for another process or
another kind, when a piece that ends within a line loses it, and when a host without tracefs is not told so in one
sentence.
"""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Sequence

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.memory import trace
from ansible_collections.highwater.memory.plugins.module_utils.memory.answer import memory_info
from ansible_collections.highwater.memory.plugins.module_utils.memory.trace_lines import (
    REMEMBERED,
    Process,
    Reader,
    Threads,
)
from hypothesis import given
from hypothesis import strategies as st

# As Linux 6.12 prints them, but for the names. 702, 703 and 705 are threads of 700.
TRACE = b"""\
          filler-702     [000] .....   183.000100: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_HIGHUSER
         python3-700     [001] .....   183.000200: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_HIGHUSER
          filler-702     [000] .....   183.000600: mm_vmscan_direct_reclaim_end: nr_reclaimed=32
CPU:0 [LOST 123 EVENTS]
 we-ird (na)-1-7031    [001] d..1.   183.000700: mm_compaction_begin: zone_start=0x1000 migrate_pfn=0x1000 mode=sync
           <...>-811     [000] d..1.   183.000800: mm_page_alloc_extfrag: page=1 fallback_order=3 fragmenting=1 change=0
           <...>-811     [000] d..1.   183.000900: mm_page_alloc_extfrag: page=1 fallback_order=9 fragmenting=0 change=0
           <...>-812     [000] d..1.   183.000900: mm_page_alloc_extfrag: page=1 fallback_order=3 fragmenting=1 change=0
         kswapd0-40      [000] .....   183.001000: mm_vmscan_direct_reclaim_end: nr_reclaimed=32
         python3-700     [001] .....   183.001200: mm_vmscan_direct_reclaim_end: nr_reclaimed=32
          filler-702     [000] .....   183.001500: task_newtask: pid=703 comm=filler clone_flags=3d0f00 oom_score_adj=0
          filler-703     [001] d..1.   183.001600: mm_compaction_begin: zone_start=0x1000 mode=async
         python3-700     [001] .....   183.001700: task_newtask: pid=704 comm=python3 clone_flags=4111 oom_score_adj=0
         python3-704     [001] d..1.   183.001800: mm_compaction_begin: zone_start=0x1000 mode=async
           <...>-705     [000] .....   183.002000: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL
"""
COUNTED = [
    Process(700, "python3", direct_reclaim=3, seconds=0.0015, compaction=1),
    Process(704, "python3", compaction=1),
    Process(811, "java", fragmenting=1),
    Process(812, "<...>", fragmenting=1),
    Process(7031, "we-ird (na)-1", compaction=1),
]
# 703 is gone by the time that it is looked up; it was seen to begin.
GROUPS = {700: 700, 702: 700, 704: 704, 705: 700, 811: 811}
NAMES = {700: "python3", 811: "java"}


def counted(*pieces: bytes) -> list[Process]:
    reader = Reader(GROUPS.get, NAMES.get)
    for piece in pieces:
        reader.feed(piece)
    rows = sorted(reader.counts.values())
    return [row._replace(seconds=round(row.seconds, 6)) for row in rows]


def test_each_kind_by_process() -> None:
    """Fails where a thread is a row of its own, gives the process its name, or ends another's wait."""
    assert counted(TRACE) == COUNTED


def test_where_the_kernel_tells_the_process() -> None:
    """As with options/record-tgid, which an instance takes over from the machine's own tracing: it knows best, where it
    knows. Fails where what it says is left aside, or dashes are taken for a process.
    """
    text = b"mm_compaction_begin: zone_start=0x1000 mode=async\n"
    assert counted(
        b"          filler-9       (    700) [000] .....   183.1: " + text,
        b"          filler-702     (-------) [000] .....   183.2: " + text,
        b"            sole-8       (-------) [000] .....   183.3: " + text,
    ) == [Process(8, "sole", compaction=1), Process(700, "python3", compaction=2)]


def test_a_number_that_is_given_again() -> None:
    """Fails where a thread that has just begun is counted for whoever had its number before."""
    compaction = b"  filler-702  [000] .....   1.5: mm_compaction_begin: mode=sync\n"
    begins = b"  server-811  [000] .....   1.6: task_newtask: pid=702 comm=server clone_flags=3d0f00 oom_score_adj=0\n"
    assert counted(compaction, begins, compaction) == [
        Process(700, "python3", compaction=1), Process(811, "java", compaction=1)
    ]  # fmt: skip


def test_threads_that_come_and_go() -> None:
    """Fails where a program that begins one after the other makes us remember them all."""
    threads = Threads(GROUPS.get)
    for tid in range(10000, 10000 + 2 * REMEMBERED):
        threads.began(700, b"pid=%d comm=x clone_flags=3d0f00 oom_score_adj=0" % tid)
    assert [threads.process(tid) for tid in (10000, 10000 + REMEMBERED)] == [10000, 700]


def test_a_thread_of_this_process() -> None:
    """By the real /proc, which has threads too. Fails where a thread is not found, and where one that is gone is."""
    with ThreadPoolExecutor(1) as pool:
        tid = pool.submit(threading.get_native_id).result()
        assert tid != os.getpid()
        assert trace._group(Host(), tid) == os.getpid()
    assert trace._group(Host(), 2**22 + 1) is None  # beyond the most that pid_max may be


@given(st.integers(0, len(TRACE)), st.integers(0, len(TRACE)))
def test_in_pieces(one: int, other: int) -> None:
    first, second = sorted((one, other))
    assert counted(TRACE[:first], TRACE[first:second], TRACE[second:]) == COUNTED


@given(st.binary(max_size=300))
def test_of_anything(data: bytes) -> None:
    assert counted(data, b"\n", TRACE)[0].pid <= 700


def test_a_name_that_is_not_utf_8() -> None:
    (row,) = counted(b"  \xff\xfe-12  [000] .....   1.5: mm_compaction_begin: mode=sync\n")
    assert (row.pid, row.command) == (12, "\ufffd\ufffd")


PARAMS = {"gather": ["oom"], "sample": 1.0, "trace": True}


class Machine(Host):
    """A folder; mount(8) ends as it is told to."""

    def __init__(self, folder: Path, err: str = "mount: permission denied.", status: int = 32) -> None:
        self.ran: list[tuple[str, ...]] = []

        def run(argv: Sequence[str], timeout: float) -> Completed:
            self.ran.append(tuple(argv))
            return Completed(status, "", err)

        super().__init__(str(folder), run)


def lay(folder: Path, *paths: str) -> None:
    (folder / "proc").mkdir(exist_ok=True)
    (folder / "proc/vmstat").write_text("oom_kill 0\n")
    for path in paths:
        (folder / path).mkdir(parents=True)


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        ((), "trace: this kernel has no tracefs (CONFIG_TRACING): leave trace out"),
        (
            ("sys/kernel/tracing",),
            "trace: tracefs is not mounted and cannot be (mount: permission denied.): mount it at",
        ),
    ],
)
def test_no_tracefs(paths: tuple[str, ...], says: str, tmp_path: Path) -> None:
    lay(tmp_path, *paths)
    host = Machine(tmp_path)
    with pytest.raises(Unsupported) as caught:
        memory_info(dict(PARAMS), host, False)
    assert caught.value.message.startswith(says)
    assert caught.value.reason == "tracefs"
    assert host.ran == [("mount", "-t", "tracefs", "-o", "nosuid,nodev,noexec", "tracefs", trace.TRACEFS)][: len(paths)]


def test_a_kernel_that_is_locked_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets nobody make an instance; a folder of a test would."""
    lay(tmp_path, "sys/kernel/tracing/instances")

    def refuse(path: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(Unsupported, match="Operation not permitted: leave trace out here"):
        memory_info(dict(PARAMS), Machine(tmp_path), False)


def test_no_memory_for_its_buffers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again for a while, since the kernel says so on any machine that is short of memory just then."""
    lay(tmp_path, "sys/kernel/tracing/instances")
    tried: list[str] = []

    def refuse(path: str) -> None:
        tried.append(path)
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), path)

    monkeypatch.setattr(os, "mkdir", refuse)
    monkeypatch.setattr(trace, "PATIENCE", 0.05)
    monkeypatch.setattr(trace, "TURN", 0.01)
    with pytest.raises(HighwaterError, match="trace: the kernel had no memory for its buffers") as caught:
        memory_info(dict(PARAMS), Machine(tmp_path), False)
    assert caught.value.reason == "memory"
    assert len(tried) > 2


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a machine's instances. A stand-in for what no folder does: an instance has files as soon as it is
    made, and goes with all of them.
    """
    lay(tmp_path, "sys/kernel/tracing/instances", "sys/devices/system/cpu")
    (tmp_path / "sys/devices/system/cpu/online").write_text("0-3\n")

    folder_made, folder_removed = os.mkdir, os.rmdir

    def make(path: str) -> None:
        folder_made(path)
        Path(path, "trace_pipe").write_bytes(b"")

    def remove(path: str) -> None:
        Path(path, "trace_pipe").unlink(missing_ok=True)
        folder_removed(path)

    monkeypatch.setattr(os, "mkdir", make)
    monkeypatch.setattr(os, "rmdir", remove)
    return tmp_path / "sys/kernel/tracing/instances"


class Instance(Machine):
    """What is written to an instance is noted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.wrote: list[str] = []

    def write_kernel(self, path: str, text: str) -> None:
        self.wrote.append("%s=%s" % (path.rpartition("/")[2], text))


def test_a_kernel_without_one_of_the_tracepoints(tmp_path: Path, kernel: Path) -> None:
    """And where something goes wrong, the instance goes."""
    host = Instance(tmp_path)
    with pytest.raises(Unsupported, match="no tracepoint vmscan/mm_vmscan_direct_reclaim_begin: leave trace out"):
        memory_info(dict(PARAMS), host, False)
    assert host.wrote == ["buffer_size_kb=1024"]
    assert list(kernel.iterdir()) == []


def test_an_instance_that_was_left_by_our_own_number(tmp_path: Path, kernel: Path) -> None:
    """And one by that of a process that lives. Fails where either stays, which at best is there for ever, and at worst
    is in our way; and where what is not ours goes.
    """
    for name in ("highwater-%d" % os.getpid(), "highwater-%d" % os.getppid(), "highwater-x", "mine"):
        os.mkdir(str(kernel / name))
        (tmp_path / "proc" / name.rpartition("-")[2]).touch()
    with pytest.raises(Unsupported, match="no tracepoint"):
        memory_info(dict(PARAMS), Instance(tmp_path), False)
    assert sorted(path.name for path in kernel.iterdir()) == ["highwater-x", "mine"]


def test_an_instance_that_another_run_took_away(tmp_path: Path, kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the moment between its making and its opening, by a stand-in for the other run. Fails where that ends ours."""
    make, made = os.mkdir, []

    def taken(path: str) -> None:
        make(path)
        made.append(path)
        if len(made) < 3:
            os.rmdir(path)

    monkeypatch.setattr(os, "mkdir", taken)
    with pytest.raises(Unsupported, match="no tracepoint"):
        memory_info(dict(PARAMS), Instance(tmp_path), False)
    assert len(made) == 3
    assert list(kernel.iterdir()) == []


@pytest.mark.parametrize("refused", ["trace_pipe", "buffer_size_kb"])
def test_a_kernel_that_lets_nobody_open_a_file(
    refused: str, tmp_path: Path, kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is locked down does, which a test cannot do. Fails where it is told as any other error is, without
    the reason that the documentation promises, and where the instance stays.
    """
    unlocked = os.open

    def locked(path: str, *more: int) -> int:
        if path.endswith(refused):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        return unlocked(path, *more)

    monkeypatch.setattr(os, "open", locked)
    with pytest.raises(Unsupported, match="%s: Operation not permitted: leave trace out here" % refused) as caught:
        memory_info(dict(PARAMS), Machine(tmp_path), False)
    assert caught.value.reason == "tracefs"
    assert list(kernel.iterdir()) == []


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"sample": -1.0}, "sample: -1 is out of range: write seconds from 0 to 3600"),
        ({"sample": 3601.0}, "sample: 3601 is out of range: write seconds from 0 to 3600"),
        ({"sample": float("nan")}, "sample: nan is out of range"),
        ({"sample": float("inf")}, "sample: inf is out of range"),
        ({"sample": 0.0, "trace": True}, "trace: true counts over some time: write sample: 10, say, beside it"),
    ],
)
def test_bad_input(params: dict[str, Any], says: str, tmp_path: Path) -> None:
    """Refused before anything is read: the host has nothing at all."""
    with pytest.raises(HighwaterError) as caught:
        memory_info({"gather": ["default"], "trace": False, **params}, Host(str(tmp_path)), False)
    assert caught.value.message.startswith(says)
