# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""compress_in_place, killed and cut off from power at random moments, on each filesystem, with next to no room on it.

Fails where a byte of the original cannot be put together again from what is on the disk (by zlib and cat alone), where
the next run does not end with the whole file in an ordinary .gz, or where it leaves anything beside it; and where one
that is undone (state: restored) is not as it was, or takes more room than the same again that it began with.
"""

from __future__ import annotations

import json
import random
import sys
from typing import NamedTuple

import guest_code
import pytest
from harness import Machine

SCRIPT = "compress_killed.py"
KEPT, LOG, PART = "/var/tmp/kept.log", "/mnt/full/app.log", "/mnt/full/.app.log.highwater"
KILLS = 3  # on each filesystem, in each round of the series; with one cut each, twenty rounds are 200 moments
TRIES = 5  # cuts, at most, for one that comes midway

pytestmark = pytest.mark.machine(memory=1024, extra=1)


class Filesystem(NamedTuple):
    """free: bytes that compressing begins with; xfs makes inodes by the dozen, btrfs gives back whole extents only."""

    make: str
    free: int


FILESYSTEMS = {
    "ext4": Filesystem("mkfs.ext4 -q -F -m 0", 2**16),
    "xfs": Filesystem("mkfs.xfs -q -f", 2**20),
    "btrfs": Filesystem("mkfs.btrfs -q -f", 2**24),
}


def prepare(machine: Machine, filesystem: str) -> str:
    """A filesystem on the second disk; the folder of the script."""
    folder = guest_code.install(machine, SCRIPT)
    machine.shell(f"{FILESYSTEMS[filesystem].make} /dev/vdb && mkdir -p /mnt/full && mount /dev/vdb /mnt/full")
    return folder


@pytest.mark.parametrize("filesystem", FILESYSTEMS)
def test_killed_at_random_moments(machine: Machine, rounds: int, filesystem: str) -> None:
    folder = prepare(machine, filesystem)
    kills, seed = KILLS * rounds, random.randrange(10**6)
    print(f"seed {seed}", file=sys.stderr)
    command = f"python3 {SCRIPT} kill {KEPT} {LOG} {FILESYSTEMS[filesystem].free} {kills} {seed}"
    done = machine.attempt(f"cd {folder} && {command}", timeout=120 + 120 * rounds)
    assert done.code == 0, done.err
    seen = [json.loads(line) for line in done.out.splitlines()]
    for line in seen:
        print(line, file=sys.stderr)
    assert [line for line in seen if not (line["recoverable"] and line["whole"])] == []
    assert False not in {line["restored"] for line in seen}
    assert {tuple(line["left"]) for line in seen} == {("app.log.gz",)}
    # What came before the first block, or when all was done, shows less, and was followed by another.
    midway = [line for line in seen if line["killed"] and line["begun"]]
    assert len(midway) == kills, f"{len(midway)} of {len(seen)} kills midway"


def test_the_power_is_cut_at_random_moments(machine: Machine, rounds: int) -> None:
    """As often as rounds say while a part file is there; some cuts come when the work is through, and more follow then.
    Each run of this begins with another filesystem, as it comes, since a single round is a single cut.

    The last block, too, that gunzip needs may not have reached the disk: then it is still in the original.
    """
    cuts = midway = 0
    first = random.randrange(len(FILESYSTEMS))
    while midway < rounds and cuts < TRIES * rounds:
        midway += cut_off(machine, list(FILESYSTEMS)[(first + cuts) % len(FILESYSTEMS)])
        cuts += 1
    print(f"{midway} of {cuts} cuts midway", file=sys.stderr)
    assert midway == rounds


def cut_off(machine: Machine, filesystem: str) -> bool:
    """One cut, and the next run; whether the first was still at work."""
    machine.pristine()
    folder = prepare(machine, filesystem)
    script = f"cd {folder} && python3 {SCRIPT}"
    lay = f"{script} lay {KEPT} {LOG} {FILESYSTEMS[filesystem].free}"
    seconds = float(machine.shell(f"{lay} && python3 {SCRIPT} time {LOG}"))
    expected = machine.shell(f"{lay} && sync && sha256sum < {LOG}").split()[0]
    machine.spawn("work", f"/bin/sh -c '{script} work {LOG}'")
    begun = f"timeout 60 sh -c 'until test -e {PART} -o -e {LOG}.gz; do sleep 0.01; done'"
    machine.shell(f"{begun}; sleep {random.uniform(0, 0.7 * seconds):.2f}")
    machine.cut()
    machine.start()
    machine.shell("mount /dev/vdb /mnt/full")
    midway = machine.attempt(f"test -e {PART}").code == 0
    print(filesystem, machine.shell("ls -la /mnt/full"), file=sys.stderr)
    assert machine.shell(f"{script} look {LOG}").strip() == expected
    machine.module("highwater.memory.compress_in_place", path=LOG)
    assert machine.shell(f"zcat {LOG}.gz | sha256sum").split()[0] == expected
    assert set(machine.shell("ls -A /mnt/full").split()) - {"lost+found"} == {"app.log.gz", "filler"}
    return midway
