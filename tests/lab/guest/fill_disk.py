# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs in a machine: fills the filesystem of a folder to its last block, or to its last inode.

    fill_disk.py FOLDER blocks|inodes

Ends when root, too, is told that there is no room (ENOSPC). What fills it is FOLDER/blocks, or files in FOLDER/inodes.
"""

import errno
import os
import sys

NEARLY = 64 << 20  # bytes that are written, since the last blocks cannot be allocated at once


def blocks(folder: str) -> None:
    room = os.statvfs(folder)
    path = os.path.join(folder, "blocks")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.posix_fallocate(fd, 0, max(room.f_bfree * room.f_frsize - NEARLY, 1))
    chunk = 1 << 20
    while chunk:
        try:
            os.write(fd, b"x" * chunk)
            os.fsync(fd)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            chunk //= 2


def inodes(folder: str) -> None:
    os.mkdir(os.path.join(folder, "inodes"))
    os.chdir(os.path.join(folder, "inodes"))
    number = 0
    while True:
        try:
            os.mknod(str(number))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            break
        number += 1
    os.sync()


{"blocks": blocks, "inodes": inodes}[sys.argv[2]](sys.argv[1])
