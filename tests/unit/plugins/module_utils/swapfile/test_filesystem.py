# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a path is looked for on the wrong mount, or a filesystem that cannot hold swap is not refused."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import (
    ABILITIES,
    REFUSED,
    Filesystem,
    ability,
    parse_mount,
)

MOUNTS = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw - proc proc rw
30 22 254:2 / /var rw,relatime shared:2 master:1 - xfs /dev/vda2 rw
31 30 254:3 / /var/my\040disk rw - btrfs /dev/vda3 rw,subvol=/
32 22 0:30 / /mnt rw - tmpfs tmpfs rw
33 22 254:4 / /mnt rw - ext3 /dev/vda4 rw
something that is no mount
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("ext4", "/")),
        ("/swap", ("ext4", "/")),
        ("/var", ("xfs", "/var")),
        ("/var/swap", ("xfs", "/var")),
        ("/various", ("ext4", "/")),
        ("/var/my disk/x", ("btrfs", "/var/my disk")),
        ("/mnt/x", ("ext3", "/mnt")),
    ],
)
def test_parse_mount(path, expected):
    assert parse_mount(MOUNTS, path) == expected


def test_no_mounts():
    assert parse_mount("", "/swap") is None


@pytest.mark.parametrize("kind", [*REFUSED, "fuse.sshfs", "9p"])
def test_others_are_refused(kind):
    with pytest.raises(Unsupported) as caught:
        ability(Filesystem(kind, "/mnt", 1, 1), "/mnt/swapfile")
    assert caught.value.reason == "filesystem"
    assert caught.value.facts == {"filesystem": kind}
    for word in ("/mnt/swapfile", kind, "ext4"):
        assert word in caught.value.message


def test_several_devices_are_refused():
    with pytest.raises(Unsupported, match="btrfs of 2 devices"):
        ability(Filesystem("btrfs", "/mnt", 1, 1, devices=2), "/mnt/swapfile")
    assert ability(Filesystem("btrfs", "/mnt", 1, 1), "/mnt/swapfile").nocow


def test_no_filesystem_is_both_taken_and_refused():
    assert not set(ABILITIES) & set(REFUSED)
