# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to what is wanted: sizes evaluated, bad input refused, one sentence each."""

from __future__ import annotations

import math
import os
from typing import Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Share, format_size, literal_bytes
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, kept_size, record_path, settled
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import HEADROOM
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import LABEL_BYTES
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab, filesystem, fstab
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import mapping_name, node
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND, Folder, State

MIB = 2**20
GIB = 2**30
SMALLEST = MIB
SMALLEST_AUTO = 256 * MIB
HIGHEST_PRIORITY = 32767  # swapon(8)
LONGEST_NAME = 255  # of a file
BESIDE = len("..highwater.4194304")  # what the name of a file has more while its new content is written beside it
AUTO = "auto"
ALL = "all"  # no path, since it is not absolute
KEEP_FREE = Share(5, "disk_total", 256 * MIB)
DEFAULT_KEEP_FREE = KEEP_FREE.expression()

Params = Mapping[str, Any]


class Spec(NamedTuple):
    """What is wanted of one swapfile; sizes in bytes.

    priority, label: None leaves them to the kernel and to mkswap (or as they are).
    now:       the running kernel is changed too, not only what the next boot does.
    sizes:     what the record keeps of how size was settled.
    give_back: absent for all that we know of: what was there before us is left or restored.
    disabled:  somebody else's swap is to be put away, and to be given back some day.
    warning:   what a run would refuse if all were as it is in check mode, or why it is held back.
    held:      what is to go off stays after all.
    notice:    a warning of what comes with it: that the file cannot be reached, say, and so stays.
    """

    path: str
    present: bool
    now: bool
    sizes: dict[str, Entry]
    persistent: bool = True
    size: int = 0
    method: str = "auto"
    ability: filesystem.Ability = filesystem.Ability()
    priority: Optional[int] = None
    discard: str = "none"
    nofail: bool = True
    label: Optional[str] = None
    keep_free: int = 0
    headroom: int = 0
    give_back: bool = False
    encrypted: bool = False
    disabled: bool = False
    warning: Optional[str] = None
    held: bool = False
    notice: Optional[str] = None

    @property
    def device(self) -> str | None:
        """The name of the device through which it is to be encrypted; None where it is not."""
        return mapping_name(self.path) if self.encrypted else None

    @property
    def line(self) -> str:
        """Our line of fstab."""
        spec = node(self.device) if self.device else self.path
        return fstab.make_line(spec, self.priority, self.nofail, self.discard)

    @property
    def crypt_line(self) -> str | None:
        """Our line of crypttab; None where it needs none."""
        return crypttab.make_line(self.path, self.nofail) if self.encrypted else None


def is_all(params: Params) -> bool:
    """Whether all swapfiles that our record has are meant."""
    return bool(params["path"] == ALL and params["state"] == "absent")


def check_path(path: str) -> None:
    """Raise HighwaterError unless path is one that can be looked at: absolute, and written in one way only."""
    if not path.startswith("/"):
        raise HighwaterError("path: %s is not absolute: write it from the root, such as /swapfile" % (path or "''"))
    normal = os.path.normpath("/" + path.lstrip("/"))
    if normal != path or normal == "/":
        proposal = "write %s" % normal if normal != "/" else "write a file's path, such as /swapfile"
        raise HighwaterError("path: %s is not the plain path of a file: %s" % (path, proposal))
    if not path.isprintable():
        raise HighwaterError("path: %r has characters that cannot be printed: choose another name" % path)
    if len(os.path.basename(record_path(KIND, path))) + BESIDE > LONGEST_NAME:
        raise HighwaterError(
            "path: %s is too long: our record of it would need a name of more than %d bytes: choose a shorter one"
            % (path, LONGEST_NAME)
        )


def resolve_absent(params: Params, state: State) -> Spec:
    """What taking one swapfile away means here; raises HighwaterError where it is somebody's file."""
    give_back = is_all(params)
    if not give_back:
        refuse_owners(state)
    refuse_all_but_swap(state)
    if state.found or state.area or state.bridge:
        refuse_folders(state)
    return Spec(
        path=state.path,
        present=False,
        now=params["apply"] == "now",
        sizes={},
        headroom=headroom_of(params, state),
        give_back=give_back,
    )


def resolve_present(params: Params, state: State) -> Spec:
    """What is wanted of one swapfile; raises HighwaterError for bad input and Unsupported for a filesystem."""
    _check_numbers(params)
    refuse_other_devices(state)
    refuse_strangers(state)
    refuse_owners(state)
    if state.filesystem is None:
        raise HighwaterError(
            "path: %s is on no mount that /proc/self/mountinfo shows" % state.path, reason="filesystem"
        )
    refuse_unmounted(state, state.filesystem)
    ability = filesystem.ability(state.filesystem, state.path)
    refuse_folders(state)
    size, sizes = _settle_size(str(params["size"]), state, state.filesystem)
    return Spec(
        path=state.path,
        present=True,
        now=params["apply"] == "now",
        persistent=params["persistent"],
        size=size,
        method=params["method"],
        ability=ability,
        priority=params["priority"],
        discard=params["discard"],
        nofail=params["nofail"],
        label=params["label"] or None,
        keep_free=_kept("keep_free", params, state, KEEP_FREE, state.filesystem.total),
        headroom=headroom_of(params, state),
        sizes=sizes,
        encrypted=params["encrypted"],
    )


