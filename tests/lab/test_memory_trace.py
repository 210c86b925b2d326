# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""memory_info where memory is short: who has to wait, by the kernel's tracepoints, and what the findings say of it.

Fails where the program that has to wait, compacts or fragments is not named, where its threads are taken for programs,
where more is counted than the kernel counts, where an instance of tracefs is left behind (by a run that ended, that was
told to end, or that was killed), where a switch of the machine's own tracing is moved, where the terminal does not say
how much of a long sample is left, and where the findings are silent about stalls and kills that the kernel counts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from harness import Machine

INFO = "highwater.memory.memory_info"
TRACING = "/sys/kernel/tracing"
BREAK = Path(__file__).with_name("guest") / "break_memory.py"
# Memory that is held, so many MiB, and bursts of so many more; half of it compresses. All in a thread with a name.
PRESS = r"""
import mmap, os, sys, threading
piece = 1 << 20
pattern = os.urandom(piece // 2) + bytes(piece // 2)
def fill(size):
    held = mmap.mmap(-1, size << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for start in range(0, size << 20, piece):
        held[start : start + piece] = pattern
    return held
def press():
    with open("/proc/self/task/%d/comm" % threading.get_native_id(), "w") as name:
        name.write("filler")
    held = fill(int(sys.argv[1]))
    while True:
        fill(int(sys.argv[2])).close()
        held[:: mmap.PAGESIZE]  # what was swapped out is wanted again, else there is peace after the first time
thread = threading.Thread(target=press)
thread.start()
thread.join()
"""
# Pages that cannot be moved, 1 MiB in each pipe, where all that is free lies between pages that can; then all of memory
# is compacted. Each by a thread of its own, which is soon gone.
PIECES, MIB = 160, 1 << 20
USE_PIECES = r"""
import fcntl, os, sys, threading, time
ends = []
def name_it():
    with open("/proc/self/task/%%d/comm" %% threading.get_native_id(), "w") as name:
        name.write("filler")
def fill_a_pipe():
    name_it()
    ends.append(os.pipe())
    fcntl.fcntl(ends[-1][1], 1031, %(mib)d)  # F_SETPIPE_SZ
    os.write(ends[-1][1], bytes(%(mib)d))
def compact():
    name_it()
    with open("/proc/sys/vm/compact_memory", "w") as file:
        file.write("1")
for work in [fill_a_pipe] * %(pieces)d + [compact]:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
with open("/run/used", "w"):
    time.sleep(100000)
""" % {"pieces": PIECES, "mib": MIB}
# What the kernel counts while the module watches, which is while its instance is there: stalls, and microseconds for
# which programs waited for memory.
WATCHED = "/run/watched"
WATCH = f"""\
import os, re, time

def figures():
    with open("/proc/vmstat") as file:
        stalls = sum(int(number) for name, number in map(str.split, file) if name.startswith("allocstall_"))
    with open("/proc/pressure/memory") as file:
        return stalls, int(re.search("some .*total=([0-9]+)", file.read()).group(1))

open("{WATCHED}.begun", "w").close()
while not os.listdir("{TRACING}/instances"):
    time.sleep(0.01)
began = ended = figures()
while True:
    now = figures()
    if not os.listdir("{TRACING}/instances"):
        break
    ended = now
    time.sleep(0.05)
with open("{WATCHED}.new", "w") as file:
    file.write("%d %d" % (ended[0] - began[0], ended[1] - began[1]))
os.rename("{WATCHED}.new", "{WATCHED}")
"""
SWITCHES = f"cat {TRACING}/events/enable {TRACING}/tracing_on {TRACING}/buffer_size_kb; ls {TRACING}/instances"


def counted(machine: Machine, name: str) -> int:
    lines = [line.split() for line in (machine.read("/proc/vmstat") or "").splitlines()]
    return sum(int(number) for counter, number in lines if counter.startswith(name))


def waited(machine: Machine) -> int:
    """Microseconds for which programs waited for memory since the boot."""
    return int(machine.shell("grep -o '^some .*' /proc/pressure/memory").rpartition("=")[2])


def instances(machine: Machine) -> list[str]:
    return machine.shell(f"ls {TRACING}/instances").split()


