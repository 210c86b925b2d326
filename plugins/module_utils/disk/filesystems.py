# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filesystems of disks that are mounted, once each: how full they are, by bytes and by inodes."""

from __future__ import annotations

import os

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount, parse_mountinfo

# Not on a disk of this host, though mountinfo gives them a source: looked at, they would cost time or tell nothing.
OTHERS = frozenset(("squashfs", "iso9660", "udf", "erofs", "fuse.snapfuse", "nfs", "nfs4", "cifs", "smb3", "ceph"))


class Filesystem(NamedTuple):
    """One filesystem. size, free: bytes, free without what is kept for root; inodes, inodes_free: 0 where it makes
    them as it needs them (btrfs); device number as in st_dev.
    """

    mount_point: str
    source: str
    kind: str
    device: int
    size: int
    free: int
    inodes: int
    inodes_free: int
    writable: bool

    @property
    def fullness(self) -> float:
        """How full it is, 0 to 1: of bytes or of inodes, whichever is worse."""
        by_size = 1 - self.free / self.size if self.size else 0.0
        by_inodes = 1 - self.inodes_free / self.inodes if self.inodes else 0.0
        return max(by_size, by_inodes)


def filesystems(host: Host) -> list[Filesystem]:
    """Those that lie on a disk, the fullest first; of one that is mounted several times, the first mount."""
    found: dict[int, Filesystem] = {}
    for mount in parse_mountinfo(host.must_read("/proc/self/mountinfo")):
        one = _look(mount) if mount.source.startswith("/") and mount.fstype not in OTHERS else None
        if one is not None:
            found.setdefault(one.device, one)
    return sorted(found.values(), key=lambda one: -one.fullness)


def _look(mount: Mount) -> Filesystem | None:
    try:
        room, device = os.statvfs(mount.point), os.stat(mount.point).st_dev
    except OSError:  # not to be seen from here, or gone
        return None
    if not os.path.isdir(mount.point):  # a single file, as containers have them
        return None
    return Filesystem(
        mount_point=mount.point,
        source=mount.source,
        kind=mount.fstype,
        device=device,
        size=room.f_blocks * room.f_frsize,
        free=room.f_bavail * room.f_frsize,
        inodes=room.f_files,
        inodes_free=room.f_favail,
        writable="rw" in mount.options and "rw" in mount.of_filesystem,
    )