def refuse_unmounted(state: State, disk: filesystem.Filesystem) -> None:
    """Raise HighwaterError where the filesystem that the file is to be on is not mounted: what is found in its place is
    a folder of the one below.
    """
    missing = unmounted(state, disk)
    if missing is not None:
        raise HighwaterError(
            "path: no filesystem is mounted at %s, %s, so that %s would go to the one below: mount it, or %s"
            % (missing.point, missing.by, state.path, missing.way_out),
            reason="not_mounted",
        )


class Unmounted(NamedTuple):
    """A mount point without its filesystem, who tells of it, and what to do where it is no longer to have one."""

    point: str
    by: str
    way_out: str


def unmounted(state: State, disk: filesystem.Filesystem) -> Unmounted | None:
    """The mount point above the file that lacks its filesystem. One that no boot mounts (noauto) does not count; an
    automount is, by our look at it.
    """
    if state.made_by_us or (state.found and state.is_on):
        return None  # it lies where it was put: the mount point is a folder above whose filesystem it does not need
    told = dict.fromkeys(state.table.mount_points(), ("for which %s has one" % fstab.PATH, "take its line out"))
    noted = state.record.get("mount_point", "/")
    told.setdefault(noted, ("where an earlier run has found one", "give the file up first (state: absent)"))
    for point, (by, way_out) in told.items():
        if state.path.startswith(point + "/") and len(point) > len(disk.mount_point):
            return Unmounted(point, by, way_out)
    return None


def _check_numbers(params: Params) -> None:
    priority, label = params["priority"], params["label"] or ""
    if priority is not None and not 0 <= priority <= HIGHEST_PRIORITY:
        raise HighwaterError(
            "priority: %d is out of range: write 0 to %d (the higher is used first), or leave it out for the kernel's"
            % (priority, HIGHEST_PRIORITY)
        )
    if len(label.encode("utf-8")) > LABEL_BYTES or not label.isprintable():
        raise HighwaterError(
            "label: %r does not fit into a swap header: write at most %d printable bytes" % (label, LABEL_BYTES)
        )


# -- whose file it is ----------------------------------------------------------------------------------------------

_WRONG_KINDS = {
    "link": "a symbolic link: give the path of the file itself",
    "folder": "a folder: give the path of a file",
    "other": "not a regular file (a device, socket or pipe): give the path of a file",
}


def refuse_strangers(state: State) -> None:
    """Raise HighwaterError where what stands at the path is not a swapfile, and must not become one."""
    _refuse_links(state)
    found = state.found
    if found is None:
        return
    refuse_other_devices(state)
    if found.kind != "file":
        raise HighwaterError("path: %s is %s" % (state.path, _WRONG_KINDS[found.kind]), reason="not_a_file")
    if state.hibernated:
        raise HighwaterError(
            "path: %s holds a hibernated system, which would be lost: wake that system up and shut it down first"
            % state.path,
            reason="hibernation",
        )
    # fstab only tells what was there when its line was written, which may have been another file.
    if not (state.header or state.foreign or state.is_on or state.made_by_us or state.blank or state.noise):
        raise HighwaterError(
            "path: %s is somebody's file of %s, neither swap nor made by this module: "
            "move it away, or choose another path" % (state.path, format_size(found.size)),
            reason="not_swap",
        )


def refuse_all_but_swap(state: State) -> None:
    """The same where it is to go: an empty file may become swap, but is none unless fstab, crypttab or our record says
    so (of a run that was cut off before it noted which file it had made).
    """
    asked_for = bool(state.table.entries() or state.crypt.vouches() or state.record)
    refuse_strangers(state._replace(blank=state.blank and asked_for))


def refuse_other_devices(state: State) -> None:
    """Raise HighwaterError where crypttab makes a device of the file that is not swap, or has our device's name for
    another one.
    """
    for entry in state.crypt.others():
        has = "what %r in %s is made of" if state.crypt.is_of_file(entry) else "to be called %r, which is taken in %s"
        raise HighwaterError(
            "path: %s is %s, without the option swap: take that line out first where nothing needs it, or choose "
            "another path" % (state.path, has % (entry.name, crypttab.PATH)),
            reason="not_swap",
        )