@pytest.fixture
def pressed(machine: Machine) -> Machine:
    """A machine on which one program takes more memory than there is, beside zram."""
    machine.shell(
        "modprobe zram && echo 1G > /sys/block/zram0/disksize && mkswap /dev/zram0 && swapon -p 100 /dev/zram0"
    )
    # With hardly anything between the watermarks, reclaim in the background is never ahead of a program that writes.
    machine.shell("cd /proc/sys/vm && echo 0 > watermark_boost_factor && echo 1 > watermark_scale_factor")
    machine.shell("echo 4096 > /proc/sys/vm/min_free_kbytes")
    machine.put("/root/press.py", PRESS)
    machine.spawn("press", "python3 /root/press.py 650 300")
    machine.until(lambda: counted(machine, "allocstall_") > 50, 120, "stalls")
    return machine


@pytest.mark.machine(cpus=2)
def test_who_has_to_wait(pressed: Machine) -> None:
    machine = pressed
    switches = machine.shell(SWITCHES)
    pid = int(machine.shell("systemctl show -p MainPID --value press"))
    machine.put("/root/watch.py", WATCH)
    machine.spawn("watch", "python3 /root/watch.py")
    machine.until(lambda: machine.read(f"{WATCHED}.begun") is not None, 60, "the watching")
    before, waited_before = counted(machine, "allocstall_"), waited(machine)
    memory = machine.module(INFO, sample=8, trace=True, gather=["default", "processes"])["memory"]
    after, waited_after = counted(machine, "allocstall_"), waited(machine)

    trace = memory["trace"]
    row = next(one for one in trace["processes"] if one["pid"] == pid)
    assert row["command"] == "python3"
    assert "filler" not in [one["command"] for one in trace["processes"]], "its thread has a row of its own"
    assert 0 < row["direct_reclaim"] <= trace["events"]["direct_reclaim"] <= after - before
    assert 0 < row["direct_reclaim_seconds"] < 8
    assert sum(one["direct_reclaim"] for one in trace["processes"]) <= trace["events"]["direct_reclaim"]
    assert trace["lost"] >= 0
    assert machine.shell(SWITCHES) == switches

    assert 0 < memory["vmstat"]["per_second"]["allocstall"] * memory["sample"] <= after - before + 1
    assert 0 < memory["pressure"]["memory"]["some"]["sample"] <= 100
    assert any(one["pid"] == pid and one["swap"] > 0 for one in memory["processes"]["by_swap"])
    # An emulated machine does not always stall as often as a rule wants it, 20 times a second and 1 % of the time. By
    # the kernel, for a time that lies within the module's, and for one that has it within, it has to speak or may not.
    machine.until(lambda: machine.read(WATCHED), 60, "what was counted meanwhile")
    stalls, waits = map(int, (machine.read(WATCHED) or "").split())
    assert stalls <= after - before
    seconds = memory["sample"]
    assert seconds >= 8
    said = [one["evidence"] for one in memory["findings"] if one["name"] == "allocation_stalls"]
    assert len(said) <= 1
    assert said or stalls < 20 * seconds or waits < 0.01 * seconds * 1e6
    assert not said or (after - before >= 20 * 8 and waited_after - waited_before >= 0.01 * 8 * 1e6)
    assert all("direct reclaim stalled" in one for one in said)


@pytest.mark.machine(image="trixie")  # as in test_vm_compaction.py
def test_who_compacts_and_who_fragments(machine: Machine) -> None:
    """One compaction of each zone that has memory, and a split whenever pages that stay need a block of those that
    move: both by threads that are gone when we look for them.
    """
    machine.shell("echo 0 > /proc/sys/vm/compaction_proactiveness; echo 3 > /proc/sys/vm/drop_caches")
    machine.put("/root/break_memory.py", BREAK.read_text())
    machine.put("/root/use_pieces.py", USE_PIECES)
    machine.spawn("breaker", "python3 /root/break_memory.py")
    machine.until(lambda: machine.read("/run/broken") is not None, 300, "that memory is in pieces")
    run = machine.begin(INFO, gather=["oom"], sample=90, trace=True)
    machine.until(lambda: instances(machine), 60, "the module watches")
    machine.spawn("user", "python3 /root/use_pieces.py")
    machine.until(lambda: machine.read("/run/used") is not None, 70, "that the pieces are used")
    pid = int(machine.shell("systemctl show -p MainPID --value user"))
    zones = len((machine.read("/proc/buddyinfo") or "").splitlines())
    trace = returned(run.communicate(timeout=180)[0])["memory"]["trace"]

    row = next(one for one in trace["processes"] if one["pid"] == pid)
    assert row["command"] == "python3"
    assert "filler" not in [one["command"] for one in trace["processes"]], "a thread has a row of its own"
    # What its allocations had to compact comes on top of what it asked for.
    assert zones <= row["compaction"] <= trace["events"]["compaction"]
    # A block that is taken over gives at most its 512 pages; some large ones may be left, which do not count.
    assert 0 < row["fragmenting"] <= trace["events"]["fragmenting"]


