# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The regular files of a folder and below, one after the other, each opened without ever following a link.

What is kept meanwhile is one open folder for each level that the walk is in: a tree may be as large as it likes.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
from typing import Callable, Generator, List, Optional

from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import Request

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # does not wait for a FIFO's other end
QUIETLY = FILE_FLAGS | os.O_NOATIME
# What it says that a file is not there any more, or is none any more: no error, trees change.
GONE = (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.ESTALE)

Complaint = Callable[[str, OSError], None]  # told of a path that could not be looked at
Cursor = List[str]  # names, from the folder down to what the walk was at


class _Level:
    """A folder that the walk is in. below: its path below the top, with a slash at its end."""

    def __init__(self, fd: int, below: str) -> None:
        self.fd = fd
        self.below = below
        self.entries = os.scandir(fd)
        self.at: Optional[os.DirEntry[str]] = None  # of its entries
        self.device = os.fstat(fd).st_dev

    def position(self) -> tuple[int, int]:
        """How many of its entries are before the one the walk is at, and how many there are. Raises OSError."""
        position = count = 0
        fd = os.open(".", FOLDER_FLAGS, dir_fd=self.fd)  # a copy of ours would share its offset
        try:
            with os.scandir(fd) as entries:
                for count, entry in enumerate(entries, 1):
                    if self.at is not None and entry.name == self.at.name:
                        position = count - 1
        finally:
            os.close(fd)
        return position, count

    def close(self) -> None:
        self.entries.close()
        os.close(self.fd)


class Walk:
    """All files that a request means, below one folder.

    share, shares: of so many shares (by inode number) this one, so that processes share a tree without a word.
    kernel: device numbers of filesystems that are the kernel's own, which are never entered.
    """

    def __init__(
        self,
        top: str,
        request: Request,
        complain: Complaint,
        share: int = 0,
        shares: int = 1,
        kernel: frozenset[int] = frozenset(),
    ) -> None:
        self._top = top
        self._request = request
        self._complain = complain
        self._share, self._shares = share, shares
        self._kernel = kernel
        self._include = [re.compile(fnmatch.translate(glob)).match for glob in request.include]
        self._exclude = [re.compile(fnmatch.translate(glob)).match for glob in request.exclude]
        self.matched = [False] * len(request.include)  # whether a glob has matched anything yet
        self._levels: list[_Level] = []

    def files(self, resume: Optional[Cursor] = None, again: bool = False) -> Generator[int, None, None]:
        """Each file as an open descriptor, which the caller closes.

        resume: what cursor() said when an earlier walk was put down: goes on from there, again: with the same file.
        """
        try:
            self._begin()
            unfinished = self._go_to(resume, again) if resume and self._levels else None
            if unfinished is not None:
                yield unfinished
            while self._levels:
                here = self._levels[-1]
                try:
                    for entry in here.entries:
                        here.at = entry
                        if entry.is_file(follow_symlinks=False):
                            if self._is_ours(entry, here):
                                yield open_file(entry.name, here.fd)
                        elif entry.is_dir(follow_symlinks=False) and self._enter(entry.name, here):
                            break
                    else:
                        self._levels.pop().close()
                except OSError as error:  # the rest of the folder is gone on with
                    self._failed(here, error)
        finally:
            while self._levels:
                self._levels.pop().close()

    def cursor(self) -> Cursor:
        """Where the walk is: the name of the entry it is at, in each folder on the way there."""
        return [level.at.name for level in self._levels if level.at is not None]

    def fraction(self, part: float) -> float:
        """About how much of the tree is behind us, 0 to 1: each entry of a folder counted as much as the others.

        part: how much of the entry that we are at.
        """
        behind, weight = 0.0, 1.0
        for level in self._levels:
            if level.at is None:
                break
            try:
                position, count = level.position()
            except OSError:
                break
            weight /= max(count, 1)
            behind += position * weight
        return min(behind + part * weight, 1.0)

    # -- inside ----------------------------------------------------------------------------------

    def _is_ours(self, entry: os.DirEntry[str], here: _Level) -> bool:
        """Whether a file is asked for, and in our share. (Globs that match are noted whosever share it is in.)"""
        if (self._include or self._exclude) and not self._is_wanted(here.below + entry.name):
            return False
        return self._shares == 1 or entry.inode() % self._shares == self._share

    def _enter(self, name: str, inside: Optional[_Level] = None) -> bool:
        """Make a folder the innermost; whether it is one to be looked into."""
        below = "%s%s/" % (inside.below, name) if inside else ""
        if inside and any(match(below[:-1]) for match in self._exclude):
            return False
        fd = os.open(name, FOLDER_FLAGS, dir_fd=inside.fd if inside else None)
        try:
            level = _Level(fd, below)
        except OSError:
            os.close(fd)
            raise
        # What is mounted there may be none of what was asked for; at the top too, if that was after it was looked at.
        other = inside is not None and level.device != inside.device
        if level.device in self._kernel or (other and self._request.one_file_system):
            level.close()
            return False
        self._levels.append(level)
        return True

    def _is_wanted(self, below: str) -> bool:
        if self._include:
            found = [bool(match(below)) for match in self._include]
            if not any(found):
                return False
            self.matched = [before or now for before, now in zip(self.matched, found)]
        return not any(match(below) for match in self._exclude)

    def _begin(self) -> None:
        try:
            self._enter(self._top)
        except OSError as error:
            if error.errno not in GONE and not self._share:
                self._complain(self._top, error)

    def _go_to(self, cursor: Cursor, again: bool) -> Optional[int]:
        """Down to where an earlier walk was put down; the file there, where it is wanted again.

        A folder in which the name is not found any more is begun again.
        """
        for name in cursor:
            here = self._levels[-1]
            try:
                entry = next((entry for entry in here.entries if entry.name == name), None)
                if entry is None:
                    os.lseek(here.fd, 0, os.SEEK_SET)
                    here.entries = os.scandir(here.fd)
                    return None
                here.at = entry
                if entry.is_file(follow_symlinks=False):
                    return open_file(name, here.fd) if again else None
                if not entry.is_dir(follow_symlinks=False) or not self._enter(name, here):
                    return None
            except OSError as error:
                self._failed(here, error)
                return None
        return None

    def _failed(self, here: _Level, error: OSError) -> None:
        """Tell of what could not be looked at; of a folder in one share only, since all come by it."""
        folder = here.at is None or here.at.is_dir(follow_symlinks=False)
        if error.errno not in GONE and not (folder and self._share):
            self._complain(os.path.join(self._top, here.below + (here.at.name if here.at else "")), error)


def open_file(path: str, folder: Optional[int] = None) -> int:
    """Open a file for reading without a link followed, and without its time of access changed where we may."""
    try:
        return os.open(path, QUIETLY, dir_fd=folder)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
        return os.open(path, FILE_FLAGS, dir_fd=folder)
