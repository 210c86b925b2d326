# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What goes wrong while zeros are written: the disk is full, a block cannot be written, the filesystem goes away, the
run is stopped or killed.

Fails where part of a file is left, by the call that fails or by those before it, where something was turned on or
written into fstab, or where the error does not say what was wrong. Real errors of a real kernel: device-mapper's error
target, another program's file, signals.
"""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from harness import Machine

MODULE = "highwater.memory.swapfile"
FOLDER = "/srv/disk"
PATH = f"{FOLDER}/file"
DRAFT = f"{FOLDER}/.file.highwater.new"
OPTIONS: dict[str, Any] = {"path": PATH, "size": "700MiB", "method": "dd", "keep_free": "16MiB"}
# Somebody else's file, beside which there is no room for ours.
FILL = f"fallocate -l 700M {FOLDER}/theirs || dd if=/dev/zero of={FOLDER}/theirs bs=1M || true"
FIRST_CALL = 8  # seconds that it may write: SLICES of plugins/plugin_utils/slices.py
GIVEN_UP = f"what was begun is given up: remove {DRAFT}"
SECTORS = 1 << 21  # of the second disk, 1 GiB
# All that describes the files at the beginning, so that the rest of the disk can go bad under the files alone.
DISK = f"""\
set -e
echo "0 {SECTORS} linear /dev/vdb 0" | dmsetup create disk
mkfs.ext4 -q -E packed_meta_blocks=1,lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/disk
mkdir -p {FOLDER}
mount /dev/mapper/disk {FOLDER}
rmdir {FOLDER}/lost+found
"""
# Waits until 40 MiB of the draft are there, then runs a command, with the process that writes for PID in it; again for
# each process that goes on with the draft, as often as is asked for.
MEANWHILE = f"""\
import glob, os, subprocess, sys, time

end = time.monotonic() + 200

def begun():
    return os.path.exists({DRAFT!r}) and os.stat({DRAFT!r}).st_blocks >= 40 << 11

def writer():
    for number in glob.glob("/proc/[0-9]*"):
        try:
            if any(os.readlink(fd.path) == {DRAFT!r} for fd in os.scandir(number + "/fd")):
                return number[len("/proc/"):]
        except OSError:
            pass
    return None

seen = [None]
while len(seen) <= int(sys.argv[2]):
    pid = writer() if begun() else None
    if pid not in seen:
        subprocess.run(sys.argv[1].replace("PID", pid), shell=True, check=True)
        seen.append(pid)
    assert time.monotonic() < end
    time.sleep(0.01)
"""


@pytest.fixture
def disk(machine: Machine) -> Machine:
    """The machine with a disk of 1 GiB at FOLDER that may go bad."""
    machine.put("/root/disk.sh", DISK)
    machine.shell("sh /root/disk.sh")
    return machine


def meanwhile(machine: Machine, does: str, times: int = 1) -> None:
    """Does it as soon as 40 MiB are written, and to so many processes that write."""
    machine.put("/root/meanwhile.py", MEANWHILE)
    machine.spawn("meanwhile", f"python3 /root/meanwhile.py {shlex.quote(does)} {times}")


def untouched(machine: Machine, fstab: str | None, left: str = "") -> None:
    """Nothing is on, nothing in fstab, nothing of a file is left."""
    assert len(machine.shell("cat /proc/swaps").splitlines()) == 1
    assert machine.read("/etc/fstab") == fstab
    assert machine.shell(f"ls -A {FOLDER}") == left


pytestmark = pytest.mark.machine(extra=1)


def test_disk_full(disk: Machine) -> None:
    fstab = disk.read("/etc/fstab")
    meanwhile(disk, FILL)
    refused = disk.refused(MODULE, **OPTIONS)
    # By the next call, where the computer is so slow that the first is over before the disk is full.
    assert "became full" in refused["msg"] or GIVEN_UP in refused["msg"], refused["msg"]
    assert refused["reason"] == "disk"
    untouched(disk, fstab, left="theirs\n")


def test_disk_full_between_two_calls(disk: Machine) -> None:
    """The first one is held up until its time is up: it puts the work down, and the next one does not take it up."""
    fstab = disk.read("/etc/fstab")
    meanwhile(disk, f"kill -STOP PID; {FILL}; sleep {FIRST_CALL + 2}; kill -CONT PID")
    refused = disk.refused(MODULE, **OPTIONS)
    assert "would leave" in refused["msg"], refused["msg"]
    assert GIVEN_UP in refused["msg"], refused["msg"]
    assert refused["reason"] == "disk"
    untouched(disk, fstab, left="theirs\n")


def test_a_block_that_cannot_be_written(disk: Machine) -> None:
    fstab = disk.read("/etc/fstab")
    half = SECTORS // 2
    table = f"0 {half} linear /dev/vdb 0\\n{half} {half} error"
    disk.shell(
        f"printf '{table}' > /root/table; dmsetup suspend disk; dmsetup load disk /root/table; dmsetup resume disk"
    )
    refused = disk.refused(MODULE, **OPTIONS)
    assert "Input/output error" in refused["msg"], refused["msg"]
    untouched(disk, fstab)


def test_the_filesystem_goes_away(disk: Machine) -> None:
    """And what was written on it is gone when it is mounted again."""
    fstab = disk.read("/etc/fstab")
    meanwhile(disk, f"kill -STOP PID; umount --lazy {FOLDER}; kill -CONT PID")
    # So small that one call writes it, on a slow computer too: the next refuses by what our record says.
    refused = disk.refused(MODULE, **{**OPTIONS, "size": "200MiB"})
    assert PATH in refused["msg"], refused["msg"]
    untouched(disk, fstab)
    disk.shell(f"mount /dev/mapper/disk {FOLDER}")
    untouched(disk, fstab)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The other signals, which have the same handler, under `make soak`."""
    if "signal" in metafunc.fixturenames:
        many = metafunc.config.getoption("rounds") > 2
        metafunc.parametrize("signal", ["TERM", *(["INT", "HUP"] if many else [])])


def test_stopped(disk: Machine, signal: str) -> None:
    fstab = disk.read("/etc/fstab")
    meanwhile(disk, f"kill -{signal} PID")
    refused = disk.refused(MODULE, **OPTIONS)
    assert refused["reason"] == "stopped"
    assert f"SIG{signal}" in refused["msg"]
    untouched(disk, fstab)


@pytest.mark.parametrize("times", [1, 3])
def test_killed(disk: Machine, times: int) -> None:
    """Nothing can be taken back then: what is left is gone on with, twice in the same run and else by the next one."""
    meanwhile(disk, "kill -KILL PID && echo PID >> /root/killed", times)
    if times > 2:
        disk.refused(MODULE, **OPTIONS)
        assert disk.shell(f"ls -A {FOLDER}") == f"{DRAFT.rpartition('/')[2]}\n"
    disk.module(MODULE, **OPTIONS)
    assert len(set(disk.shell("cat /root/killed").split())) == times
    assert disk.shell(f"ls -A {FOLDER}") == "file\n"
    assert disk.shell("cat /proc/swaps").splitlines()[1].split()[0] == PATH
