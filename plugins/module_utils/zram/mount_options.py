# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options about a filesystem's mount, checked. Swap, which most devices are, has no use for this file."""

from __future__ import annotations

import os
import re
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import has_module, module_lists
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.record import FOLDER as RECORDS
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import KINDS, Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import MountPoint

# Nothing that a machine needs to run or to boot, nor its packages' own record. These alone, or with all below them:
KEPT = re.compile(
    r"/(root|run)?\Z"
    r"|/(bin|boot|dev|etc|lib(32|64|x32)?|proc|sbin|sys|usr(?!/local(/|\Z))|var/lib/(dpkg|rpm))(/|\Z)"
)


class Tools(NamedTuple):
    """What a host has: the command that makes a filesystem; the kernel's part, built in or to be loaded; SELinux."""

    mkfs: bool
    kernel: bool
    selinux: bool


def observe_tools(host: Host, fstype: str, next_boot: bool) -> Tools:
    """Look for mkfs where commands of ours are found, and for the filesystem in the kernel's own lists.

    next_boot: in an image that is being built, which has no modules of the kernel that runs, nothing is known of it.
    """
    known = re.search(r"(?m)\b%s$" % fstype, host.read("/proc/filesystems") or "")
    return Tools(
        mkfs=_command(host, KINDS[fstype].mkfs[0]),
        kernel=bool(known) or has_module(host, fstype) or (next_boot and module_lists(host) == (None, None)),
        selinux=host.exists("/sys/fs/selinux/enforce") and _command(host, "restorecon"),
    )


def _command(host: Host, name: str) -> bool:
    return any(host.exists("%s/%s" % (folder, name)) for folder in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"))


def check_mount_point(path: str | None) -> None:
    """Raise HighwaterError for a path that cannot be mounted at, whatever stands there."""
    wish = "write the absolute path of a folder, such as /var/cache/apt"
    if path is None:
        raise HighwaterError("mount_point: a filesystem needs one: %s" % wish)
    if not path.startswith("/") or os.path.normpath(path) != path or path.startswith("//"):
        raise HighwaterError("mount_point: %s is no absolute path in its shortest form: %s" % (path, wish))
    if not re.match(r"[\w@+=:,./-]+\Z", path, re.ASCII):
        raise HighwaterError("mount_point: %r has characters that a unit cannot have: %s" % (path, wish))
    # Nor what is above our own record, which an empty /var would hide, or below it.
    if KEPT.match(path) or (RECORDS + "/").startswith(path + "/") or path.startswith(RECORDS + "/"):
        raise HighwaterError("mount_point: an empty %s would break the machine: %s" % (path, wish))


def resolve_filesystem(
    params: dict[str, Any], size: int, record: Entry, place: MountPoint, tools: Tools, users: str, groups: str
) -> Filesystem:
    """The filesystem that is asked for. users, groups: texts of /etc/passwd and /etc/group.

    Raises HighwaterError for bad input, Unsupported where the host lacks what makes it.
    """
    kind, fstype = KINDS[params["fstype"]], params["fstype"]
    if size < kind.smallest:
        raise HighwaterError(
            "size: %s is less than the %s that %s takes" % (format_size(size), format_size(kind.smallest), fstype)
        )
    if not tools.mkfs:
        raise Unsupported(
            "fstype: %s needs %s, which is not on this host: install the package that has it (%s)"
            % (fstype, kind.mkfs[0], kind.package),
            reason="command_missing",
            command=kind.mkfs[0],
            package=kind.package,
        )
    if not tools.kernel:
        raise Unsupported("fstype: this kernel has no %s: choose another filesystem" % fstype, reason="filesystem")
    _refuse_place(place)
    covered = _covered(record, place)
    mode = _mode(params["mount_mode"])
    owner = _id("mount_owner", params["mount_owner"], users, "/etc/passwd")
    group = _id("mount_group", params["mount_group"], groups, "/etc/group")
    return Filesystem(
        fstype=fstype,
        mount_point=place.path,
        options=_options(params["mount_options"], params["discard"]),
        owner=_first(owner, covered["owner"], 0),
        group=_first(group, covered["group"], 0),
        mode=_first(mode, covered["mode"], 0o755),
        relabel=tools.selinux,
    )


def _covered(record: Entry, place: MountPoint) -> Entry:
    """Whose the folder is that the filesystem covers, or is to cover. Once it is mounted only our record can say, and a
    former version's only what was asked for."""
    had: Entry = record.get("filesystem") or {}
    return had.get("before") or had if had.get("mount_point") == place.path else place._asdict()


def _refuse_place(place: MountPoint) -> None:
    wish = "write the path of a folder, or of none, that only root can change"
    if place.what and not place.folder:
        raise HighwaterError("mount_point: %s is %s: %s" % (place.path, place.what, wish), reason="mount_point")
    if place.above:
        raise HighwaterError("mount_point: %s, above %s: %s" % (place.above, place.path, wish), reason="mount_point")
    if place.claimed:
        raise HighwaterError(
            "mount_point: %s is mounted by %s: take it out of there first, or write another folder"
            % (place.path, place.claimed),
            reason="mount_point",
            file=place.claimed,
        )
    if place.below:
        raise HighwaterError(
            "mount_point: line %d of /etc/fstab mounts %s, below %s, where one could hide the other at boot: take that "
            "line out, or write another folder" % (place.below[1], place.below[0], place.path),
            reason="mount_point",
            file="/etc/fstab",
        )


def _first(*values: Optional[int]) -> int:
    return next(value for value in values if value is not None)


def _options(options: list[str] | None, discard: bool) -> tuple[str, ...]:
    asked = tuple(option.strip() for option in options or ())
    for option in asked:
        if not re.match(r"[\w@+=:./-]+\Z", option, re.ASCII) or option.split("=")[0] in ("remount", "bind", "loop"):
            raise HighwaterError("mount_options: %r cannot be one here: write one such as noatime" % option)
    if any(option.split("=")[0] in ("discard", "nodiscard") for option in asked):
        return asked
    return asked + ("discard" if discard else "nodiscard",)


def _mode(mode: Any) -> int | None:
    if mode is None:
        return None
    if not isinstance(mode, str) or not re.match(r"0?[0-7]{3,4}\Z", mode):
        raise HighwaterError('mount_mode: %r is no mode: write it in octal and in quotes, such as "1777"' % (mode,))
    return int(mode, 8)


def _id(option: str, wanted: str | None, table: str, file: str) -> int | None:
    """The number of a user or group; only those of the host's own files are known early at boot."""
    if wanted is None:
        return None
    if re.match(r"\d{1,10}\Z", wanted, re.ASCII) and int(wanted) < 2**32 - 1:
        return int(wanted)
    for line in table.splitlines():
        fields = line.split(":")
        if fields[0] == wanted and len(fields) > 2 and fields[2].isdigit():
            return int(fields[2])
    raise HighwaterError("%s: %s is not in %s: write a name from there, or a number" % (option, wanted, file))
