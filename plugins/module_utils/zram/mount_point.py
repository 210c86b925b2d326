# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place where a filesystem is to be mounted, and who else wants it."""

from __future__ import annotations

import os
import stat
from typing import Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import UNITS, unit_of
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import parse_fstab
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount

OWN_UNITS = (UNITS, "/run/systemd/system")  # the administrator's
VENDOR_UNITS = ("/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
MASK = "/dev/null"
LOST_AND_FOUND = "lost+found"  # of ext4, and no content


class MountPoint(NamedTuple):
    """A mount point as it stands.

    folder:  whether a folder stands there; else what: ``a symbolic link to /srv``, empty where nothing does.
    content: names in it, without lost+found, of whatever is mounted there now.
    mode:    permission bits; owner, group: ids; all of what is seen there now, None without a folder.
    missing: the uppermost folder that has to be made, empty where all are there.
    above:   why a folder above it can not be trusted, empty where all can.
    seen:    what is mounted at the very point, the last of them, None where nothing is.
    claimed: the file by which somebody else mounts there: /etc/fstab, a unit of the administrator's.
    below:   a folder below it at which /etc/fstab mounts something, and by which line; None where it does not.
    vendor:  the mount unit that the distribution brings (Debian's tmp.mount), None where there is none.
    masked:  whether that unit is masked.
    """

    path: str
    folder: bool
    what: str
    content: tuple[str, ...]
    mode: Optional[int]
    owner: Optional[int]
    group: Optional[int]
    missing: str
    above: str
    seen: Optional[Mount]
    claimed: Optional[str]
    below: Optional[tuple[str, int]]
    vendor: Optional[str]
    masked: bool


class Made(NamedTuple):
    """A folder that we have made to mount at, where nothing is to be mounted any more.

    uppermost: of those above it the first that was not there before us; mounted: whether the device still is there.
    """

    path: str
    uppermost: str
    mounted: bool


def observe_made(
    host: Host, folders: dict[str, str], mounts: tuple[Mount, ...], ours: tuple[Mount, ...]
) -> tuple[Made, ...]:
    """Those of our record that are still there. Where somebody else has mounted something, it is theirs by now.

    folders: by path the uppermost; ours: of the mounts, those of the device.
    """
    found = []
    for path, uppermost in folders.items():
        there = [mount for mount in mounts if mount.point == path]
        if _is_folder(host, path) and all(mount in ours for mount in there):
            found.append(Made(path, uppermost, bool(there)))
    return tuple(found)


def _is_folder(host: Host, path: str) -> bool:
    found = host.lstat(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def observe_mount_point(host: Host, path: str, mounts: tuple[Mount, ...]) -> MountPoint:
    """Look at an absolute path that has been checked for its form."""
    found = host.lstat(path)
    folder = found is not None and stat.S_ISDIR(found.st_mode)
    unit = unit_of(path, "mount")
    return MountPoint(
        path=path,
        folder=folder,
        what="" if found is None else _what(host, path),
        content=content(host, path) if folder else (),
        mode=stat.S_IMODE(found.st_mode) if found and folder else None,
        owner=found.st_uid if found and folder else None,
        group=found.st_gid if found and folder else None,
        missing=_missing(host, path),
        above=_above(host, path),
        seen=next((mount for mount in reversed(mounts) if mount.point == path), None),
        claimed=_claimed(host, path, unit),
        below=_below(host, path),
        vendor=next(("%s/%s" % (place, unit) for place in VENDOR_UNITS if host.exists("%s/%s" % (place, unit))), None),
        masked=is_masked(host, path),
    )


def is_masked(host: Host, path: str) -> bool:
    """Whether no unit can mount there."""
    return host.readlink("%s/%s" % (UNITS, unit_of(path, "mount"))) == MASK


def content(host: Host, path: str) -> tuple[str, ...]:
    """The names in a folder, without what an empty filesystem has."""
    return tuple(name for name in host.listdir(path) if name != LOST_AND_FOUND)


def _what(host: Host, path: str) -> str:
    target = host.readlink(path)
    return "no folder" if target is None else "a symbolic link to %s" % target


def _missing(host: Host, path: str) -> str:
    missing = ""
    while not host.exists(path):
        missing, path = path, os.path.dirname(path)
    return missing


def _above(host: Host, path: str) -> str:
    """Others must not be able to put something else in the way between the check and the mount."""
    folder = os.path.dirname(path)
    while folder != "/":
        found = host.lstat(folder)
        if found is not None:
            if stat.S_ISLNK(found.st_mode):
                return "%s is a symbolic link to %s" % (folder, host.readlink(folder))
            if not stat.S_ISDIR(found.st_mode):
                return "%s is no folder" % folder
            if stat.S_IMODE(found.st_mode) & 0o022 or found.st_uid != 0:
                return "others can write to %s" % folder
        folder = os.path.dirname(folder)
    return ""


def _claimed(host: Host, path: str, unit: str) -> str | None:
    for line in parse_fstab(host.read("/etc/fstab") or ""):
        if line.entry and os.path.normpath(line.entry.file) == path:
            return "/etc/fstab"
    for place in OWN_UNITS:
        file = "%s/%s" % (place, unit)
        if host.exists(file) and host.readlink(file) != MASK:
            return file
    return None


def _below(host: Host, path: str) -> tuple[str, int] | None:
    for number, line in enumerate(parse_fstab(host.read("/etc/fstab") or ""), 1):
        if not line.entry or not _comes_by_itself(line.entry.options):
            continue
        if line.entry.file.startswith(path + "/") and os.path.normpath(line.entry.file) != path:
            return os.path.normpath(line.entry.file), number
    return None


def _comes_by_itself(options: Sequence[str]) -> bool:
    return "noauto" not in options or "x-systemd.automount" in options
