# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What takes the room: the largest files and folders below some paths, each path on its own filesystem."""

from __future__ import annotations

import heapq
import os
import stat
import time
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

AT_ONCE = 1000  # entries of a folder between two looks at the clock
OF_ITS_PARENT = 0.9  # a folder of which one folder in it holds this much says no more than that one


class File(NamedTuple):
    """A regular file: bytes in blocks and by its length, and when it was last changed (seconds since the epoch)."""

    on_disk: int
    path: str
    size: int
    mtime: float


class Folder(NamedTuple):
    """A folder with all that is in it and below, on its filesystem: bytes in blocks, and files."""

    on_disk: int
    path: str
    files: int


class Crowd(NamedTuple):
    """A folder by the files that are in it, not below: each takes an inode."""

    files: int
    path: str


class Usage(NamedTuple):
    """The largest of each, the largest first; complete: whether the time was enough for all."""

    files: tuple[File, ...]
    folders: tuple[Folder, ...]
    crowds: tuple[Crowd, ...]
    complete: bool


class _Open(NamedTuple):
    """A folder that the walk is in: what is still to be entered, and what was found so far."""

    path: str
    to_enter: list[str]
    sums: list[int]  # bytes in blocks, files, bytes of the largest folder in it, files that are not below


def largest(paths: list[str], count: int, seconds: float) -> Usage:
    """The largest files and folders, found within some seconds.

    No link is followed, a file with several names counts once, other filesystems below are left out. Memory grows with
    the depth of the tree and with the folders, not with the files.
    """
    walk = _Walk(count, time.monotonic() + seconds)
    complete = all(walk.through(path) for path in paths)  # where it is not, the time is over for the others too
    files, folders = heapq.nlargest(count, walk.files), heapq.nlargest(count, walk.folders)
    return Usage(tuple(files), tuple(folders), tuple(heapq.nlargest(count, walk.crowds)), complete)


class _Walk:
    def __init__(self, count: int, end: float) -> None:
        self.files: list[File] = []
        self.folders: list[Folder] = []
        self.crowds: list[Crowd] = []
        self._count = count
        self._end = end
        self._several_names: set[tuple[int, int]] = set()

    def through(self, top: str) -> bool:
        """All below a path; whether there was the time for it. Depth costs no recursion."""
        device = os.lstat(top).st_dev
        stack = [self._enter(top, device)]
        while stack:
            if self._is_late():
                while stack:  # what was seen counts
                    self._leave(stack.pop(), stack[-1] if stack else None)
                return False
            here = stack[-1]
            if here.to_enter:
                stack.append(self._enter(here.to_enter.pop(), device))
                continue
            self._leave(stack.pop(), stack[-1] if stack else None)
        return True

    def _is_late(self) -> bool:
        return time.monotonic() > self._end

    def _enter(self, path: str, device: int) -> _Open:
        here = _Open(path, [], [0, 0, 0, 0])
        try:
            with os.scandir(path) as entries:
                for number, entry in enumerate(entries, 1):
                    self._see(entry, here, device)
                    if number % AT_ONCE == 0 and self._is_late():
                        break
        except OSError:  # it went away, or nobody may look into it
            pass
        return here

    def _see(self, entry: os.DirEntry[str], here: _Open, device: int) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            return
        if found.st_dev != device:
            return
        if stat.S_ISDIR(found.st_mode):
            here.to_enter.append(entry.path)
        elif found.st_nlink > 1:
            if (found.st_dev, found.st_ino) in self._several_names:
                return
            self._several_names.add((found.st_dev, found.st_ino))
        on_disk = found.st_blocks * 512
        here.sums[0] += on_disk
        if stat.S_ISREG(found.st_mode):
            here.sums[1] += 1
            here.sums[3] += 1
            self._keep(self.files, File(on_disk, entry.path, found.st_size, found.st_mtime))

    def _leave(self, here: _Open, parent: Optional[_Open]) -> None:
        on_disk, files, largest_below, own = here.sums
        if own:
            self._keep(self.crowds, Crowd(own, here.path))
        if on_disk and largest_below < OF_ITS_PARENT * on_disk:
            self._keep(self.folders, Folder(on_disk, here.path, files))
        if parent is not None:
            parent.sums[0] += on_disk
            parent.sums[1] += files
            parent.sums[2] = max(parent.sums[2], on_disk)

    def _keep(self, kept: list, one: tuple) -> None:  # type: ignore[type-arg]
        if len(kept) < self._count:
            heapq.heappush(kept, one)
        elif one > kept[0]:
            heapq.heapreplace(kept, one)
