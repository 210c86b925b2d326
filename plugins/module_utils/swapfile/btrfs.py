# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a btrfs from having a swapfile: several devices, and data that is there more than once."""

from __future__ import annotations

import fcntl
import os
import struct

from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import READ

FS_INFO = READ | 1024 << 16 | 0x941F  # BTRFS_IOC_FS_INFO of include/uapi/linux/btrfs.h
SPACE_INFO = 0xC0109414  # BTRFS_IOC_SPACE_INFO; _IOWR is the same on all
# include/uapi/linux/btrfs_tree.h: BTRFS_BLOCK_GROUP_DATA, and all that is not single.
_DATA, _PROFILES = 0x1, 0x7F8
_SPACES = 32  # kinds of space that are asked for; there are three to six


def count_devices(folder: str) -> int:
    """How many devices the filesystem of a folder spans; 1 where it does not say."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(fd, FS_INFO, bytes(1024))
    except OSError:
        return 1
    finally:
        os.close(fd)
    devices: int = struct.unpack_from("=QQ", answer)[1]  # max_id, num_devices
    return devices


def keeps_copies(folder: str) -> bool:
    """Whether all room that the filesystem of a folder has for data is of another profile than single (``dup`` even
    on one device); False where it does not say.
    """
    space = bytearray(struct.pack("=QQ", _SPACES, 0) + bytes(24 * _SPACES))
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, SPACE_INFO, space, True)
    except OSError:
        return False
    finally:
        os.close(fd)
    count = min(struct.unpack_from("=QQ", space)[1], _SPACES)
    flags = (struct.unpack_from("=QQQ", space, 16 + 24 * n)[0] for n in range(count))
    data = [each for each in flags if each & _DATA]
    return bool(data) and all(each & _PROFILES for each in data)