def returned(shown: str) -> Any:
    """What the terminal shows of a module that has succeeded: JSON, behind a line's beginning."""
    found = re.search(r"(?ms)^\S+ \| SUCCESS => (\{.*^\})", shown)
    assert found, shown
    return json.loads(found.group(1))


def test_a_run_that_is_ended(machine: Machine) -> None:
    """Told to end, it takes its instance away and says so; killed, a second process does it. Where both are killed at
    once, the next run does.
    """
    for kill, left in (
        ("kill -TERM {pid}", False),
        ("kill -KILL {pid}", False),
        ("second=$(pgrep -P {pid}); kill -KILL $second {pid}", True),
    ):
        run = machine.begin(INFO, gather=["oom"], sample=120, trace=True)
        machine.until(lambda: instances(machine), 60, "an instance")
        (name,) = instances(machine)
        machine.shell(kill.format(pid=name.rpartition("-")[2]))
        said = run.communicate(timeout=60)[0]
        assert run.returncode != 0
        if not left:
            machine.until(lambda: not instances(machine), 20, "that the instance is gone")
        assert ("stopped by SIGTERM" in said) is ("TERM" in kill)
    assert instances(machine) == [name], "somebody else took it away"
    machine.module(INFO, gather=["oom"], sample=1, trace=True)
    assert instances(machine) == []
    assert machine.attempt("pgrep -f AnsiballZ_memory_info").code == 1, "a process of ours is left"


def test_where_tracefs_is_not_mounted(machine: Machine) -> None:
    machine.shell(f"umount {TRACING}; umount /sys/kernel/debug || true")
    assert machine.attempt(f"ls {TRACING}/events").code != 0
    assert machine.module(INFO, gather=["oom"], sample=1, trace=True)["memory"]["trace"]["lost"] == 0
    assert machine.attempt(f"ls {TRACING}/events").code != 0
    run = machine.begin(INFO, gather=["oom"], sample=120, trace=True)
    machine.until(lambda: machine.attempt(f"ls {TRACING}/instances/*/trace_pipe").code == 0, 60, "an instance")
    machine.shell(f"kill -KILL $(basename {TRACING}/instances/* | grep -o '[0-9]*$')")
    run.communicate(timeout=60)
    machine.until(lambda: machine.attempt(f"ls {TRACING}/events").code != 0, 20, "that tracefs is away again")


def test_a_kill(machine: Machine) -> None:
    """In a control group of its own, while the module watches, and before it does."""
    machine.put("/root/press.py", PRESS)
    # So long that it outlasts the kill, for which a busy machine may need what it is given below.
    run = machine.begin(INFO, gather=["findings", "oom"], sample=90, trace=True)
    machine.until(lambda: instances(machine), 60, "the module watches")
    machine.spawn("greedy", "python3 /root/press.py 200 1", "MemoryMax=60M", "MemorySwapMax=0")
    machine.until(lambda: counted(machine, "oom_kill") > 0, 60, "a kill")
    kills = counted(machine, "oom_kill")
    assert run.poll() is None, "the module has stopped watching before the kill"
    said = run.communicate(timeout=180)[0]
    assert run.returncode == 0
    assert re.search(r": watching memory: \d{1,2} %, 0:01:\d\d left\n", said), said
    assert '"name": "oom_kills_now"' in said
    assert '"severity": "critical"' in said
    after = machine.module(INFO, gather=["findings", "oom"])["memory"]
    assert after["oom"] == {"kills": kills, "sample": None}
    assert {"oom_kills": "info", "no_swap": "warning"}.items() <= {
        one["name"]: one["severity"] for one in after["findings"]
    }.items()
