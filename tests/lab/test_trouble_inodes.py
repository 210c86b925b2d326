# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Playbook disk_full on a host whose / is full to the last inode, by a user with sudo.

Making so many files takes minutes. Fails where the playbook does not get through, does not name the folder that has
them, or where what was named does not give its room back.
"""

from __future__ import annotations

import pytest
from harness import Machine
from test_trouble_disk_full import GONE, GONE_MIB, open_file, play, prepare, refused_elsewhere, refuses_root, room

pytestmark = pytest.mark.machine(image="bookworm", memory=512)


def test_full_to_the_last_inode(machine: Machine) -> None:
    prepare(machine, "inodes")
    before = room(machine)
    assert before[1] == 0
    assert refuses_root(machine)
    refused_elsewhere(machine)
    done = play(machine, disk_full_seconds=20, disk_full_truncate=[GONE])
    assert done.changed == 1
    for words in ("100.0 %", "folders with the most files", "/srv/inodes", GONE):
        assert words in done.output, words
    assert room(machine)[0] - before[0] == GONE_MIB << 20
    assert open_file(machine, "gone") == (0, 0)
    assert open_file(machine, "kept") == (GONE_MIB << 19, GONE_MIB << 19)
