# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each filesystem does with a swapfile: one table, one row a filesystem, and nothing else to touch."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import decode


class Ability(NamedTuple):
    """How a swapfile is made on a filesystem.

    fallocate: swapon takes blocks that were allocated and never written.
    nocow:     the file must be made copy-on-write-free (chattr +C) while it is empty.
    """

    fallocate: bool = True
    nocow: bool = False


ABILITIES = {
    "ext4": Ability(),
    "ext3": Ability(fallocate=False),
    "ext2": Ability(fallocate=False),
    "xfs": Ability(),  # 4.18 and later
    "btrfs": Ability(nocow=True),  # 5.0 and later
}

# Why not, for those that people ask for; any other is refused in general words.
REFUSED = {
    "tmpfs": "it is in memory itself",
    "ramfs": "it is in memory itself",
    "zfs": "it allocates memory to write, and swapping to it can deadlock",
    "overlay": "its files have no blocks of their own",
    "nfs": "it allocates memory to write over the network",
    "nfs4": "it allocates memory to write over the network",
    "squashfs": "it is read-only",
}


class Filesystem(NamedTuple):
    """Where a path lies. kind: as in /proc/filesystems; total, free: bytes, free without what is kept for root;
    devices: that it spans.
    """

    kind: str
    mount_point: str
    total: int
    free: int
    devices: int = 1


def parse_mount(mountinfo: str, path: str) -> tuple[str, str] | None:
    """Kind and mount point of the filesystem that holds an absolute path, by proc_pid_mountinfo(5); None if none does.

    Of two that are mounted over each other the later one is seen.
    """
    best: Optional[tuple[str, str]] = None
    for line in mountinfo.splitlines():
        left, _dash, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        mount_point = decode(fields[4])
        if path != mount_point and not path.startswith(mount_point.rstrip("/") + "/"):
            continue
        if best is None or len(mount_point) >= len(best[1]):
            best = (right.split(" ")[0], mount_point)
    return best


def ability(filesystem: Filesystem, path: str) -> Ability:
    """The row of the table; raises Unsupported (reason ``filesystem``) where it cannot hold a swapfile."""
    found = ABILITIES.get(filesystem.kind)
    if found is None:
        why = REFUSED.get(filesystem.kind, "this module does not know how swap behaves there")
        raise Unsupported(
            "path: %s is on %s (mounted at %s), which cannot hold a swapfile, since %s: choose a path on one of %s"
            % (path, filesystem.kind, filesystem.mount_point, why, ", ".join(sorted(ABILITIES))),
            reason="filesystem",
            filesystem=filesystem.kind,
        )
    if filesystem.devices > 1:
        raise Unsupported(
            "path: %s is on a %s of %d devices (mounted at %s), on which the kernel takes no swapfile: choose one "
            "on a filesystem of one device" % (path, filesystem.kind, filesystem.devices, filesystem.mount_point),
            reason="filesystem",
            filesystem=filesystem.kind,
        )
    return found


# -- NOCOW ---------------------------------------------------------------------------------------------------------

FS_NOCOW_FL = 0x00800000
# _IOR and _IOW have the two direction bits the other way round on these (arch/*/include/uapi/asm/ioctl.h).
_TURNED = ("ppc", "mips", "sparc", "alpha")
_LONG = struct.calcsize("l") << 16
_BITS = (0x40000000, 0x80000000) if os.uname().machine.startswith(_TURNED) else (0x80000000, 0x40000000)
FS_IOC_GETFLAGS = _BITS[0] | _LONG | 0x6601
FS_IOC_SETFLAGS = _BITS[1] | _LONG | 0x6602
BTRFS_IOC_FS_INFO = _BITS[0] | 1024 << 16 | 0x941F  # include/uapi/linux/btrfs.h


def count_devices(kind: str, folder: str) -> int:
    """How many devices the filesystem of a folder spans; 1 for those that cannot span several, or do not say."""
    if kind != "btrfs":
        return 1
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(fd, BTRFS_IOC_FS_INFO, bytes(1024))
    except OSError:
        return 1
    finally:
        os.close(fd)
    devices: int = struct.unpack_from("=QQ", answer)[1]  # max_id, num_devices
    return devices


def is_nocow(fd: int) -> bool:
    """Whether an open file is kept from copy-on-write (``C`` of lsattr)."""
    return bool(_flags(fd) & FS_NOCOW_FL)


def set_nocow(fd: int) -> None:
    """Give an open, empty file the attribute; raises OSError where the filesystem does not take it."""
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", _flags(fd) | FS_NOCOW_FL))


def _flags(fd: int) -> int:
    answer = fcntl.ioctl(fd, FS_IOC_GETFLAGS, struct.pack("l", 0))
    flags: int = struct.unpack_from("i", answer)[0]
    return flags
