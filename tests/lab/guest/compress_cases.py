# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs on a machine of the lab: compress_in_place on filesystems that are full, or that cannot do what it needs.

    compress_cases.py blocks FOLDER FREE    a filesystem that is full to its last block, then but for FREE bytes
    compress_cases.py extent FOLDER         a btrfs with less room than its trees alone may want
    compress_cases.py inodes FOLDER         one that is full to its last inode, then but for one
    compress_cases.py refused FOLDER        what is refused, on filesystems that are made in files below FOLDER
    compress_cases.py large FOLDER          a file of 5 GiB with data at its start, in its middle and at its end

Each prints lines of JSON: what was tried and what came of it.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.compress.answer import compress_in_place
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from compress_killed import FILLER, lay, make

OPTIONS: dict[str, Any] = {
    "state": "compressed",
    "include": None,
    "older_than": None,
    "level": 6,
    "block_size": "4MiB",
    "workers": None,
    "min_saving": 10,
    "keep_metadata": True,
}
KEPT = "/var/tmp/kept.log"
PIECE = 2**20


def asked(path: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """What the module answers, or why it refuses."""
    try:
        return compress_in_place({**OPTIONS, "path": path, **options}, Host(), check_mode)
    except HighwaterError as error:
        return {"refused": error.reason, "msg": error.message}


def tell(name: str, **what: Any) -> None:
    print(json.dumps({"name": name, **what}), flush=True)


def digest(path: str) -> str:
    total = hashlib.sha256()
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            total.update(piece)
    return total.hexdigest()


def beside(path: str) -> list[str]:
    return sorted(set(os.listdir(os.path.dirname(path))) - {"lost+found", FILLER})


def room(folder: str) -> int:
    os.sync()
    found = os.statvfs(folder)
    return found.f_bfree * found.f_frsize


def refused(name: str, path: str, **options: Any) -> None:
    """One that has to be refused, and is to be as it was."""
    os.sync()  # what the kernel has yet to write to an image that is mounted
    before, names = digest(path), beside(path)
    tell(name, **asked(path, **options), path=path, same=(digest(path), beside(path)) == (before, names))


def blocks(folder: str, free: int) -> None:
    path = folder + "/app.log"
    lay(KEPT, path, 0)
    refused("full", path)
    os.truncate(folder + "/" + FILLER, os.path.getsize(folder + "/" + FILLER) - free)
    compressed("nearly full", path)


def extent(folder: str) -> None:
    path = folder + "/app.log"
    lay(KEPT, path, PIECE // 2)
    refused("less than an extent", path)


def inodes(folder: str) -> None:
    path = folder + "/app.log"
    make(KEPT)
    subprocess.run(["cp", KEPT, path], check=True)
    os.mkdir(folder + "/" + FILLER)
    last = fill_inodes(folder + "/" + FILLER)
    refused("full", path)
    os.unlink(last)
    os.sync()
    compressed("nearly full", path)


def fill_inodes(folder: str) -> str:
    number = 0
    while True:
        try:
            os.mknod("%s/%d" % (folder, number))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return "%s/%d" % (folder, number - 1)
        number += 1


def compressed(name: str, path: str) -> None:
    """One that has to succeed: what was estimated, what was returned, and what the disk says."""
    expected, before = digest(path), room(os.path.dirname(path))
    estimate = asked(path, check_mode=True)
    answer = asked(path)
    tell(
        name,
        estimate=estimate,
        answer=answer,
        same=os.path.exists(path + ".gz") and digest(path + ".gz") == expected,
        left=beside(path),
        freed=room(os.path.dirname(path)) - before,
    )


# -- what is refused --------------------------------------------------------------------------------


def refusals(folder: str) -> None:
    make(KEPT)
    for case in (on_fat, reflinked, snapshotted, read_only, swapped_on):
        case(folder)
    subprocess.run(["cp", KEPT, "/dev/shm/app.log"], check=True)
    refused("tmpfs", "/dev/shm/app.log")
    tell("block device", **asked("/dev/vdb"), path="/dev/vdb", same=True)


def on_fat(folder: str) -> None:
    """It has no holes."""
    image = folder + "/fat.img"
    with open(image, "wb") as file:
        file.write(fat_header())
        file.truncate(65536 * 512)
    with mounted(image) as there:
        subprocess.run(["cp", KEPT, there + "/app.log"], check=True)
        refused("fat", there + "/app.log")
        refused("mounted image", image)  # the kernel itself writes to it


def fat_header() -> bytes:
    """FAT16 of 32 MiB: there is no mkfs for it on the machine."""
    boot = struct.pack(
        "<3s8sHBHBHHBHHHII", b"\xeb\x3c\x90", b"highwatr", 512, 4, 1, 2, 512, 0, 0xF8, 64, 32, 2, 0, 65536
    )
    boot += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 1, b"NO NAME    ", b"FAT16   ")
    table = b"\xf8\xff\xff\xff".ljust(64 * 512, b"\0")
    return boot.ljust(510, b"\0") + b"\x55\xaa" + 2 * table


def reflinked(folder: str) -> None:
    with formatted(folder + "/xfs.img", "mkfs.xfs", "-q", "-m", "reflink=1") as there:
        subprocess.run(["cp", KEPT, there + "/app.log"], check=True)
        subprocess.run(["cp", "--reflink=always", there + "/app.log", there + "/copy.log"], check=True)
        refused("reflink", there + "/app.log")


def snapshotted(folder: str) -> None:
    with formatted(folder + "/btrfs.img", "mkfs.btrfs", "-q") as there:
        subprocess.run(["btrfs", "-q", "subvolume", "create", there + "/logs"], check=True)
        subprocess.run(["cp", KEPT, there + "/logs/app.log"], check=True)
        os.sync()
        subprocess.run(["btrfs", "-q", "subvolume", "snapshot", there + "/logs", there + "/before"], check=True)
        refused("snapshot", there + "/logs/app.log")


def read_only(folder: str) -> None:
    with formatted(folder + "/ext4.img", "mkfs.ext4", "-q", "-F") as there:
        subprocess.run(["cp", KEPT, there + "/app.log"], check=True)
        subprocess.run(["mount", "-o", "remount,ro", there], check=True)
        refused("read-only", there + "/app.log")


def swapped_on(folder: str) -> None:
    path = folder + "/swapfile"
    with open(path, "wb") as file:
        file.write(b"\0" * 2**24)
    os.chmod(path, 0o600)
    subprocess.run(["mkswap", "-q", path], check=True)
    subprocess.run(["swapon", path], check=True)
    try:
        refused("swapfile", path)
    finally:
        subprocess.run(["swapoff", path], check=True)


@contextlib.contextmanager
def formatted(image: str, *mkfs: str) -> Iterator[str]:
    with open(image, "wb") as file:
        file.truncate(400 * 2**20)
    subprocess.run([*mkfs, image], check=True)
    with mounted(image) as there:
        yield there
    os.unlink(image)


@contextlib.contextmanager
def mounted(image: str) -> Iterator[str]:
    there = image + ".mounted"
    os.mkdir(there)
    subprocess.run(["mount", "-o", "loop", image, there], check=True)
    try:
        yield there
    finally:
        subprocess.run(["umount", there], check=True)
        os.rmdir(there)


def large(folder: str) -> None:
    path = folder + "/app.log"
    make(KEPT)
    with open(KEPT, "rb") as kept, open(path, "wb") as file:
        data = kept.read()
        for at in (0, 5 * 2**29 + 12345, 5 * 2**30 - len(data)):
            file.seek(at)
            file.write(data)
    compressed("5 GiB", path)


COMMANDS: dict[str, Callable[..., None]] = {"extent": extent, "inodes": inodes, "refused": refusals, "large": large}

if __name__ == "__main__":
    if sys.argv[1] == "blocks":
        blocks(sys.argv[2], int(sys.argv[3]))
    else:
        COMMANDS[sys.argv[1]](sys.argv[2])
