# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that were deleted but still hold disk: which there are, once each, and how one is emptied."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any, Iterable, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.processes import command, described
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.open_files.scan import (
    OpenFile,
    deleted_files,
    hold,
    name_of,
)


class Deleted(NamedTuple):
    """A file without a name; holders are all that have it open, the first of them first."""

    holders: tuple[OpenFile, ...]

    @property
    def first(self) -> OpenFile:
        return self.holders[0]

    @property
    def unsafe(self) -> tuple[OpenFile, ...]:
        """Those that write wherever they are instead of at its end: emptied, it grows back as a sparse file."""
        return tuple(holder for holder in self.holders if holder.writes and not holder.appends)


def find(host: Host) -> list[Deleted]:
    """All of them that hold disk, the largest first."""
    by_file: dict[tuple[int, int], list[OpenFile]] = {}
    for found in deleted_files(host):
        by_file.setdefault((found.device, found.inode), []).append(found)
    files = [Deleted(tuple(holders)) for holders in by_file.values()]
    return sorted((file for file in files if file.first.on_disk), key=lambda file: -file.first.on_disk)


def matching(files: Iterable[Deleted], globs: Iterable[str]) -> list[Deleted]:
    """Those whose old path one of the globs matches; as in the shell's case, * matches slashes too."""
    wanted = list(globs)
    return [file for file in files if any(fnmatch.fnmatchcase(file.first.path, glob) for glob in wanted)]


def refuse_careless(globs: Iterable[str]) -> None:
    """Raise HighwaterError where globs name nothing, everything, or what no path can be: what they match is emptied."""
    named = list(globs)
    if not named:
        raise HighwaterError(
            "match: the list is empty: name the files to be emptied by their old paths", reason="match"
        )
    for glob in named:
        if not glob.strip():
            raise HighwaterError(
                "match: %r matches no file: name those that are meant by their old paths, such as /var/log/app/*"
                % glob,
                reason="match",
            )
        if not re.sub(r"\[[^]]+\]|[*?/.\s]", "", glob):
            raise HighwaterError(
                "match: %r would empty every file that is deleted but open, databases too: name those that are meant, "
                "such as /var/log/app/*" % glob,
                reason="match",
            )
        if glob[0] not in "/*?[":
            raise HighwaterError(
                "match: %r can match no file, since their paths begin with a slash: write /.../%s" % (glob, glob),
                reason="match",
            )


def shown(host: Host, file: Deleted) -> dict[str, Any]:
    """A file as the modules return it."""
    first = file.first
    return {
        "path": first.path,
        "pid": first.pid,
        "command": command(host, first.pid),
        "fd": first.fd,
        "size_on_disk": first.on_disk,
        "appends": not file.unsafe,
        "also_open": [
            {"pid": other.pid, "command": command(host, other.pid), "fd": other.fd} for other in file.holders[1:]
        ],
    }


def empty(host: Host, file: Deleted) -> Optional[int]:
    """Truncate a file that has no name, through one of those that have it open; returns the bytes of disk given back,
    None where nobody has it open any more.

    Numbers of processes, and of inodes, are used again: what is truncated must be the file that was seen, still without
    a name, and have had the name that was matched. That is looked at before it is opened in earnest. Raises OSError.
    """
    for holder in file.holders:
        try:
            held = hold(host, holder.pid, holder.fd)
        except FileNotFoundError:  # closed, or the process has ended
            continue
        try:
            found = os.fstat(held)
            seen = (holder.device, holder.inode, 0)
            if (found.st_dev, found.st_ino, found.st_nlink) == seen and name_of(held) == holder.path:
                return _truncate("/proc/self/fd/%d" % held)
        finally:
            os.close(held)
    return None


def _truncate(path: str) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(fd).st_blocks
        os.ftruncate(fd, 0)
        return (before - os.fstat(fd).st_blocks) * 512
    finally:
        os.close(fd)


def warnings(host: Host, files: Iterable[Deleted]) -> list[str]:
    """What an operator should know of files that are emptied under their writers."""
    return [
        "%s is written to by %s without O_APPEND: its next write goes to where it was, so that the file "
        "is sparse from then on, and a program that reads it back finds zeros"
        % (writer.path, described(host, writer.pid))
        for file in files
        for writer in file.unsafe[:1]
    ]


def actions(files: Iterable[Deleted]) -> list[str]:
    """In words, what emptying them does."""
    return [
        "truncate %s (deleted, %s on disk, open in process %d as %d)"
        % (file.first.path, format_size(file.first.on_disk), file.first.pid, file.first.fd)
        for file in files
    ]
