# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the file that a hibernated system would be woken from is taken for another, or another for that one."""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resume
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.extents import Extent
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.resume import Resume


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"sys/power/resume": "8:1\n", "sys/power/resume_offset": "0\n"}, None),
        ({"sys/power/resume": "8:1\n", "sys/power/resume_offset": "34816\n"}, Resume("8:1", 34816)),
        ({"sys/power/resume": "0:0\n", "sys/power/resume_offset": "34816\n"}, Resume(None, 34816)),
        ({"proc/cmdline": "quiet resume=/dev/sda1 resume_offset=34816\n"}, Resume(None, 34816)),
        ({"proc/cmdline": "resume_offset=1 resume_offset=2"}, Resume(None, 2)),
        ({"proc/cmdline": "xresume_offset=1"}, None),
        # What the command line said may have been changed since.
        ({"proc/cmdline": "resume_offset=1", "sys/power/resume_offset": "0\n"}, None),
    ],
)
def test_observe(tmp_path, files, expected):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert resume.observe(Host(str(tmp_path))) == expected


PAGE = 4096
FILE = [Extent(0, 1 << 20, 0, 34816 * PAGE), Extent(1 << 20, 1 << 20, 0, 5 * PAGE)]


@pytest.mark.parametrize(
    ("where", "kind", "extents", "expected"),
    [
        (Resume("8:1", 34816), "ext4", FILE, True),
        (Resume(None, 34816), "ext4", FILE, True),
        (Resume("8:2", 34816), "ext4", FILE, False),
        (Resume("8:1", 5), "ext4", FILE, False),
        (Resume("8:1", 99), "btrfs", FILE, True),
        (Resume("8:2", 99), "btrfs", FILE, False),
        (Resume("8:1", 99), "ext2", None, True),
    ],
)
def test_is_from(where, kind, extents, expected):
    assert resume.is_from(where, kind, "8:1", extents, PAGE) is expected


def test_device_of(tmp_path):
    status = os.stat(str(tmp_path))
    number = "%d:%d" % (os.major(status.st_dev), os.minor(status.st_dev))
    assert resume.device_of(status, "tmpfs") == number
    assert resume.device_of(status, "/dev/null") == "1:3"
