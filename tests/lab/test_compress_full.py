# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""compress_in_place on filesystems that are full to the last block or inode, and on those that cannot do it.

Fails where it begins what it cannot end, where a byte of the file is another afterwards, where the estimate of check
mode is far from what was won, or where what it says it freed is not what the filesystem has more (statvfs).
"""

from __future__ import annotations

import json
from typing import Any

import guest_code
import pytest
from harness import Machine

MODULE = "highwater.memory.compress_in_place"
SCRIPT = "compress_cases.py"
FILESYSTEMS = {  # how it is made, and how many free bytes it takes to begin with
    "ext4": ("mkfs.ext4 -q -F -m 0", 2**16),
    "xfs": ("mkfs.xfs -q -f", 2**20),
    "btrfs": ("mkfs.btrfs -q -f", 2**24),
}
FEW_INODES = {"ext4": "mkfs.ext4 -q -F -N 64", "xfs": "mkfs.xfs -q -f -i maxpct=1"}  # btrfs makes them without end

pytestmark = pytest.mark.machine(memory=1024, extra=1)


def cases(machine: Machine, mkfs: str, *words: object) -> dict[str, dict[str, Any]]:
    """What the script found on the second disk, by the names of its cases."""
    folder = guest_code.install(machine, SCRIPT, "compress_killed.py")
    machine.shell(f"umount -q /mnt/full; {mkfs} /dev/vdb && mkdir -p /mnt/full && mount /dev/vdb /mnt/full")
    done = machine.attempt(f"cd {folder} && python3 {SCRIPT} {' '.join(map(str, words))}", timeout=900)
    assert done.code == 0, done.err
    return {found["name"]: found for found in map(json.loads, done.out.splitlines())}


def check_compressed(found: dict[str, Any]) -> None:
    estimate, answer = found["estimate"], found["answer"]
    assert "refused" not in answer, answer
    assert found["same"]
    assert found["left"] == ["app.log.gz"]
    assert found["freed"] == pytest.approx(answer["freed"], abs=2**17)  # what holds the names and the extents
    assert estimate["files"][0]["estimated"]
    assert estimate["freed"] == pytest.approx(answer["freed"], rel=0.1)


@pytest.mark.parametrize("filesystem", FILESYSTEMS)
def test_full_to_the_last_block(machine: Machine, filesystem: str) -> None:
    mkfs, free = FILESYSTEMS[filesystem]
    found = cases(machine, mkfs, "blocks", "/mnt/full", free)
    assert found["full"]["refused"] == "disk_full"
    assert found["full"]["msg"].startswith("/mnt/full/app.log")
    assert found["full"]["same"]
    check_compressed(found["nearly full"])


def test_a_btrfs_with_less_room_than_an_extent_takes(machine: Machine) -> None:
    """Where nothing is free before a whole extent is, it must not even begin."""
    found = cases(machine, FILESYSTEMS["btrfs"][0], "extent", "/mnt/full")["less than an extent"]
    assert found["refused"] == "disk_full", found
    assert "compressing it in place begins with" in found["msg"]
    assert found["same"]


def test_full_to_the_last_inode(machine: Machine) -> None:
    for mkfs in FEW_INODES.values():
        found = cases(machine, mkfs, "inodes", "/mnt/full")
        assert found["full"]["refused"] == "disk_full"
        assert "0 inodes" in found["full"]["msg"]
        assert found["full"]["same"]
        check_compressed(found["nearly full"])


REFUSED = {
    "fat": ("filesystem", "cannot punch holes"),
    "mounted image": ("open", "mounted image"),
    "reflink": ("shared", "shares 24 MiB with a snapshot or another file"),
    "snapshot": ("shared", "shares 24 MiB with a snapshot or another file"),
    "read-only": ("filesystem", "mounted read-only"),
    "swapfile": ("open", "where it is swap"),
    "tmpfs": ("filesystem", "is in memory (tmpfs)"),
    "block device": ("not_a_file", "is a block device"),
}


def test_refused_before_anything_is_touched(machine: Machine) -> None:
    found = cases(machine, "mkfs.ext4 -q -F", "refused", "/mnt/full")
    assert set(found) == set(REFUSED)
    for name, (reason, said) in REFUSED.items():
        assert found[name]["refused"] == reason, found[name]
        assert said in found[name]["msg"], found[name]
        assert found[name]["msg"].startswith(found[name]["path"])
        assert found[name]["same"], name
    assert machine.refused(MODULE, level=6)["msg"].endswith("missing required arguments: path")
    level = machine.refused(MODULE, path="/etc/services", level=10)
    assert level["msg"].startswith("level: 10 is out of range")
    assert machine.refused(MODULE, path="/etc")["reason"] == "include"
