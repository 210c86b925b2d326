# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""compress_in_place on a disk that goes bad while it is at work, on each filesystem: real errors of a real kernel.

Fails where a block is given up of which the part file has no copy on the disk, so that a byte of the original is gone
when the filesystem is mounted again (put together by zlib and cat alone), or where the next run, on a disk that was
mended, does not end with the whole file in an ordinary .gz.
"""

from __future__ import annotations

import json
import random
import sys

import guest_code
import pytest
from harness import Machine

SCRIPT = "compress_bad_disk.py"
MOMENTS = 3  # for each round

pytestmark = pytest.mark.machine(memory=1024)


@pytest.mark.parametrize("filesystem", ["ext4", "xfs", "btrfs"])
def test_no_block_can_be_written_any_more(machine: Machine, rounds: int, filesystem: str) -> None:
    folder = guest_code.install(machine, SCRIPT, "compress_cut.py", "compress_killed.py")
    seed, moments = random.randrange(10**6), MOMENTS * rounds
    print(f"{filesystem}, seed {seed}", file=sys.stderr)
    command = f"mkdir -p /mnt/bad && python3 {SCRIPT} /mnt/bad {filesystem} {moments} {seed}"
    done = machine.attempt(f"cd {folder} && {command}", timeout=240 + 120 * rounds)
    assert done.code == 0, done.err
    seen = [json.loads(line) for line in done.out.splitlines()]
    assert len(seen) == moments or len(seen) >= 20  # there are no more calls than that
    assert [line for line in seen if not (line["recoverable"] and line["whole"])] == []
    assert {tuple(line["left"]) for line in seen} == {("app.log.gz",)}
    assert seen[0]["failed"]  # one at the very end may get through
