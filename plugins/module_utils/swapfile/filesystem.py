# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each filesystem does with a swapfile: one table, one row a filesystem, and nothing else to touch."""

from __future__ import annotations

import fcntl
import os
import struct

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple


class Ability(NamedTuple):
    """How a swapfile is made on a filesystem.

    fallocate: swapon takes blocks that were allocated and never written.
    nocow:     the file must be made copy-on-write-free (chattr +C) while it is empty.
    pinned:    its blocks must be kept from moving, from when it is empty; f2fs allocates only such a file in whole
               sections, which is how swapon wants it.
    """

    fallocate: bool = True
    nocow: bool = False
    pinned: bool = False

    @property
    def zeros(self) -> bool:
        """Whether it can grow by being written to; a pinned file takes writes only where it has blocks (EIO)."""
        return not self.pinned

    def prepare(self, fd: int) -> None:
        """Make an open, empty file what a swapfile has to be here. Raises OSError as the kernel gives it."""
        if self.nocow:
            set_nocow(fd)
        if self.pinned:
            fcntl.ioctl(fd, F2FS_IOC_SET_PIN_FILE, struct.pack("I", 1))

    def suits(self, fd: int) -> bool:
        """Whether an open file that has content by now was made so."""
        return not self.nocow or is_nocow(fd)


ABILITIES = {
    "ext4": Ability(),
    "ext3": Ability(fallocate=False),
    "ext2": Ability(fallocate=False),
    "xfs": Ability(),  # 4.18 and later
    "btrfs": Ability(nocow=True),  # 5.0 and later
    "f2fs": Ability(pinned=True),  # 5.4 and later
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
    devices: that it spans; copies: it keeps data more than once, or spreads it; source: the device, as mounted;
    reserved: bytes beyond free that root can write; shared: of btrfs, whether its subvolume there holds more than swap.
    """

    kind: str
    mount_point: str
    total: int
    free: int
    devices: int = 1
    read_only: bool = False
    source: str = ""
    copies: bool = False
    reserved: int = 0
    shared: bool = False


def reserved(kind: str, room: os.statvfs_result) -> int:
    """Bytes that are free for root alone. What is free on ext4 has blocks that it takes for its own metadata only
    (ext4_set_resv_clusters() of fs/ext4/super.c). btrfs has none for root: with less for others it means that its
    metadata have no room.
    """
    if kind == "btrfs":
        return 0
    own = min(room.f_blocks // 50, 4096) if kind == "ext4" else 0
    return max(room.f_bfree - room.f_bavail - own, 0) * room.f_frsize


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
    if filesystem.read_only:
        raise Unsupported(
            "path: %s is on a filesystem that is mounted read-only (at %s), where nothing can be swapped out: remount "
            "it read-write, or choose a path on another" % (path, filesystem.mount_point),
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
    if filesystem.copies:
        raise Unsupported(
            "path: %s is on a %s whose data has another profile than single (mounted at %s), on which the kernel takes "
            "no swapfile: convert it (btrfs balance start -dconvert=single), or choose one on another filesystem"
            % (path, filesystem.kind, filesystem.mount_point),
            reason="filesystem",
            filesystem=filesystem.kind,
        )
    return found


# -- what the kernel keeps of a file -------------------------------------------------------------------------------

FS_NOCOW_FL = 0x00800000
COMPRESSION = 0x4 | 0x400  # FS_COMPR_FL, FS_NOCOMP_FL
# _IOR and _IOW have the two direction bits the other way round on these (arch/*/include/uapi/asm/ioctl.h).
_TURNED = ("ppc", "mips", "sparc", "alpha")
_LONG = struct.calcsize("l") << 16
READ, WRITE = (0x40000000, 0x80000000) if os.uname().machine.startswith(_TURNED) else (0x80000000, 0x40000000)
FS_IOC_GETFLAGS = READ | _LONG | 0x6601
FS_IOC_SETFLAGS = WRITE | _LONG | 0x6602
FS_IOC_GETVERSION = READ | _LONG | 0x7601
F2FS_IOC_SET_PIN_FILE = WRITE | 4 << 16 | 0xF50D  # include/uapi/linux/f2fs.h


def is_nocow(fd: int) -> bool:
    """Whether an open file is kept from copy-on-write (``C`` of lsattr)."""
    return bool(_flags(fd) & FS_NOCOW_FL)


def set_nocow(fd: int) -> None:
    """Give an open, empty file the attribute; raises OSError where the filesystem does not take it.

    What it has from its folder about compression goes first: the kernel takes no two of these together.
    """
    flags = _flags(fd)
    if flags & COMPRESSION:
        flags &= ~COMPRESSION
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", flags))
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", flags | FS_NOCOW_FL))


def generation(fd: int) -> int | None:
    """The number that tells an open file from an earlier one of the same inode number; None where there is none."""
    try:
        answer = fcntl.ioctl(fd, FS_IOC_GETVERSION, struct.pack("l", 0))
    except OSError:
        return None
    number: int = struct.unpack_from("I", answer)[0]
    return number


def _flags(fd: int) -> int:
    answer = fcntl.ioctl(fd, FS_IOC_GETFLAGS, struct.pack("l", 0))
    flags: int = struct.unpack_from("i", answer)[0]
    return flags
