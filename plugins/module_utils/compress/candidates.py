# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files are to be compressed, which are not and why, and what it would give: looked at, nothing changed."""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
import zlib
from typing import Iterator, Optional

from ansible_collections.highwater.memory.plugins.module_utils.compress.blocks import refuse_less
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import Pair, opened, part_name
from ansible_collections.highwater.memory.plugins.module_utils.compress.punch import can_punch
from ansible_collections.highwater.memory.plugins.module_utils.compress.work import has_result
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import mount_of, parse_mountinfo
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.extents import (
    ENCODED,
    SHARED,
    Extent,
    read_extents,
)

SAMPLES, SAMPLE = 16, 2**16
ZEROS = 1000  # how many of them deflate makes a byte of, nearly (1032 at best)
BTRFS_EXTENT = 128 * 2**20  # BTRFS_MAX_EXTENT_SIZE of fs/btrfs/fs.h
BTRFS_METADATA = 2**20  # that its trees want to grow by when a file gets many extents
IN_MEMORY = frozenset(("tmpfs", "ramfs", "devtmpfs", "hugetlbfs"))
OF_THE_KERNEL = frozenset(
    ("proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs", "pstore", "bpf", "efivarfs")
)
# Programs, libraries, kernels, configuration: large, seldom open for writing, and of no use as a .gz. Source: hier(7).
SYSTEM = re.compile(r"/(usr/(?!local/)|boot/|etc/|bin/|sbin/|lib(32|64|x32)?/)")
OURS = ".highwater"  # what the names of our part files end with

# How compressed files begin; what is not in here shows by its samples.
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"(\xb5/\xfd": "zstd",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
}


class Estimate(NamedTuple):
    """What compressing would leave of a file: bytes that it holds now (of a sparse one, those on disk), and those of
    the .gz, as its samples say.
    """

    size: int
    packed: int

    @property
    def saving(self) -> float:
        """Part of the size that would be won, 0 to 1; below 0 where it would grow."""
        return 1 - self.packed / self.size if self.size else 0.0


def files_below(folder: str, include: list[str], older_than: Optional[float], now: float) -> Iterator[str]:
    """The files in a folder and below, on its filesystem, that a glob of include matches (on the path below the
    folder), changed longer than older_than seconds ago. No link is followed; our own part files are not among them.
    What a run was cut off from is, whatever its age: the run may have ended before it gave the mtime back.
    """
    for path, found in _walk(folder):
        below = os.path.relpath(path, folder)
        if os.path.basename(path).endswith(OURS) or not any(fnmatch.fnmatchcase(below, glob) for glob in include):
            continue
        if older_than is None or now - found.st_mtime >= older_than or _is_cut_off(path):
            yield path


def refuse_system(path: str) -> None:
    """Raise HighwaterError for a file that the system needs as it is: a library has no writers, and a glob no eyes."""
    if SYSTEM.match(os.path.realpath(os.path.dirname(path)) + "/"):
        raise HighwaterError("%s belongs to the system, which needs it as it is" % path, reason="system")


def cut_off_below(folder: str) -> Iterator[str]:
    """The originals in a folder and below of which a run was cut off: there is a part file, or nothing but the name of
    the original was left to be taken away.
    """
    for path, _found in _walk(folder):
        if _is_cut_off(path) or _has_result(path):
            yield path


def _has_result(path: str) -> bool:
    if not os.path.lexists(path + ".gz"):
        return False
    try:
        with opened(path) as pair:
            return has_result(pair)
    except Stopped:
        raise
    except (HighwaterError, OSError):  # a .gz of something else
        return False


def _is_cut_off(path: str) -> bool:
    folder, name = os.path.split(path)
    return os.path.lexists(os.path.join(folder, part_name(name)))


