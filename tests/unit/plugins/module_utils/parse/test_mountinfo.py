# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a mount is misread: optional fields, escapes, an overlay's options; a broken line passed over,
or a path looked for on the wrong mount."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount, mount_of, parse_mountinfo

LINES = r"""21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
36 21 253:0 / /mnt/a\\040b rw,nosuid shared:5 master:1 - ext4 /dev/zram0 rw,discard
47 27 0:41 /sub /srv rw - btrfs /dev/zram1 rw,ssd,subvol=/sub
"""


def test_fields() -> None:
    assert parse_mountinfo(LINES.replace("\\\\", "\\")) == (
        Mount("254:1", "/", "/", ("rw", "relatime"), "ext4", "/dev/vda1", ("rw",)),
        Mount("253:0", "/", "/mnt/a b", ("rw", "nosuid"), "ext4", "/dev/zram0", ("rw", "discard")),
        Mount("0:41", "/sub", "/srv", ("rw",), "btrfs", "/dev/zram1", ("rw", "ssd", "subvol=/sub")),
    )


@pytest.mark.parametrize(
    "line", ["x", "21 1 254:1 / / rw", "21 1 254:1 / / rw - ext4 /dev/vda1", "21 1 - ext4 /dev/vda1 rw"]
)
def test_what_is_no_mount(line: str) -> None:
    with pytest.raises(ParseError):
        parse_mountinfo(line)


MOUNTS = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw - proc proc rw
30 22 254:2 / /var rw,relatime shared:2 master:1 - xfs /dev/vda2 rw
31 30 254:3 / /var/my\040disk rw - btrfs /dev/vda3 rw,subvol=/
32 22 0:30 / /mnt rw - tmpfs tmpfs rw
33 22 254:4 / /mnt rw - ext3 /dev/vda4 rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("ext4", "/", "/dev/vda1")),
        ("/swap", ("ext4", "/", "/dev/vda1")),
        ("/var", ("xfs", "/var", "/dev/vda2")),
        ("/var/swap", ("xfs", "/var", "/dev/vda2")),
        ("/various", ("ext4", "/", "/dev/vda1")),
        ("/var/my disk/x", ("btrfs", "/var/my disk", "/dev/vda3")),
        ("/mnt/x", ("ext3", "/mnt", "/dev/vda4")),
    ],
)
def test_mount_of(path, expected):
    found = mount_of(parse_mountinfo(MOUNTS), path)
    assert (found.fstype, found.point, found.source) == expected


def test_no_mounts():
    assert mount_of((), "/swap") is None
