# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The power is cut at random moments of a first run, of a resize of a swapfile in use, and of a first encrypted run.

The lab's `cut` ends QEMU at once: what the machine had flushed is on its disk, what it had not is in part lost.
Each moment is drawn from a seed that is shown; HIGHWATER_SEED repeats a series.

Fails where the machine does not boot, where its boot waits for swap, where fstab or crypttab is neither as before nor
as after, or where the next run does not converge or leaves something of the one that was cut off.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from typing import Any

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
# From the first change of a run to its last, on an idle computer; later cuts hit a machine that is done.
SECONDS = {"first": 4.0, "resize": 9.0, "encrypted": 6.0}
KINDS = tuple(SECONDS)
WAIT = f"""\
until now=$(stat -c %i:%Y {RECORD} 2>/dev/null) && test "$now" != "$1"; do sleep 0.02; done
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Three cuts, one of each kind; with many rounds, as `make soak` has them, fifty."""
    if "cut" in metafunc.fixturenames:
        rounds = int(metafunc.config.getoption("rounds"))
        seed = int(os.environ.get("HIGHWATER_SEED") or random.SystemRandom().randrange(10**6))
        cuts = [(KINDS[n % 3], f"{seed}-{n}") for n in range(rounds * 5 // 2 if rounds > 2 else 3)]
        metafunc.parametrize("cut", cuts, ids=[f"{kind}-seed-{seed}" for kind, seed in cuts])


def record(machine: Machine) -> str:
    return machine.attempt(f"stat -c %i:%Y {RECORD}").out


def run_and_cut(machine: Machine, after: float, **options: Any) -> None:
    """One call, cut off so many seconds after its first change, which is that of our record."""
    was = record(machine)

    def call() -> None:
        with contextlib.suppress(AssertionError, LabError):  # the machine goes away under it
            machine.module(MODULE, **options)

    thread = threading.Thread(target=call)
    thread.start()
    machine.put("/run/wait.sh", WAIT)
    machine.shell(f"timeout 120 sh /run/wait.sh {was.strip() or 'none'}")
    pause(after)
    machine.cut()
    thread.join(60)
    assert not thread.is_alive()


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
    assert [line.split()[0] for line in machine.shell("cat /proc/swaps").splitlines()[1:]] == [area]
    assert machine.shell("ls -A /swap") == "file\n"
    assert machine.shell("ls -A /etc | grep highwater || true") == ""


@pytest.mark.machine(memory=512)
def test_power_cut(machine: Machine, cut: tuple[str, str]) -> None:
    kind, seed = cut
    chance = random.Random(f"{kind} {seed}")
    machine.shell("printf '%s' \"" + OTHERS + '" >> /etc/fstab')
    bare = table(machine, "/etc/fstab")
    new = f"{bare}\n" + LINE % 7
    options, area, old, crypttabs = BEFORE, PATH, bare, {""}
    if kind == "resize":
        machine.module(MODULE, **BEFORE)
        hold(machine, "150M", "MemoryHigh=60M")
        options, old, new = AFTER, new, f"{bare}\n" + LINE % 9
    elif kind == "encrypted":
        options, area, new = {**BEFORE, "encrypted": True}, "/dev/dm-0", f"{bare}\n{CRYPTED}"
        crypttabs.add(CRYPTTAB)
    machine.shell("sync")
    after = chance.uniform(0, SECONDS[kind])
    print(f"{kind}: cut {after:.2f} s after the first change, seed {seed}")
    run_and_cut(machine, after, **options)

    machine.start(degraded=True)
    assert table(machine, "/etc/fstab") in (old, new)
    assert table(machine, "/etc/crypttab") in crypttabs
    booted_well(machine)
    converged(machine, options, area)
    assert table(machine, "/etc/fstab") == new
