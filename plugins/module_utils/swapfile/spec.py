# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to what is wanted: sizes evaluated, bad input refused, one sentence each."""

from __future__ import annotations

import math
import os
from typing import Any, Mapping, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import BYTES, PLAIN, Quantity, format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, kept_size, settled
from ansible_collections.highwater.memory.plugins.module_utils.core.size import is_literal, size_in_bytes
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import filesystem, fstab, header
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import Folder, State

MIB = 2**20
GIB = 2**30
SMALLEST = MIB
SMALLEST_AUTO = 256 * MIB
HIGHEST_PRIORITY = 32767  # swapon(8)
ALL = "all"  # no path, since it is not absolute
DEFAULT_KEEP_FREE = "max(disk_total * 5%, 256MiB)"

Params = Mapping[str, Any]


class Spec(NamedTuple):
    """What is wanted of one swapfile; sizes in bytes.

    priority, label: None leaves them to the kernel and to mkswap (or as they are).
    now:       the running kernel is changed too, not only what the next boot does.
    sizes:     what the record keeps of how size was settled.
    give_back: absent for all that we know of: what was there before us is left or restored.
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

    @property
    def line(self) -> str:
        """Our line of fstab."""
        return fstab.make_line(self.path, self.priority, self.nofail, self.discard)


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


def resolve_absent(params: Params, state: State) -> Spec:
    """What taking one swapfile away means here; raises HighwaterError where it is somebody's file."""
    give_back = is_all(params)
    refuse_strangers(state._replace(blank=False))  # an empty file may become swap, but is none that could be removed
    return Spec(
        path=state.path,
        present=False,
        now=params["apply"] == "now",
        sizes={},
        headroom=_size("headroom", params, state, "ram"),
        give_back=give_back,
    )


def resolve_present(params: Params, state: State) -> Spec:
    """What is wanted of one swapfile; raises HighwaterError for bad input and Unsupported for a filesystem."""
    _check_numbers(params)
    refuse_strangers(state)
    if state.filesystem is None:
        raise HighwaterError(
            "path: %s is on no mount that /proc/self/mountinfo shows" % state.path, reason="filesystem"
        )
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
        keep_free=_size("keep_free", params, state, "disk_total"),
        headroom=_size("headroom", params, state, "ram"),
        sizes=sizes,
    )


def _check_numbers(params: Params) -> None:
    priority, label = params["priority"], params["label"] or ""
    if priority is not None and not 0 <= priority <= HIGHEST_PRIORITY:
        raise HighwaterError(
            "priority: %d is out of range: write 0 to %d (the higher is used first), or leave it out for the kernel's"
            % (priority, HIGHEST_PRIORITY)
        )
    if len(label.encode("utf-8")) > header.LABEL_BYTES or not label.isprintable():
        raise HighwaterError(
            "label: %r does not fit into a swap header: write at most %d printable bytes" % (label, header.LABEL_BYTES)
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
    if found.kind != "file":
        raise HighwaterError("path: %s is %s" % (state.path, _WRONG_KINDS[found.kind]), reason="not_a_file")
    if state.hibernated:
        raise HighwaterError(
            "path: %s holds a hibernated system, which would be lost: wake that system up and shut it down first"
            % state.path,
            reason="hibernation",
        )
    known = state.header or state.area or state.made_by_us or state.table.entries() or state.blank
    if not known:
        raise HighwaterError(
            "path: %s is somebody's file of %s, neither swap nor made by this module: "
            "move it away, or choose another path" % (state.path, format_size(found.size)),
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


def refuse_folders(state: State) -> None:
    """Raise HighwaterError where somebody but root could put another file in the swapfile's place."""
    for folder in state.folders:
        if _others_can_write(folder, is_parent=folder is state.folders[-1]):
            raise HighwaterError(
                "path: %s lies in %s (mode %04o, owner %d:%d), where others than root can write: choose a folder "
                "that is root's alone" % (state.path, folder.path, folder.mode, folder.uid, folder.gid),
                reason="folder",
            )


def _others_can_write(folder: Folder, is_parent: bool) -> bool:
    if folder.uid != 0:
        return True
    open_to_others = bool(folder.mode & 0o002 or (folder.mode & 0o020 and folder.gid != 0))
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
    if is_literal(expression):
        size = size_in_bytes("size", expression, {})
        sizes = {}
    else:
        kept = kept_size(state.record, "size", expression, ram)
        if kept is not None:
            return kept, {"size": state.record["sizes"]["size"]}
        if expression.strip() == "auto":
            size = auto_size(ram, disk.free + state.own_blocks)
        else:
            size = size_in_bytes("size", expression, _names(state))
        sizes = {"size": settled(expression, ram, _whole_pages(size, state))}
    if size < SMALLEST:
        raise HighwaterError("size: %s is %s: write at least 1MiB" % (expression, format_size(size)))
    return _whole_pages(size, state), sizes


def _whole_pages(size: int, state: State) -> int:
    page = state.machine.page
    return -(-size // page) * page


def _size(option: str, params: Params, state: State, percent_of: str) -> int:
    return size_in_bytes(option, params[option], _names(state), percent_of=percent_of, allow_zero=True)


def _names(state: State) -> dict[str, Quantity]:
    memory = state.machine.memory
    names = {
        "ram": Quantity(memory.total, BYTES),
        "available": Quantity(memory.available, BYTES),
        "cpus": Quantity(state.machine.cpus, PLAIN),
    }
    if state.filesystem is not None:
        names["disk_free"] = Quantity(state.filesystem.free + state.own_blocks, BYTES)
        names["disk_total"] = Quantity(state.filesystem.total, BYTES)
    return names