def _refuse_links(state: State) -> None:
    for folder in state.folders:
        if folder.link:
            raise HighwaterError(
                "path: %s goes through %s, which is not a folder but a link or a file: give the path without links"
                % (state.path, folder.path),
                reason="symlink",
            )


def refuse_owners(state: State) -> None:
    """Raise HighwaterError where somebody else makes the file or turns it on at boot."""
    for owner in state.owners:
        raise HighwaterError(
            "path: %s is turned on at boot by %s (%s), and two owners of one swapfile would undo each other's work: "
            "put that away first (state: disabled), or choose another path" % (state.path, owner.program, owner.file),
            reason="owner",
            owner=owner.program,
            file=owner.file,
        )


def refuse_folders(state: State) -> None:
    """Raise HighwaterError where somebody but root could put another file in the swapfile's place."""
    for folder in state.folders:
        if _others_can_write(folder, is_parent=folder is state.folders[-1]):
            raise HighwaterError(
                "path: %s lies in %s (mode %04o%s, owner %d:%d), where others than root can write: choose a folder "
                "that is root's alone"
                % (state.path, folder.path, folder.mode, "+" if folder.acl else "", folder.uid, folder.gid),
                reason="folder",
            )


def _others_can_write(folder: Folder, is_parent: bool) -> bool:
    if folder.uid != 0:
        return True
    open_to_others = bool(folder.mode & 0o002 or (folder.mode & 0o020 and (folder.gid != 0 or folder.acl)))
    # Where the sticky bit is set they cannot rename what is root's, but they can put files of their own beside it.
    return open_to_others and (is_parent or not folder.mode & 0o1000)


# -- sizes ---------------------------------------------------------------------------------------------------------


def auto_size(ram: int, disk_free: int) -> int:
    """The size that ``auto`` stands for, in whole MiB: RAM below 4 GiB, 4 GiB below 16 GiB, else the root of RAM in
    GiB, rounded; at most a quarter of the free disk, at least 256 MiB. All in bytes.
    """
    if ram < 4 * GIB:
        wanted = ram
    elif ram < 16 * GIB:
        wanted = 4 * GIB
    else:
        wanted = round(math.sqrt(ram / GIB)) * GIB
    return max(min(wanted, disk_free // 4), SMALLEST_AUTO) // MIB * MIB


def _settle_size(expression: str, state: State, disk: filesystem.Filesystem) -> tuple[int, dict[str, Entry]]:
    """The size in whole pages, and what the record keeps of it: what was computed once stays."""
    ram = state.machine.memory.total
    size, sizes = _literal(expression), {}
    if not size:
        kept = kept_size(state.record, "size", expression, ram)
        if kept is not None:
            return _whole_pages(kept, state), {"size": state.record["sizes"]["size"]}
        if expression.strip() == AUTO:
            size = auto_size(ram, disk.free + state.own_blocks)
        else:
            size = _evaluated("size", expression, state)
        sizes = {"size": settled(expression, ram, _whole_pages(size, state))}
    if size < SMALLEST:
        raise HighwaterError("size: %s is %s: write at least 1MiB" % (expression, format_size(size)))
    return _whole_pages(size, state), sizes


def _whole_pages(size: int, state: State) -> int:
    page = state.machine.page
    return -(-size // page) * page


def _literal(expression: str) -> int:
    """The bytes of a size that depends on nothing of the host; 0 for any other."""
    size = literal_bytes(expression)
    if size or expression.strip() == AUTO:
        return size
    # Imported here because a plain size, the defaults and what was settled before have no use for it.
    from ansible_collections.highwater.memory.plugins.module_utils.core.size import is_literal, size_in_bytes

    return size_in_bytes("size", expression, {}) if is_literal(expression) else 0


def headroom_of(params: Params, state: State) -> int:
    """Bytes of memory that must stay available."""
    return _kept("headroom", params, state, HEADROOM, state.machine.memory.total)


def _kept(option: str, params: Params, state: State, default: Share, amount: int) -> int:
    """The bytes that an option keeps free; amount: what its default, and a lone percentage, is a share of."""
    text = params[option]
    if text == default.expression():
        return default.floor(amount)
    return literal_bytes(text) or _evaluated(option, text, state, default.of, allow_zero=True)


def _evaluated(option: str, text: str, state: State, percent_of: str = "ram", allow_zero: bool = False) -> int:
    # Imported here as in _literal().
    from ansible_collections.highwater.memory.plugins.module_utils.core.size import machine_names, size_in_bytes

    memory = state.machine.memory
    disk = {}
    if state.filesystem is not None:
        disk = {"disk_free": state.filesystem.free + state.own_blocks, "disk_total": state.filesystem.total}
    names = machine_names(memory.total, memory.available, state.machine.cpus, **disk)
    return size_in_bytes(option, text, names, percent_of, allow_zero)
