# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a swapfile and at what all swapfiles of a host share; never writes."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import cpus, runs_selinux, runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import recall
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import observe_memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import parse_fstab, swap_entries
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import mount_of, parse_mountinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import (
    PAGE_SIZES,
    foreign_page,
    is_hibernated,
    parse_header,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import (
    cloud_init,
    crypttab,
    extents,
    filesystem,
    fstab,
    mapping,
    resume,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.owner import find_owners
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import (
    KIND,
    Folder,
    Found,
    Machine,
    State,
    bridge_path,
    draft_path,
)


def observe_machine(host: Host) -> Machine:
    """Read what all swapfiles of the host share. In a container, an image that is being built perhaps, nothing is on:
    what the kernel shows is the swap, and the devices, of the machine whose kernel it is.
    """
    memory = observe_memory(host)
    areas, mapped, gone = mapping.by_file(host, memory.areas)
    if (areas or mapped) and container(host):
        areas, mapped, gone, memory = (), {}, (), memory._replace(areas=(), leaving="")
    leaving = {mapping.node(name): file for file, name in mapped.items()}.get(memory.leaving, memory.leaving)
    return Machine(
        memory=memory._replace(areas=areas, leaving=leaving),
        fstab=host.read(fstab.PATH),
        boot_id=(host.read("/proc/sys/kernel/random/boot_id") or "").strip(),
        systemd=runs_systemd(host),
        page=os.sysconf("SC_PAGE_SIZE"),
        cpus=cpus(host),
        selinux=runs_selinux(host),
        semanage=runs_selinux(host) and _selinux().can_be_told(host),
        resumes_from=resume.observe(host),
        crypttab=host.read(crypttab.PATH),
        mapped=mapped,
        gone=gone,
        clock=time.time_ns(),
        links={path: target for path in (fstab.PATH, crypttab.PATH) for target in [host.readlink(path)] if target},
    )


def _selinux() -> Any:
    # Imported here because most hosts have no use for it.
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import selinux

    return selinux


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
        filesystem=_filesystem(host, machine, path, folders[-1].path),
        area=_area(host, machine, path),
        bridge=_found(host, bridge_path(path)),
        bridge_area=_area(host, machine, bridge_path(path)),
        draft=_found(host, draft_path(path)),
        crypt=crypttab.Table(machine.crypttab, path),
        has_rule=machine.selinux and _selinux().has_rule(host, path),
        owners=find_owners(host, path),
        cloud_init=cloud_init.find(host, path),
    )
    return _look_inside(host, state)


def _look_inside(host: Host, state: State) -> State:
    """Header, tags and, where the file is off, what the kernel would say of it."""
    if state.found is None or state.found.kind != "file":
        return state._replace(table=fstab.Table(state.machine.fstab, state.path, _tags(host, state)))
    fd = os.open(host.path(state.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        start = os.pread(fd, PAGE_SIZES[-1], 0)
        first = start[: state.machine.page]
        whole = len(first) == state.machine.page
        state = state._replace(
            header=parse_header(first) if whole else None,
            hibernated=any(is_hibernated(start[:size]) for size in PAGE_SIZES if len(start) >= size),
        )
        state = state._replace(table=fstab.Table(state.machine.fstab, state.path, _tags(host, state)))
        state = _look_closer(host, state, fd, start)
        if not state.is_on:
            state = state._replace(flaw=_flaw(fd, state), blank=_nobodys(state) and extents.is_blank(fd))
    finally:
        os.close(fd)
    return state


def _look_closer(host: Host, state: State, fd: int, start: bytes) -> State:
    """What is asked of a file whatever is in it."""
    state = state._replace(
        foreign=foreign_page(start) if state.header is None else None, generation=filesystem.generation(fd)
    )
    if state.machine.selinux:
        state = state._replace(type=_selinux().type_of(host.path(state.path)))
    if state.machine.resumes_from is not None and state.filesystem is not None:
        device = resume.device_of(os.fstat(fd), state.filesystem.source)
        place = _place(fd, state.filesystem.kind)
        state = state._replace(resumes=resume.is_from(state.machine.resumes_from, device, place, state.machine.page))
    return state


def _place(fd: int, kind: str) -> int | None:
    """The byte of its device at which a file begins; None where that is not known."""
    found = extents.read_extents(fd)
    if not found or kind != "btrfs":
        return found[0].physical if found else None
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import btrfs  # as in _selinux()

    return btrfs.place_of(fd, found[0].physical)


def _nobodys(state: State) -> bool:
    """Whether nothing but its content can tell whose the file is."""
    return not (state.header or state.foreign or state.hibernated or state.made_by_us or state.noise)


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
    devices = tuple(mapping.node(name) for name in state.crypt.names())
    specs = (entry.spec for entry in swap_entries(parse_fstab(state.machine.fstab or "")))
    linked = tuple(spec.replace('"', "") for spec in specs if _leads_to(host, spec, state.path))
    return (*devices, *linked) + tuple(
        "%s=%s" % (tag, value)
        for folder, tag, value in names
        if value and not host.exists("/dev/disk/by-%s/%s" % (folder, value))
    )


def _leads_to(host: Host, spec: str, path: str) -> bool:
    """Whether what fstab names is the file by way of links."""
    return spec.startswith("/") and spec != path and os.path.realpath(host.path(spec)) == host.path(path)


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
            acl = bool(status.st_mode & stat.S_IWGRP) and not link and _has_acl(host.path(current))
            there.append(Folder(current, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, link, acl))
    return tuple(there), tuple(missing)


def _has_acl(folder: str) -> bool:
    try:
        return bool(os.getxattr(folder, "system.posix_acl_access"))
    except OSError:
        return False


def _filesystem(host: Host, machine: Machine, path: str, folder: str) -> filesystem.Filesystem | None:
    mount = mount_of(parse_mountinfo(host.read("/proc/self/mountinfo") or ""), folder)
    if mount is None:
        return None
    room = os.statvfs(host.path(folder))
    total, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
    read_only = bool(room.f_flag & os.ST_RDONLY)
    reserved = filesystem.reserved(mount.fstype, room)
    found = filesystem.Filesystem(
        mount.fstype, mount.point, total, free, read_only=read_only, source=mount.source, reserved=reserved
    )
    if mount.fstype != "btrfs":
        return found
    from ansible_collections.highwater.memory.plugins.module_utils.swapfile import btrfs  # as in _selinux()

    devices, copies = btrfs.count_devices(host.path(folder)), btrfs.keeps_copies(host.path(folder))
    swap = (path, draft_path(path), bridge_path(path), *(area.path for area in machine.memory.areas))
    names = [os.path.basename(each) for each in swap if os.path.dirname(each) == folder]
    shared = not btrfs.is_subvolume_of(host.path(folder), names)
    return found._replace(devices=devices, copies=copies, shared=shared)


def _area(host: Host, machine: Machine, path: str) -> SwapArea | None:
    """What is on at a path. In a chroot the path of the machine's own swapfile is that of none."""
    found = next((area for area in machine.memory.areas if area.path == path and not area.deleted), None)
    return None if found and found.kind == "file" and not host.exists(path) else found
