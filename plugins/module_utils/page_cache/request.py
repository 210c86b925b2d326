# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a purge, checked and with its sizes in bytes."""

from __future__ import annotations

import glob
import os
import stat
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.age import age_in_seconds
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import cpus
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.size import machine_names, size_in_bytes
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import FILES
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import parse_mountinfo

# The kernel's own files, whose opening can act by itself (a read of zram's hot_add makes a device).
KERNEL_FOLDERS = ("/proc", "/sys", "/dev")
KERNEL_FILESYSTEMS = (
    *("binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl"),
    *("hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs"),
)
_OF_FILES = ("include", "exclude", "min_size", "min_cached", "older_than", "keep_tail")


class Request(NamedTuple):
    """What is to be done with each file.

    include, exclude:      globs on the path below the folder; none of include: all.
    min_size, min_cached:  bytes below which a file is left alone.
    older_than:            seconds since its last change, None for any.
    keep_tail:             bytes at its end that stay cached.
    sync:                  whether dirty pages are written first.
    one_file_system:       whether to stay on that of the folder.
    evict:                 False counts only (check mode).
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_size: int = 0
    min_cached: int = 0
    older_than: Optional[float] = None
    keep_tail: int = 0
    sync: bool = True
    one_file_system: bool = True
    evict: bool = True


class Asked(NamedTuple):
    """A whole call. available, only_below: bytes, None for no such bound; scope: FILES or one of WHOLE."""

    scope: str
    paths: tuple[str, ...]
    request: Request
    available: int
    only_below: Optional[int]

    @property
    def is_idle(self) -> bool:
        """Whether there is memory enough for nothing to be done."""
        return self.only_below is not None and self.available > self.only_below


def asked(params: dict[str, Any], host: Host, check_mode: bool) -> Asked:
    """The call that these options mean on this host. HighwaterError for bad input; paths are not looked at yet."""
    memory = parse_meminfo(host.must_read("/proc/meminfo"))
    available = memory.get("MemAvailable", 0)
    names = machine_names(memory["MemTotal"], available, cpus(host))

    def size(option: str, otherwise: Optional[int]) -> Optional[int]:
        return otherwise if params[option] is None else size_in_bytes(option, params[option], names, allow_zero=True)

    _refuse_scope(params)
    older_than = None if params["older_than"] is None else age_in_seconds("older_than", params["older_than"])
    request = Request(
        include=tuple(params["include"] or ()),
        exclude=tuple(params["exclude"] or ()),
        min_size=size("min_size", 0) or 0,
        min_cached=size("min_cached", 0) or 0,
        older_than=older_than,
        keep_tail=size("keep_tail", 0) or 0,
        sync=params["sync"],
        one_file_system=params["one_file_system"],
        evict=not check_mode,
    )
    paths = tuple(_path(path) for path in params["paths"] or ())
    return Asked(params["scope"], paths, request, available, size("only_below", None))


def _refuse_scope(params: dict[str, Any]) -> None:
    scope = params["scope"]
    if scope == FILES:
        if not params["paths"]:
            raise HighwaterError(
                "paths: none is given, and scope is files: name files or folders, such as /var/log, or the scope "
                "pagecache for the whole machine"
            )
        return
    given = [option for option in ("paths", *_OF_FILES) if params[option]]
    if given:
        raise HighwaterError(
            "scope: %s is about the whole machine, and %s about files: write scope: files, or leave %s out"
            % (scope, given[0], given[0])
        )
    if scope == "all" and not params["force"]:
        raise HighwaterError(
            "scope: all drops every clean page, inode and name of the whole machine, which is slow until they are read "
            "again: write force: true beside it if that is what you want, or name paths with scope: files"
        )


def kernel_devices(host: Host) -> frozenset[int]:
    """The device numbers (st_dev) of mounted filesystems that are the kernel's own."""
    mounts = parse_mountinfo(host.must_read("/proc/self/mountinfo"))
    numbers = (mount.number.split(":") for mount in mounts if mount.fstype in KERNEL_FILESYSTEMS)
    return frozenset(os.makedev(int(major), int(minor)) for major, minor in numbers)


def _path(path: str) -> str:
    if not path.startswith("/"):
        raise HighwaterError("paths: %s is not absolute: write it from the root on, such as /var/log" % shown(path))
    path = "/" + os.path.normpath(path).lstrip("/")
    for refused in KERNEL_FOLDERS:
        if (os.path.realpath(path) + "/").startswith(refused + "/"):
            raise HighwaterError(
                "paths: %s belongs to the kernel and has no page cache: name files or folders of a disk" % shown(path)
            )
    if path == "/" or _is_root(path):
        raise HighwaterError(
            "paths: %s is the whole machine: name the folders that matter, such as /var/log, or write scope: pagecache "
            "without paths" % shown(path)
        )
    return path


def _is_root(path: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat("/"))
    except OSError:
        return False


def matches(path: str, kernel: frozenset[int]) -> list[str]:
    """The files and folders that a path means: itself, or what is there of a glob, links and what is on a filesystem of
    the kernel's left out. kernel: see kernel_devices().

    HighwaterError for a path without a glob that is not there, is neither file nor folder, or is the kernel's.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        if not glob.has_magic(path):
            raise HighwaterError("paths: %s is not there: name one that is" % shown(path), reason="missing") from None
        return sorted(match for match in glob.iglob(path) if _is_to_purge(match, kernel))
    kind = found.st_mode
    if stat.S_ISLNK(kind):
        raise HighwaterError(
            "paths: %s is a symbolic link, which is not followed: name what it points to (%s)"
            % (shown(path), shown(os.path.realpath(path))),
            reason="symlink",
        )
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise HighwaterError("paths: %s is neither a file nor a folder: name one" % shown(path), reason="not_a_file")
    if found.st_dev in kernel:
        raise HighwaterError(
            "paths: %s is on a filesystem of the kernel's and has no page cache: name files or folders of a disk"
            % shown(path)
        )
    return [path]


def _is_to_purge(path: str, kernel: frozenset[int]) -> bool:
    try:
        found = os.lstat(path)
        if found.st_dev in kernel:
            return False
        return (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) and _path(path) == path
    except (OSError, HighwaterError):
        return False


def shown(path: str) -> str:
    """A path as text that every terminal and JSON parser takes: bytes that are no UTF-8 as ``\\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
