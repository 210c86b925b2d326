# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A zram as a filesystem: which ones there are, and whether one is asked for."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

SWAP = "swap"
MOUNT_OPTIONS = ("mount_point", "mount_options", "mount_owner", "mount_group", "mount_mode")
LABEL = "highwater"  # of those that we make, so that they are known without any record; xfs takes 12 characters


class Kind(NamedTuple):
    """A filesystem that can be made on a zram.

    mkfs:     the command, but for the device; what is only worth while on a disk that lasts is left out.
    package:  that has the command, by Debian's name, which is most others' too.
    smallest: bytes that mkfs wants.
    magic:    the bytes by which it is known, and where on the device; label: where its label begins.
    remounts: whether discard can be changed while it is mounted.
    """

    mkfs: tuple[str, ...]
    package: str
    smallest: int
    magic: tuple[int, bytes]
    label: int
    remounts: bool = True


KINDS = {
    "ext4": Kind(
        mkfs=("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-L", LABEL),
        package="e2fsprogs",
        smallest=2**20,
        magic=(1080, b"\x53\xef"),
        label=1144,
    ),
    "xfs": Kind(
        mkfs=("mkfs.xfs", "-q", "-f", "-L", LABEL),
        package="xfsprogs",
        smallest=300 * 2**20,
        magic=(0, b"XFSB"),
        label=108,
        remounts=False,
    ),
    "btrfs": Kind(
        mkfs=("mkfs.btrfs", "-q", "-f", "-m", "single", "-L", LABEL),
        package="btrfs-progs",
        smallest=128 * 2**20,
        magic=(65600, b"_BHRfS_M"),
        label=65835,
    ),
}

REACH = max(kind.label for kind in KINDS.values()) + 16


class Filesystem(NamedTuple):
    """A filesystem as it is asked for.

    options: of mount(8), ``discard`` or ``nodiscard`` among them.
    owner, group, mode: of its root folder, as numbers; those of the folder that it covers where none were asked for.
    relabel: whether its root folder has to be given SELinux's label of the place, since mkfs gives none.
    """

    fstype: str
    mount_point: str
    options: tuple[str, ...]
    owner: int
    group: int
    mode: int
    relabel: bool = False


class Found(NamedTuple):
    """A filesystem on a device; ours: whether it has our label."""

    fstype: str
    ours: bool


def look(start: bytes) -> Found | None:
    """The filesystem on a device, by its first REACH bytes; None for none of KINDS."""
    for fstype, kind in KINDS.items():
        offset, magic = kind.magic
        if start[offset : offset + len(magic)] == magic:
            label = start[kind.label : kind.label + len(LABEL) + 1].rstrip(b"\0")
            return Found(fstype, label == LABEL.encode("ascii"))
    return None


def is_filesystem(params: dict[str, Any]) -> bool:
    """Whether the options ask for a filesystem; HighwaterError where they ask for parts of both."""
    if params["fstype"] == SWAP:
        given = [option for option in MOUNT_OPTIONS if params[option] is not None]
        if given:
            raise HighwaterError("%s: swap is not mounted: write fstype: ext4, xfs or btrfs beside it" % given[0])
        return False
    if params["priority"] is not None:
        raise HighwaterError(
            "priority: %d is a priority of swap, and fstype is %s: leave one of them out"
            % (params["priority"], params["fstype"])
        )
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_options import check_mount_point

    check_mount_point(params["mount_point"])
    return True
