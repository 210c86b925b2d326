# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which process has which file open, by /proc/PID/fd (proc(5)). Nothing here opens a file of theirs."""

from __future__ import annotations

import os
import re
import stat
from typing import Iterator, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.processes import descriptors, of_process, pids
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

DELETED = " (deleted)"  # what the kernel puts behind the name of a file without one


class OpenFile(NamedTuple):
    """A regular file that a process has open.

    path:    its name as the process sees it, or had it, without the kernel's " (deleted)".
    deleted: whether no folder names it any more.
    device, inode: which file it is, whatever its name.
    size, on_disk: bytes by its length, and in blocks.
    flags:   those of open(2); None where the kernel does not say.
    """

    pid: int
    fd: int
    path: str
    deleted: bool
    device: int
    inode: int
    size: int
    on_disk: int
    flags: Optional[int]

    @property
    def writes(self) -> bool:
        """Whether it is open for writing."""
        return self.flags is not None and self.flags & os.O_ACCMODE != os.O_RDONLY

    @property
    def appends(self) -> bool:
        """Whether each write goes to what is then its end."""
        return self.flags is not None and bool(self.flags & os.O_APPEND)


def deleted_files(host: Host) -> Iterator[OpenFile]:
    """Regular files on a disk that have no name any more and that a process has open, in order of process and fd.

    One that several processes have open comes several times. Files in memory (memfd, shared memory) hold no disk.
    """
    for pid, fd, target in _links(host):
        if target.endswith(DELETED) and target.startswith("/") and not target.startswith("/memfd:"):
            found = look(host, pid, fd)
            if found and found.deleted:
                yield found


def writers_of(host: Host, device: int, inode: int) -> Iterator[OpenFile]:
    """Who has this file open for writing, under whatever name."""
    for pid, fd, target in _links(host):
        if target.startswith("/"):
            found = look(host, pid, fd)
            if found and (found.device, found.inode) == (device, inode) and found.writes:
                yield found


def look(host: Host, pid: int, fd: int) -> Optional[OpenFile]:
    """What a process has open under this number now; None where that is nothing, or no regular file.

    Name and inode are asked of one and the same file, though there may be another under this number at any moment.
    """
    try:
        held = hold(host, pid, fd)
    except OSError:
        return None
    try:
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode):
            return None
        return OpenFile(
            pid=pid,
            fd=fd,
            path=name_of(held),
            deleted=found.st_nlink == 0,
            device=found.st_dev,
            inode=found.st_ino,
            size=found.st_size,
            on_disk=found.st_blocks * 512,
            flags=_flags(host, pid, fd),
        )
    finally:
        os.close(held)


def hold(host: Host, pid: int, fd: int) -> int:
    """A hold on what a process has open under this number, whatever comes there afterwards. Nothing is opened by it
    (O_PATH), not even a tape is wound. Raises OSError where there is nothing.
    """
    return os.open(host.path("/proc/%d/fd/%d" % (pid, fd)), os.O_PATH | os.O_CLOEXEC)


def name_of(held: int) -> str:
    """The path of what is held, as it was where it has none any more."""
    target = os.readlink("/proc/self/fd/%d" % held)
    return target[: -len(DELETED)] if target.endswith(DELETED) else target


def _links(host: Host) -> Iterator[tuple[int, int, str]]:
    """All that is open: process, fd, and where its link points to."""
    for pid in pids(host):
        for fd in descriptors(host, pid):
            target = host.readlink("/proc/%d/fd/%d" % (pid, fd))
            if target is not None:
                yield pid, fd, target


def _flags(host: Host, pid: int, fd: int) -> Optional[int]:
    found = re.search(r"(?m)^flags:\s*([0-7]+)", of_process(host, pid, "fdinfo/%d" % fd))
    return int(found.group(1), 8) if found else None
