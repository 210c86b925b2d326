# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The power is cut at random moments of a first run, of a resize of a swapfile in use, and of a first encrypted run.

The lab's `cut` ends QEMU at once: what the machine had flushed is on its disk, what it had not is in part lost.
Each moment is drawn from a seed that is shown; HIGHWATER_SEED repeats a series. A cut that the disk shows to have come
before the first change, or after the last, is followed by another.

Fails where the machine does not boot, where its boot waits for swap, where fstab or crypttab is neither as before nor
as after, where the next run does not converge or leaves something of the one that was cut off, or where no cut hits.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import random
import time
from typing import Any, NamedTuple

import pytest
from harness import Machine
from holding import hold

from lab.errors import LabError
from lab.waiting import pause

MODULE = "highwater.memory.swapfile"
PATH, NODE = "/swap/file", "/dev/mapper/highwater-swap-file"
RECORD = "/var/lib/highwater/memory/swapfile/%2Fswap%2Ffile.json"
OTHERS = "LABEL=nowhere /mnt ext4 noauto 0 0  # theirs"  # without a newline at its end
BEFORE: dict[str, Any] = {"path": PATH, "size": "160MiB", "method": "dd", "priority": 7}
AFTER: dict[str, Any] = {
    "path": PATH,
    "size": "224MiB",
    "method": "dd",
    "priority": 9,
    "headroom": "32MiB",
    "keep_free": "64MiB",
}
LINE = f"{PATH} none swap sw,pri=%d,nofail 0 0\n"
CRYPTED = f"{NODE} none swap sw,pri=7,nofail 0 0\n"
CRYPTTAB = (
    f"highwater-swap-file {PATH} /dev/urandom swap,plain,cipher=aes-xts-plain64,size=512,sector-size=4096,nofail\n"
)
# How long a run goes on after its first change, in calls in check mode on the same machine, which change nothing:
# measured, and a computer that is slow is slow in both.
LASTS = {"first": 0.1, "resize": 2.2, "encrypted": 0.6}
CUTS = 5  # at most, for one that comes midway
KINDS = tuple(LASTS)
# What a run changes first is one of these: another file under that name, or none.
SEEN = f"""\
import os, sys, time
def now():
    return " ".join(
        "%d:%d" % (os.stat(path).st_ino, os.stat(path).st_mtime_ns)
        for path in ({RECORD!r}, "/etc/fstab")
        if os.path.exists(path)
    )
"""
# A loop of programs instead would take half of the processor from the call that it waits for.
WAIT = """\
while now() == sys.argv[1]:
    time.sleep(0.01)
"""
CALL_SECONDS = 240  # for a call to come to its first change, emulated and with memory full


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Three cuts, one of each kind; with many rounds, as `make soak` has them, fifty."""
    if "cut" in metafunc.fixturenames:
        rounds = int(metafunc.config.getoption("rounds"))
        seed = os.environ["HIGHWATER_SEED"]
        cuts = [(KINDS[n % 3], f"{seed}-{n}") for n in range(rounds * 5 // 2 if rounds > 2 else 3)]
        metafunc.parametrize("cut", cuts, ids=[f"{kind}-seed-{seed}" for kind, seed in cuts])


def run_and_cut(machine: Machine, lasts: float, options: dict[str, Any]) -> None:
    """One call, cut off when so much of it has passed since its first change, in calls in check mode."""
    began = time.monotonic()
    machine.module(MODULE, check=True, **options)
    after = lasts * (time.monotonic() - began)
    machine.put("/run/wait.py", SEEN + WAIT)
    was = machine.shell("python3 -", text=SEEN + "print(now())").strip()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(machine.module, MODULE, **options)
        changed = machine.attempt(f"timeout {CALL_SECONDS} python3 /run/wait.py '{was}'")
        if changed.code == 0:
            pause(after)
        elif call.done():
            call.result()  # tells why it changed nothing
        machine.cut()
        with contextlib.suppress(AssertionError, LabError):  # the machine has gone away under it
            call.result(60)
    assert changed.code == 0, f"no change within {CALL_SECONDS} s: {changed.err}"
    print(f"cut {after:.2f} s after the first change", end=": ")


def booted_well(machine: Machine) -> None:
    """All that a boot starts was started or failed at once; only swap may have failed."""
    assert machine.shell("systemctl list-jobs --no-legend") == ""
    assert "Timed out" not in machine.shell("journalctl -b -q")
    failed = machine.shell("systemctl --failed --no-legend --plain | cut -d' ' -f1").split()
    assert all("swap" in unit for unit in failed), failed


def table(machine: Machine, path: str) -> str:
    return machine.read(path) or ""


def converged(machine: Machine, options: dict[str, Any], area: str) -> None:
    """One run, after which a second has nothing to do; nothing is left of the one that was cut off."""
    machine.module(MODULE, **options)
    again = machine.module(MODULE, **options)
    assert again["actions"] == []
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    mib = int(options["size"].removesuffix("MiB"))
    assert [(row[0], int(row[2]), int(row[4])) for row in rows] == [(area, (mib << 10) - 4, options["priority"])]
    assert machine.shell(f"stat -c %s {PATH}; ls -A /swap") == f"{mib << 20}\nfile\n"
    assert machine.shell("ls -A /etc | grep highwater || true") == ""


class Case(NamedTuple):
    """A run that is cut off: its options, and fstab, crypttab and the swap area as it would have left them."""

    options: dict[str, Any]
    area: str
    fstab: str
    crypttab: str


def prepared(machine: Machine, kind: str) -> Case:
    machine.shell("printf '%s' \"" + OTHERS + '" >> /etc/fstab')
    bare = table(machine, "/etc/fstab")
    if kind == "resize":
        machine.module(MODULE, **BEFORE)
        hold(machine, "150M", "MemoryHigh=60M")
        return Case(AFTER, PATH, f"{bare}\n" + LINE % 9, "")
    if kind == "encrypted":
        return Case({**BEFORE, "encrypted": True}, "/dev/dm-0", f"{bare}\n{CRYPTED}", CRYPTTAB)
    return Case(BEFORE, PATH, f"{bare}\n" + LINE % 7, "")


def disk(machine: Machine) -> tuple[str, ...]:
    """What a run changes, as it is on the disk: fstab, crypttab, the files and their sizes, our record."""
    files = machine.attempt(f"cd /swap && stat -c '%n %s' $(ls -A); stat -c %i:%Y {RECORD}").out
    return table(machine, "/etc/fstab"), table(machine, "/etc/crypttab"), files


def cut_off(machine: Machine, kind: str, lasts: float) -> bool:
    """One cut, and the next run; whether the disk shows that it came midway."""
    case = prepared(machine, kind)
    before = disk(machine)
    machine.shell("sync")
    run_and_cut(machine, lasts, case.options)
    machine.start(degraded=True)
    found = disk(machine)
    assert found[0] in (before[0], case.fstab)
    assert found[1] in (before[1], case.crypttab)
    booted_well(machine)
    converged(machine, case.options, case.area)
    after = disk(machine)
    assert after[:2] == (case.fstab, case.crypttab)
    midway = found not in (before, after)
    print("midway" if midway else "before it began" if found == before else "when all was done")
    return midway


@pytest.mark.machine(memory=512)
def test_power_cut(machine: Machine, cut: tuple[str, str]) -> None:
    kind, seed = cut
    chance = random.Random(f"{kind} {seed}")
    for number in range(CUTS):
        if number:
            machine.pristine()
        if cut_off(machine, kind, chance.uniform(0, LASTS[kind])):
            return
    pytest.fail(f"none of {CUTS} cuts came midway")
