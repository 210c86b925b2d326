# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swapfile is right now: the file, its header, its filesystem, the kernel, fstab and our record."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import cpus, runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory, observe_memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import extents, filesystem, fstab, header

KIND = "swapfile"  # of our record


class Found(NamedTuple):
    """What stands at a path, links not followed. kind: file, link, folder or other; size, allocated: bytes."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    allocated: int
    inode: int


class Folder(NamedTuple):
    """A folder on the way to the file; ``link`` where it is a symbolic link."""

    path: str
    mode: int
    uid: int
    gid: int
    link: bool = False


class Machine(NamedTuple):
    """What all swapfiles of a host share. page: bytes; cpus: that are on line."""

    memory: Memory
    fstab: Optional[str]
    boot_id: str
    systemd: bool
    page: int
    cpus: int


class State(NamedTuple):
    """A swapfile as it is.

    found:      None where nothing stands at path.
    header:     None where it is not formatted; hibernated: a hibernated system lies in it.
    flaw:       why the kernel would refuse the file, in words; looked for while it is off only.
    blank:      it holds nothing but zeros; looked for only where nothing else tells whose it is.
    folders:    those from / to the file that are there; missing: those that are not, outermost first.
    filesystem: None where the mounts cannot be read.
    area:       the swap that is on at path; bridge_area: at bridge_path.
    bridge, draft: what a run that was cut off has left beside the file.
    record:     empty where we have never met it.
    """

    path: str
    machine: Machine
    record: Entry
    found: Optional[Found] = None
    header: Optional[header.SwapHeader] = None
    hibernated: bool = False
    flaw: Optional[str] = None
    blank: bool = False
    folders: tuple[Folder, ...] = ()
    missing: tuple[str, ...] = ()
    filesystem: Optional[filesystem.Filesystem] = None
    area: Optional[SwapArea] = None
    bridge: Optional[Found] = None
    bridge_area: Optional[SwapArea] = None
    draft: Optional[Found] = None
    table: fstab.Table = fstab.Table(None, "")

    @property
    def made_by_us(self) -> bool:
        """Whether the file at path is the one that this module put there."""
        return self.found is not None and self.record.get("inode") == self.found.inode

    @property
    def own_blocks(self) -> int:
        """Bytes of disk that are free once this swapfile, and what a cut-off run left, are away."""
        left = sum(found.allocated for found in (self.draft, None if self.bridge_area else self.bridge) if found)
        return left + (self.found.allocated if self.found else 0)


def draft_path(path: str) -> str:
    """Where a file is made before it is renamed to path: nothing half made ever stands there."""
    return _beside(path, ".new")


def bridge_path(path: str) -> str:
    """The swapfile that is on while the one at path is made anew."""
    return _beside(path, "")


def _beside(path: str, suffix: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, ".%s.highwater%s" % (name, suffix))


def observe_machine(host: Host) -> Machine:
    """Read what all swapfiles of the host share."""
    return Machine(
        memory=observe_memory(host),
        fstab=host.read(fstab.PATH),
        boot_id=(host.read("/proc/sys/kernel/random/boot_id") or "").strip(),
        systemd=runs_systemd(host),
        page=os.sysconf("SC_PAGE_SIZE"),
        cpus=cpus(host),
    )


def observe_file(host: Host, machine: Machine, path: str) -> State:
    """Read all there is about one swapfile; path is absolute and normal."""
    folders, missing = _folders(host, os.path.dirname(path))
    state = State(
        path,
        machine,
        recall(host, KIND, path),
        found=_found(host, path),
        folders=folders,
        missing=missing,
        filesystem=_filesystem(host, folders[-1].path),
        area=_area(machine, path),
        bridge=_found(host, bridge_path(path)),
        bridge_area=_area(machine, bridge_path(path)),
        draft=_found(host, draft_path(path)),
    )
    return _look_inside(host, state)


def _look_inside(host: Host, state: State) -> State:
    """Header, tags and, where the file is off, what the kernel would say of it."""
    if state.found is None or state.found.kind != "file":
        return state._replace(table=fstab.Table(state.machine.fstab, state.path, _tags(host, state)))
    fd = os.open(host.path(state.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        first = os.pread(fd, state.machine.page, 0)
        whole = len(first) == state.machine.page
        state = state._replace(
            header=header.parse_header(first) if whole else None, hibernated=whole and header.is_hibernated(first)
        )
        state = state._replace(table=fstab.Table(state.machine.fstab, state.path, _tags(host, state)))
        if state.area is None:
            state = state._replace(flaw=_flaw(fd, state), blank=_nobodys(state) and extents.is_blank(fd))
    finally:
        os.close(fd)
    return state


def _nobodys(state: State) -> bool:
    """Whether nothing but its content can tell whose the file is."""
    return state.header is None and not state.hibernated and not state.made_by_us and not state.table.entries()


def _flaw(fd: int, state: State) -> str | None:
    rule = filesystem.ABILITIES.get(state.filesystem.kind) if state.filesystem else None
    if rule is not None and rule.nocow and not filesystem.is_nocow(fd):
        return "it is copy-on-write"
    return extents.flaw_of(fd)


def _tags(host: Host, state: State) -> tuple[str, ...]:
    """What fstab may call the file instead of its path, as far as no block device goes by that name."""
    uuid = state.header.uuid if state.header else state.record.get("uuid")
    label = state.header.label if state.header else state.record.get("label")
    names = (("uuid", "UUID", uuid), ("label", "LABEL", label))
    return tuple(
        "%s=%s" % (tag, value)
        for folder, tag, value in names
        if value and not host.exists("/dev/disk/by-%s/%s" % (folder, value))
    )


def _found(host: Host, path: str) -> Found | None:
    status = host.lstat(path)
    if status is None:
        return None
    tests = (("file", stat.S_ISREG), ("link", stat.S_ISLNK), ("folder", stat.S_ISDIR))
    kind = next((name for name, test in tests if test(status.st_mode)), "other")
    return Found(
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_size,
        status.st_blocks * 512,
        status.st_ino,
    )


def _folders(host: Host, path: str) -> tuple[tuple[Folder, ...], tuple[str, ...]]:
    """The folders from / to path that are there, and those that are missing."""
    there: list[Folder] = []
    missing: list[str] = []
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts) + 1):
        current = "/" + "/".join(parts[:depth])
        status = None if missing else host.lstat(current)
        if status is None:
            missing.append(current)
        else:
            link = not stat.S_ISDIR(status.st_mode)
            there.append(Folder(current, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, link))
    return tuple(there), tuple(missing)


def _filesystem(host: Host, folder: str) -> filesystem.Filesystem | None:
    mount = filesystem.parse_mount(host.read("/proc/self/mountinfo") or "", folder)
    if mount is None:
        return None
    room = os.statvfs(host.path(folder))
    total, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
    devices = filesystem.count_devices(mount[0], host.path(folder))
    return filesystem.Filesystem(mount[0], mount[1], total, free, devices)


def _area(machine: Machine, path: str) -> SwapArea | None:
    return next((area for area in machine.memory.areas if area.path == path and not area.deleted), None)
