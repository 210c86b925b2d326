# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a btrfs from having a swapfile, several devices or data that is there more than once; where on its device
it has one; and what a swapfile keeps it from, snapshots of the subvolume.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import READ

FS_INFO = READ | 1024 << 16 | 0x941F  # BTRFS_IOC_FS_INFO of include/uapi/linux/btrfs.h
SPACE_INFO = 0xC0109414  # BTRFS_IOC_SPACE_INFO; _IOWR is the same on all
TREE_SEARCH = 0xD0009411  # BTRFS_IOC_TREE_SEARCH, likewise
# include/uapi/linux/btrfs_tree.h: the key of a chunk but for its offset, the address at which it begins.
_CHUNK_TREE, _CHUNKS, _CHUNK = 3, 256, 228
_ARGS, _KEY = 4096, struct.Struct("=7Q2I2I")  # struct btrfs_ioctl_search_args, and its key as far as it is not zeros
_COUNT, _ITEMS = 64, 104  # where in these the number of items is, and where they begin
_HEAD = struct.Struct("=3Q2I")  # struct btrfs_ioctl_search_header: transid, objectid, offset, type, len
_ITEM = struct.Struct("<Q36xH2xQQ")  # struct btrfs_chunk: length, num_stripes; of the first stripe devid, offset
# include/uapi/linux/btrfs_tree.h: BTRFS_BLOCK_GROUP_DATA, and all that is not single.
_DATA, _PROFILES = 0x1, 0x7F8
SUBVOLUME = 256  # inode of the root of each: BTRFS_FIRST_FREE_OBJECTID, as above
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


def place_of(fd: int, address: int) -> int | None:
    """The byte of the device that an address of an open file's filesystem stands for, as `btrfs inspect-internal
    map-swapfile` finds it; None where it does not say, or it is in several places.
    """
    start = 0
    while True:
        try:
            found = _chunks(fd, start, address)
        except OSError:
            return None
        for begin, length, stripes, place in found:
            if begin <= address < begin + length:
                return place + address - begin if stripes == 1 else None
        if not found:
            return None
        start = found[-1][0] + 1


def _chunks(fd: int, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """As many as one answer has of the chunks that begin from start to end: where, length, stripes, and the place of
    the first one of these.
    """
    most = 2**64 - 1
    args = bytearray(_ARGS)
    _KEY.pack_into(args, 0, _CHUNK_TREE, _CHUNKS, _CHUNKS, start, end, 0, most, _CHUNK, _CHUNK, _ARGS, 0)
    fcntl.ioctl(fd, TREE_SEARCH, args, True)
    found, at = [], _ITEMS
    for _item in range(struct.unpack_from("=I", args, _COUNT)[0]):
        begin, size = _HEAD.unpack_from(args, at)[2::2]
        length, stripes, _device, place = _ITEM.unpack_from(args, at + _HEAD.size)
        found.append((begin, length, stripes, place))
        at += _HEAD.size + size
    return found


def is_subvolume_of(folder: str, names: Sequence[str]) -> bool:
    """Whether a folder is a subvolume in which there is nothing but these."""
    return os.stat(folder).st_ino == SUBVOLUME and set(os.listdir(folder)) <= set(names)
