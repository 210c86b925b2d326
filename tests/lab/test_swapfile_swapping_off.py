# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A swapoff from a slow disk: what the terminal shows meanwhile, and what becomes of it when nobody watches it.

Fails where it is silent for long, where percents go back, where a second swapoff is begun beside the first, where a
run that was cut off is not gone on with, where a signal leaves the area off, and where a page is not what was written.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness import Machine, cut_off
from holders import tell

MODULE = "highwater.memory.swapfile"
PATH = "/swap/file"
LOCK = "/run/highwater-memory.lock"
MIB = 160  # that come back
RATE = 3  # MiB/s of the disk
LINE = re.compile(r"^\S+: swapping off /swap/file: (\d+) %, ([\d.]+) ([KM])iB/s, \d:\d\d:\d\d left$", re.MULTILINE)
# Memory that does not fit into its control group, and so goes to the disk. Later it looks at all of it.
PUSHER = f"""\
import hashlib, mmap, os, time
area = mmap.mmap(-1, {MIB} << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for _ in range({MIB}):
    area.write(os.urandom(1 << 20))
before = hashlib.sha1(area).digest()
open("/run/filled", "w").write("yes")
while not os.path.exists("/run/look"):
    time.sleep(0.2)
open("/run/pages", "w").write("whole" if hashlib.sha1(area).digest() == before else "wrong")
"""


def used(machine: Machine) -> int:
    """MiB of the file; 0 where it is off."""
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    return sum(int(row[3]) // 1024 for row in rows if row[0] == PATH)


def swapoffs(machine: Machine) -> list[str]:
    """Processes that swap it off."""
    return machine.attempt(f"pgrep -f 'swapoff {PATH}$'").out.split()


@pytest.fixture
def full(machine: Machine) -> Machine:
    """A machine with that much on a swapfile, whose disk is slow from now on."""
    machine.module(MODULE, path=PATH, size="256MiB", keep_free="64MiB")
    machine.put("/root/pusher.py", PUSHER)
    machine.spawn("pusher", "python3 /root/pusher.py", "MemoryMax=24M", "MemorySwapMax=infinity")
    machine.until(lambda: machine.read("/run/filled"), 240, "the program's pages")
    machine.shell("systemctl set-property --runtime pusher.service MemoryMax=infinity")
    assert used(machine) > MIB - 32
    machine.throttle(mib=RATE)
    return machine


def check_pages(machine: Machine) -> None:
    machine.throttle()
    machine.shell("touch /run/look")
    machine.until(lambda: machine.read("/run/pages"), 120, "the program's look at its pages")
    assert machine.read("/run/pages") == "whole"


def begin(machine: Machine) -> Any:
    return machine.begin(MODULE, path=PATH, state="absent")


def test_it_tells_how_far_it_is(full: Machine) -> None:
    process = begin(full)
    try:
        out, _err = process.communicate(timeout=280)
    finally:
        process.kill()
    assert process.returncode == 0, out
    percents = [int(percent) for percent, _rate, _unit in LINE.findall(out)]
    assert len(percents) >= 2, out
    assert percents == sorted(percents)
    assert 0 < percents[0] < percents[-1] < 100
    assert full.shell("tail -n +2 /proc/swaps") == ""
    assert full.read(PATH) is None
    assert full.shell("ls /run/highwater-memory.swapoff 2>/dev/null; systemctl --failed --no-legend") == ""
    check_pages(full)


def test_a_run_that_was_cut_off_is_gone_on_with(full: Machine) -> None:
    process = begin(full)
    try:
        full.until(lambda: swapoffs(full) and used(full) < MIB - 40, 60, "that it has begun")
    finally:
        cut_off(process)
    first = swapoffs(full)
    again = begin(full)
    try:
        full.until(lambda: used(full) < MIB // 2, 120, "that half of it has come back")
        assert swapoffs(full) in (first, [])
        out, _err = again.communicate(timeout=280)
    finally:
        again.kill()
    assert again.returncode == 0, out
    assert full.shell("tail -n +2 /proc/swaps") == ""
    assert full.read(PATH) is None
    # A second one beside the first would have been refused by the kernel, and its unit have failed.
    assert full.shell("systemctl --failed --no-legend") == ""
    check_pages(full)


def test_a_signal_leaves_the_area_on(full: Machine) -> None:
    """The swapoff goes on in a unit of its own until it is told to end; then its pages are in the file again."""
    fstab = full.read("/etc/fstab")
    process = begin(full)
    try:
        full.until(lambda: swapoffs(full) and used(full) < MIB - 40, 60, "that it has begun")
        # Between two calls of one run nobody has the lock open, and who just took it does not watch the swapoff yet.
        tell(full, LOCK, "TERM", held=5)
        out, _err = process.communicate(timeout=280)
    finally:
        process.kill()
    assert "stopped by SIGTERM" in out
    assert swapoffs(full) == []
    assert full.shell("tail -n +2 /proc/swaps").split()[0] == PATH
    assert full.read("/etc/fstab") == fstab
    assert full.shell(f"stat -c %s {PATH}") == f"{256 << 20}\n"
    full.throttle()
    full.module(MODULE, path=PATH, state="absent")
    assert full.shell("tail -n +2 /proc/swaps") == ""
    check_pages(full)
