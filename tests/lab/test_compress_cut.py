# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""compress_in_place with the power cut before every single call by which it changes anything, on each filesystem.

The cuts are clones of the image that the filesystem is in, so each of them comes, whatever the speed of the machine; by
the power cut for real is test_compress_killed.py. Fails where a byte of the original cannot be put together again from
what a clone has (by zlib and cat alone), where the next run does not end with the whole file in an ordinary .gz, or
where one that is undone is not as it was.
"""

from __future__ import annotations

import json
import random
import sys

import guest_code
import pytest
from harness import Machine

SCRIPT = "compress_cut.py"
FILESYSTEMS = ("ext4", "xfs", "btrfs")
# What the run does, and what the filesystem sends to the disk besides: see the script.
CASES = [(way, more) for way in ("forward", "back") for more in ("nothing", "original", "all")] + [("fresh", "nothing")]
FEWEST = 20  # calls by which a run of five blocks changes something, at the very least

pytestmark = pytest.mark.machine(memory=1024, extra=1)


@pytest.mark.parametrize("filesystem", FILESYSTEMS)
def test_the_power_is_cut_before_every_call(machine: Machine, rounds: int, filesystem: str) -> None:
    """One case for two rounds, as they come; each is all of the moments of one run."""
    folder = guest_code.install(machine, SCRIPT, "compress_killed.py")
    machine.shell("mkfs.xfs -q -f -m reflink=1 /dev/vdb && mkdir -p /mnt/clones && mount /dev/vdb /mnt/clones")
    for way, more in random.sample(CASES, min(max(1, rounds // 2), len(CASES))):
        seed = random.randrange(10**6)
        print(f"{filesystem}, {way}, {more}, seed {seed}", file=sys.stderr)
        command = f"python3 {SCRIPT} /mnt/clones {filesystem} {way} {more} {seed}"
        done = machine.attempt(f"cd {folder} && {command}", timeout=900)
        assert done.code == 0, done.err
        seen = [json.loads(line) for line in done.out.splitlines()]
        assert len(seen) >= FEWEST
        assert [line for line in seen if not (line["recoverable"] and line["whole"])] == []
        assert False not in {line["undone"] for line in seen}
        assert {tuple(line["left"]) for line in seen} == {("app.log.gz",)}
