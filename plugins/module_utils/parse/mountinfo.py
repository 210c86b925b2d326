# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/self/mountinfo: what is mounted where, proc_pid_mountinfo(5)."""

from __future__ import annotations

from typing import Iterable, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import decode

WHERE = "/proc/self/mountinfo"


class Mount(NamedTuple):
    """One mount, escapes decoded.

    number:  ``major:minor`` of the device; btrfs and others without one of their own have major 0.
    root:    the folder of the filesystem that is seen at point; ``/`` but for bind mounts and subvolumes.
    options: of this mount (``nosuid``); of_filesystem: of the filesystem, wherever it is mounted (``discard``).
    """

    number: str
    root: str
    point: str
    options: tuple[str, ...]
    fstype: str
    source: str
    of_filesystem: tuple[str, ...]


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The mounts in the kernel's order: of two at one point the later one is seen. Raises ParseError."""
    return tuple(_mount(line) for line in text.split("\n") if line)


def is_whole(mount: Mount) -> bool:
    """Whether all of the filesystem is seen there, and not a part of it."""
    return mount.root == "/"


def mount_of(mounts: Iterable[Mount], path: str) -> Mount | None:
    """The mount that an absolute path without links is on; of two that are mounted over each other the later one."""
    best: Optional[Mount] = None
    for mount in mounts:
        holds = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if holds and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def _mount(line: str) -> Mount:
    left, dash, right = line.partition(" - ")  # before it are optional fields, any number of them
    fields, after = left.split(" "), right.split(" ")
    if not dash or len(fields) < 6 or len(after) < 3:
        raise ParseError(WHERE, line, "a line such as '36 35 98:0 / /mnt rw - ext4 /dev/sda1 rw'")
    return Mount(
        number=fields[2],
        root=decode(fields[3]),
        point=decode(fields[4]),
        options=tuple(fields[5].split(",")),
        fstype=after[0],
        source=decode(after[1]),
        of_filesystem=tuple(after[2].split(",")),
    )