def _walk(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """All files below a folder, on its filesystem, in order_of() their paths; what goes away meanwhile is left out.
    Depth costs no recursion.
    """
    device = os.lstat(top).st_dev
    stack = [_entries(top)]
    while stack:
        if not stack[-1]:
            stack.pop()
            continue
        entry = stack[-1].pop()
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(found.st_mode):
            yield entry.path, found
        elif stat.S_ISDIR(found.st_mode) and found.st_dev == device:
            stack.append(_entries(entry.path))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, the last first."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name, reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return []


def order_of(path: str) -> list[str]:
    """By what the files of a folder follow each other."""
    return path.split("/")


def refuse_hopeless(pair: Pair, level: int, min_saving: float, host: Host) -> Estimate:
    """What compressing would give. Raises HighwaterError where it would give too little or nothing, with the reason:
    an empty file, one that is compressed, blocks that another file shares, a filesystem without holes.
    """
    kind = refuse_filesystem(pair.path, os.path.dirname(pair.path), host)
    head = os.pread(pair.original, 8, 0)
    if not head:
        raise HighwaterError("%s is empty: there is nothing to free" % pair.path, reason="empty")
    for magic, packer in MAGIC.items():
        if head.startswith(magic):
            raise HighwaterError(
                "%s is compressed already (%s): there is little to free" % (pair.path, packer), reason="compressed"
            )
    extents = _refuse_blocks(pair)
    estimate = sample(pair.original, level)
    if estimate.saving < min_saving:
        raise HighwaterError(
            "%s would shrink by %d %%, from %s to about %s: lower min_saving (%d) if that is worth it"
            % (
                pair.path,
                max(0, estimate.saving) * 100,
                format_size(estimate.size),
                format_size(estimate.packed),
                min_saving * 100,
            ),
            reason="min_saving",
        )
    if kind == "btrfs":
        _refuse_extent(pair, max((extent.length for extent in extents), default=0), estimate)
    return estimate


def _refuse_extent(pair: Pair, largest: int, estimate: Estimate) -> None:
    """A block of btrfs is free when the last one of its extent is, so the largest extent has to fit, compressed."""
    needed = min(largest, BTRFS_EXTENT) * estimate.packed // max(estimate.size, 1) + BTRFS_METADATA
    found = os.fstatvfs(pair.folder)
    # f_bfree has blocks in it that btrfs keeps for its trees; but f_bavail is 0 where these are full, whatever room
    # there is for data (btrfs_statfs)
    refuse_less(pair, (found.f_bavail or found.f_bfree) * found.f_frsize, needed)


def refuse_filesystem(path: str, folder: str, host: Host) -> Optional[str]:
    """The kind of filesystem that a folder is on, None where that cannot be told; path: as errors name it.

    Raises HighwaterError where it is none on a disk.
    """
    mount = mount_of(parse_mountinfo(host.must_read("/proc/self/mountinfo")), os.path.realpath(folder))
    kind = mount.fstype if mount else None
    if kind in IN_MEMORY:
        raise HighwaterError(
            "%s is in memory (%s), where no disk is freed and nothing outlives a power cut: use gzip, or move it"
            % (path, kind),
            reason="filesystem",
        )
    if kind in OF_THE_KERNEL:
        raise HighwaterError("%s is the kernel's own (%s): name a file of a disk" % (path, kind), reason="filesystem")
    return kind


def _refuse_blocks(pair: Pair) -> list[Extent]:
    try:
        punches = can_punch(pair.folder, pair.original)
    except OSError as error:
        raise _why_not(pair, error) from None
    if not punches:
        raise HighwaterError(
            "%s: its filesystem cannot punch holes into files, so compressing it needs room for both: use gzip"
            % pair.path,
            reason="filesystem",
        )
    extents = read_extents(pair.original) or []
    shared = sum(extent.length for extent in extents if extent.flags & SHARED)
    if shared:
        raise HighwaterError(
            "%s shares %s with a snapshot or another file, which would not be freed: remove that first"
            % (pair.path, format_size(shared)),
            reason="shared",
        )
    if any(extent.flags & ENCODED for extent in extents):
        raise HighwaterError(
            "%s is compressed by its filesystem: there is little to free" % pair.path, reason="compressed"
        )
    return extents


def _why_not(pair: Pair, error: OSError) -> Exception:
    """What an error of can_punch() means, in words; itself where that is not known."""
    if error.errno == errno.ENOSPC:
        return HighwaterError(
            "%s: its filesystem has no room for one more file, which compressing in place begins with (%s): "
            "remove a small one first" % (pair.path, _inodes(pair.folder)),
            reason="disk_full",
        )
    if error.errno == errno.ETXTBSY:
        return HighwaterError("%s is a program that is running: let it end first" % pair.path, reason="open")
    if error.errno == errno.EAGAIN:
        return HighwaterError(
            "%s is leased by another program, such as a file server: try again when it lets go of the file" % pair.path,
            reason="open",
        )
    if error.errno == errno.EROFS:
        return HighwaterError("%s: its filesystem is mounted read-only: remount it" % pair.path, reason="filesystem")
    if error.errno == errno.EPERM:
        return HighwaterError(
            "%s cannot be written to, by root neither: take its attribute a or i away first (chattr -ai)" % pair.path,
            reason="attribute",
        )
    return error


def _inodes(folder: int) -> str:
    found = os.fstatvfs(folder)
    return "%d inodes and %s free" % (found.f_ffree, format_size(found.f_bfree * found.f_frsize))


def sample(fd: int, level: int) -> Estimate:
    """Compress some pieces, evenly spread over what is not a hole."""
    found = os.fstat(fd)
    runs = tuple(_runs(fd, found.st_size))
    data = sum(length for _offset, length in runs)
    count = min(SAMPLES, -(-data // SAMPLE))
    pieces = [_piece(fd, runs, number * data // count) for number in range(count)]
    taken = sum(map(len, pieces)) or 1
    packed = sum(len(zlib.compress(piece, level)) for piece in pieces)
    return Estimate(min(found.st_size, found.st_blocks * 512), packed * data // taken + (found.st_size - data) // ZEROS)


def _runs(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Offset and length of all data between holes."""
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError:  # ENXIO: no data from here on
            return
        end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, end - start


def _piece(fd: int, runs: tuple[tuple[int, int], ...], at: int) -> bytes:
    """A sample of the data, at bytes behind its beginning."""
    for offset, length in runs:
        if at < length:
            return os.pread(fd, min(SAMPLE, length - at), offset + at)
        at -= length
    return b""
