# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a zram device is right now, as values: the device, the kernel's zram, swap, our unit and our record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Artefact
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, live
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import BdStat, IoStat, MmStat
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import Owner
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import Taken
from ansible_collections.highwater.memory.plugins.module_utils.zram.temporary import Temporary
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import Backing

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.timer import Timer
    from ansible_collections.highwater.memory.plugins.module_utils.zram.beside import Beside
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_options import Tools
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import Made, MountPoint

KIND = "zram_device"  # of our records
MODULE_KIND, MODULE = "zram_module", "zram"  # the record that it was us who loaded the kernel module
PACKAGE_KIND = "zram_package"  # of our records: packages that were installed to have the kernel module

OPTIONS = "options"  # of a mount, in what our record says of the device that is there now
CONTROL = "/sys/class/zram-control"
PAGE = os.sysconf("SC_PAGE_SIZE")
MULTI_COMP, WRITEBACK = "MULTI_COMP", "WRITEBACK"  # CONFIG_ZRAM_..., for recompress and writeback_device


class Device(NamedTuple):
    """The device as the kernel shows it below /sys/block; sizes in bytes.

    size:      disksize; 0 while the device is not set up.
    algorithm: the one that is chosen; algorithms: all that this kernel offers for it.
    params:    whether this kernel takes parameters for an algorithm (6.12).
    stat:      mm_stat.
    swap:      whether it holds a swap area, on or off.
    used_by:   what else has it: a mount point, a device on top of it; None for nothing.
    recompress: algorithms for a second pass, by priority; None where this kernel cannot recompress.
    writeback_device: path of the device behind it, empty for none; None where this kernel cannot write back.
    filesystem: the one that is on it (``ext4``), None for none that we know.
    ours:      whether that has our label.
    mounts:    where it is mounted, as the kernel tells them: the whole of it, or parts (bind mounts).
    main:      of these the one that counts, see observe.py; None where the whole is not mounted anywhere.
    content:   names in it there, without lost+found.
    io_stat, bd_stat: by the kernel's names; bd_stat None where this kernel cannot write back.
    """

    size: int
    algorithm: Optional[str]
    algorithms: tuple[str, ...]
    params: bool
    stat: MmStat
    swap: bool
    used_by: Optional[str]
    recompress: Optional[tuple[tuple[int, str], ...]] = None
    writeback_device: Optional[str] = None
    filesystem: Optional[str] = None
    ours: bool = False
    mounts: tuple[Mount, ...] = ()
    main: Optional[Mount] = None
    content: tuple[str, ...] = ()
    io_stat: Optional[IoStat] = None
    bd_stat: Optional[BdStat] = None


class State(NamedTuple):
    """Everything about one device that a plan depends on.

    device:      None where there is no such device.
    available:   whether the kernel's zram is there: built in, loaded, or to be loaded.
    loaded:      whether it is there already; built_in: as part of the kernel, so that nothing unloads it.
    offered:     the algorithms that any device on this host lists; None where there is no device to ask.
    others:      other zram devices that are set up or that we have made.
    area:        its swap area, where it is on.
    owners:      who else sets it up at boot; taken: what we have taken over from such.
    record:      what we remember of it; loaded_by_us: that the kernel module was not loaded before us.
    mount_point: what stands where it is to be mounted, where it is to go where our record says it is; None for swap.
    masked:      whether the unit that our record says we keep from mounting still is kept from it.
    made:        folders that we have made to mount at, but for the one that is asked for.
    tools:       what the host has for the filesystem asked for; None for swap.
    backing:     the device that writeback_device names; None where it is not asked for.
    lacks:       of MULTI_COMP and WRITEBACK those that this kernel is known not to have.
    timers:      what recurs on it: systemd's timers, there or not.
    users, groups: texts of /etc/passwd and /etc/group, for a filesystem's owner; empty for swap.
    packages:    those that were installed to have the kernel module; only where they matter to what is asked.
    named:       whether it was asked for by its name, not by ``all``.
    theirs:      whether it is somebody else's that an earlier run of ours has only touched: not to be taken away.
    boot:        which boot this is, empty where nobody knows or asks.
    beside:      other devices that those who set it up, or did before us, set up as well.
    damaged:     what is wrong with the record of another device, which is left alone for that.
    temporary:   a device with pages of this one, which an earlier run has left; spare: the name of one yet to be made.
    """

    name: str
    device: Optional[Device]
    available: bool
    loaded: bool
    offered: Optional[tuple[str, ...]]
    others: tuple[str, ...]
    memory: Memory
    area: Optional[SwapArea]
    unit: Artefact
    owners: tuple[Owner, ...]
    taken: Taken
    record: Entry
    loaded_by_us: bool
    cpus: int
    zswap: bool
    mount_point: Optional[MountPoint] = None
    masked: bool = False
    made: tuple[Made, ...] = ()
    tools: Optional[Tools] = None
    backing: Optional[Backing] = None
    lacks: tuple[str, ...] = ()
    timers: tuple[Timer, ...] = ()
    users: str = ""
    groups: str = ""
    temporary: Optional[Temporary] = None
    spare: str = ""
    packages: tuple[str, ...] = ()
    named: bool = True
    theirs: bool = False
    boot: str = ""
    beside: tuple[Beside, ...] = ()
    damaged: str = ""
    built_in: bool = False


def mounted_with(entry: Entry) -> list[str]:
    """The options of the mount that is there now, as far as our record knows; empty where it does not."""
    made = live(entry)
    found: list[str] = made.get(OPTIONS) or (entry.get("filesystem") or {}).get("options", [])
    return found


def node(name: str) -> str:
    """The device file."""
    return "/dev/%s" % name


def attribute(name: str, file: str) -> str:
    """A file of the device's folder in sysfs."""
    return "/sys/block/%s/%s" % (name, file)


def artefact_name(name: str) -> str:
    """The boot artefact that sets the device up."""
    return "highwater-%s" % name
