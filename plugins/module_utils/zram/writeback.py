# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk behind a zram: what stands at the path asked for, and whether it may be overwritten.

The kernel opens it exclusively, which keeps off what is mounted or in use, but not what only has data on it.
"""

from __future__ import annotations

import os
import re
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount

LINKS = 40  # that the kernel follows, path_resolution(7)
BY_ORDER = re.compile(r"/dev/(?:[sv]d[a-z]+\d*|(?:nvme|mmcblk)\w+)\Z")  # named as the kernel comes to find them
LASTING = "/dev/disk/by-id"
MISSING = "does not exist"
NONE = "none"  # what backing_dev says without one


class Backing(NamedTuple):
    """The device that writeback_device names.

    asked:   the path as it was asked for, which is what boots; path: where its links lead, as the kernel shows it.
    size:    bytes; None where path is no block device.
    problem: why it may not be taken, as the end of a sentence that begins with its path; empty where it may.
    better:  what to write instead of a path that may be another disk's after a boot; empty where asked will do.
    """

    asked: str
    path: str
    size: Optional[int]
    problem: str
    better: str = ""


def observe_backing(
    host: Host, name: str, asked: str, mounts: tuple[Mount, ...], memory: Memory, known: str = ""
) -> Backing:
    """Look at the device, and for signatures on it unless it is behind the zram of that name already. known: the one
    that our record says was behind it.

    Raises HighwaterError for a path that can be no device's.
    """
    _check_form(asked)
    path = _followed(host, asked)
    block = path[len("/dev/") :].replace("/", "!") if path.startswith("/dev/") else ""
    folder = "/sys/class/block/%s" % block
    better = _better(host, asked) if BY_ORDER.match(asked) else ""
    if not block or not host.exists(folder + "/size"):
        return Backing(asked, path, None, "is not a block device" if host.exists(path) else MISSING, better)
    size = int(host.must_read(folder + "/size")) * 512  # sectors, whatever the disk's own are
    behind = current(host, name) == path
    problem = "" if behind else _problem(host, block, path, size, mounts, memory)
    problem = problem or ("" if behind else _signature(host, path, known == asked))
    return Backing(asked, path, size, problem, better)


def current(host: Host, name: str) -> str | None:
    """The device behind a zram; empty without one, None where this kernel cannot have one."""
    text = host.read("/sys/block/%s/backing_dev" % name)
    if text is None:
        return None
    return "" if text.strip() == NONE else text.strip()


def _better(host: Host, asked: str) -> str:
    """A name that lasts, of the device itself."""
    links = ("%s/%s" % (LASTING, name) for name in host.listdir(LASTING))
    found = next((link for link in links if _followed(host, link) == asked), None)
    return found or "a name that lasts, such as one below %s" % LASTING


def _followed(host: Host, path: str) -> str:
    for _turn in range(LINKS):
        target = host.readlink(path)
        if target is None:
            return path
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return path


def _problem(host: Host, block: str, path: str, size: int, mounts: tuple[Mount, ...], memory: Memory) -> str:
    folder = "/sys/class/block/%s" % block
    number = (host.read(folder + "/dev") or "").strip()
    if re.match(r"zram\d+\Z", block):
        return "is a zram device itself, in RAM"
    mounted = [mount.point for mount in mounts if mount.source == path or mount.number == number]
    if mounted:
        return "is mounted at %s" % mounted[0]
    if any(_followed(host, area.path) == path for area in memory.areas):
        return "is swapped on"
    holders = host.listdir(folder + "/holders")
    if holders:
        return "is part of %s" % holders[0]
    for other in host.listdir("/sys/block"):
        if other.startswith("zram") and current(host, other) == path:
            return "is behind %s already" % other
    if (host.read(folder + "/ro") or "0").strip() == "1":
        return "is read-only"
    if not size:
        return "has no size"
    return ""


def _signature(host: Host, path: str, ours: bool) -> str:
    """What wipefs(8) finds, filesystems, partition tables, members of RAID and LVM among it; it only looks. On a disk
    of ours, the swap header is that of the zram itself, a page like others that were written to it.
    """
    types = host.run("wipefs", "--noheadings", "--output", "TYPE", path).out.split()
    found = [each for each in types if not ours or each != "swap"]
    if not found:
        return ""
    return "has a signature of %s, so there may be data on it (wipefs --all %s would take it away)" % (
        ", ".join(found),
        path,
    )


def _check_form(path: str) -> None:
    """Raise HighwaterError for a path that can be no device's; links are only followed below /dev."""
    if not re.match(r"/dev/[\w@+=:,./-]+\Z", path, re.ASCII) or os.path.normpath(path) != path:
        raise HighwaterError(
            "writeback_device: %s is no path of a device: write one such as /dev/vdb, or better a lasting one below "
            "/dev/disk/by-id" % path
        )


def refuse_backing(backing: Backing, now: bool) -> None:
    """Raise HighwaterError where the device may not be taken; an image need not have it yet."""
    if backing.problem and (now or backing.problem != MISSING):
        name = backing.asked if backing.asked == backing.path else "%s (%s)" % (backing.asked, backing.path)
        raise HighwaterError(
            "writeback_device: %s %s: write a block device that is not in use and has nothing on it"
            % (name, backing.problem),
            reason="writeback_device",
        )


def doubts(backing: Backing, name: str, persistent: bool) -> list[str]:
    """Warnings, about the boot, for a device that may be taken."""
    said = []
    if persistent and backing.better:
        said.append("writeback_device: %s may be another disk after a boot: write %s" % (backing.asked, backing.better))
    if backing.problem == MISSING:
        said.append(
            "writeback_device: %s does not exist here: a boot that does not find it either waits for it, and leaves %s "
            "alone" % (backing.asked, name)
        )
    return said


def without_writeback() -> Unsupported:
    """The error for a kernel that cannot write back."""
    return Unsupported(
        "writeback_device: this kernel cannot write pages of a zram to a disk: leave writeback_device out, or run a "
        "kernel with CONFIG_ZRAM_WRITEBACK",
        reason="feature",
    )
