# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is: the device, the kernel's zram, swap, our unit and our record. Never writes.

Nothing here reads /sys/class/zram-control/hot_add: reading it makes a device.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import (
    Artefact,
    files_of_ours,
    objects_of_ours,
    observe_artefact,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import (
    cpus,
    has_module,
    refuse_container,
    refuse_kubelet,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import FILESYSTEM, SWAP
from ansible_collections.highwater.memory.plugins.module_utils.core.record import (
    Entry,
    boot_id,
    recall,
    remembered,
    without_stale,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory, observe_memory, settled_memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import chosen_by_number, parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import (
    BdStat,
    IoStat,
    MmStat,
    parse_bd_stat,
    parse_io_stat,
    parse_mm_stat,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount, parse_mountinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import parse_header
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import REACH, is_filesystem, look
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import SWAP as SWAP_AREA
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import Owner, find_owners
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import KIND as TAKEN_KIND
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import Taken, is_theirs, observe_taken
from ansible_collections.highwater.memory.plugins.module_utils.zram.temporary import (
    Temporary,
    find_temporary,
    noted_temporaries,
    spare_name,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import Backing, observe_backing
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import current as current_backing

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.timer import Timer
    from ansible_collections.highwater.memory.plugins.module_utils.zram.beside import Beside
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_options import Tools
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import MountPoint

KIND = "zram_device"  # of our records
MODULE_KIND, MODULE = "zram_module", "zram"  # the record that it was us who loaded the kernel module
PACKAGE_KIND = "zram_package"  # of our records: packages that were installed to have the kernel module

CONTROL = "/sys/class/zram-control"
_NAME = re.compile(r"zram(0|[1-9]\d{0,2})\Z", re.ASCII)
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
    mounts:    where it is mounted, as the kernel tells them; content: names in it there, without lost+found.
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


def node(name: str) -> str:
    """The device file."""
    return "/dev/%s" % name


def attribute(name: str, file: str) -> str:
    """A file of the device's folder in sysfs."""
    return "/sys/block/%s/%s" % (name, file)


def artefact_name(name: str) -> str:
    """The boot artefact that sets the device up."""
    return "highwater-%s" % name


def observe(host: Host, params: dict[str, Any]) -> tuple[State, ...]:
    """The state of the device named, or of all that our record knows where that is ``all``.

    Raises HighwaterError for a name that is none, Unsupported beside a kubelet and, where the running kernel is to be
    changed, in a container.
    """
    names = _names(host, params)
    if params["apply"] == "now":  # an image may well be built in a container
        refuse_container(host, params["name"])
    if params["state"] == "present" and params["fstype"] == SWAP_AREA:
        refuse_kubelet(host, "swap on %s" % params["name"])
    memory = observe_memory(host)
    mounts = parse_mountinfo(host.read("/proc/self/mountinfo") or "")
    states, damaged = [], []
    for name in names:
        try:
            states.append(_observe_one(host, name, memory, mounts, params))
        except HighwaterError as error:
            if error.reason != "record":
                raise
            damaged.append(error)
    if damaged and not states:
        raise damaged[0]
    return tuple(state._replace(damaged=damaged[0].message) for state in states) if damaged else tuple(states)


def _names(host: Host, params: dict[str, Any]) -> tuple[str, ...]:
    name = params["name"]
    if name == "all" and params["state"] == "absent":
        return _all_names(host)
    if not _NAME.match(name):
        raise HighwaterError(
            "name: %s is not the name of a zram device: write zram0, zram1 ... (or all, with state: absent)" % name,
            reason="name",
        )
    return (name,)


def _all_names(host: Host) -> tuple[str, ...]:
    """All devices that a run of ours has left anything of, even one that was cut off before it could remember them."""
    found = {*objects_of_ours(host, artefact_name("")), *noted_temporaries(host)}
    known = {*remembered(host, KIND), *remembered(host, TAKEN_KIND), *filter(_NAME.match, found)}
    # The first is what comes with the module, which is ours to unload where nobody has a device of it.
    return tuple(sorted(known)) or (("zram0",) if recall(host, MODULE_KIND, MODULE) else ())


def _observe_one(host: Host, name: str, memory: Memory, mounts: tuple[Mount, ...], params: dict[str, Any]) -> State:
    devices = tuple(entry for entry in host.listdir("/sys/block") if re.match(r"zram\d+\Z", entry))
    loaded = host.exists(CONTROL)
    area = memory.area(node(name))
    device = _device(host, name, area, mounts) if name in devices else None
    known = remembered(host, KIND)
    present = params["state"] == "present"
    fstype = present and is_filesystem(params)
    record = without_stale(recall(host, KIND, name), host)
    state = State(
        name=name,
        device=device,
        available=loaded or has_module(host, "zram"),
        loaded=loaded,
        built_in=host.exists("/sys/module/zram") and not host.exists("/sys/module/zram/initstate"),
        offered=device.algorithms if device else _offered(host, devices),
        others=tuple(other for other in devices if other != name and (other in known or _size(host, other))),
        temporary=find_temporary(host, name, devices, memory.areas, known),
        spare=spare_name(devices, known),
        memory=memory,
        area=area,
        unit=observe_artefact(
            host, artefact_name(name), FILESYSTEM if fstype else SWAP, params["apply"] == "next_boot"
        ),
        owners=find_owners(host, name),
        taken=observe_taken(host, name),
        record=record,
        loaded_by_us=bool(recall(host, MODULE_KIND, MODULE)),
        cpus=cpus(host),
        timers=_timers(host, name, params),
        zswap=(host.read("/sys/module/zswap/parameters/enabled") or "").strip() == "Y",
        packages=remembered(host, PACKAGE_KIND) if params["package"] or not present else (),
        named=params["name"] != "all",
        boot="" if present and params["persistent"] else boot_id(host),
        lacks=_lacks(host, device) if present and (params["recompress"] or params["writeback_device"]) else (),
    )
    if is_theirs(host, record, state.named, state.unit.text is not None, bool(state.owners)):
        in_use = device is not None and device.size > 0  # else sizes and folders of an earlier boot are as they were
        if not present:  # by name, what nobody sets up at boot goes as without a record
            by_hand = in_use and state.named and not state.owners and params["apply"] == "now"
            state = state._replace(theirs=not by_hand)
        elif in_use:
            state = state._replace(record={})
    if state.owners or state.taken.record:
        from ansible_collections.highwater.memory.plugins.module_utils.zram.beside import observe_beside

        state = state._replace(beside=observe_beside(host, name, state.owners, state.taken, state.others))
    if fstype:
        state = _with_mount(host, state, params, mounts)
    elif not present and state.record.get("filesystem"):
        place = state.record["filesystem"]["mount_point"]
        state = state._replace(mount_point=_mount_point(host, place, mounts))
    if present and params["writeback_device"]:
        was = record.get("writeback_device", "")
        backing = observe_backing(host, name, params["writeback_device"], mounts, memory, was)
        state = state._replace(backing=backing)
    if state.temporary and state.temporary.area and not memory.leaving:
        state = state._replace(memory=settled_memory(host, memory))
    return state


def _with_mount(host: Host, state: State, params: dict[str, Any], mounts: tuple[Mount, ...]) -> State:
    """The state with what only a filesystem depends on."""
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_options import observe_tools

    return state._replace(
        mount_point=_mount_point(host, params["mount_point"], mounts),
        tools=observe_tools(host, params["fstype"], params["apply"] == "next_boot"),
        users=host.read("/etc/passwd") or "",
        groups=host.read("/etc/group") or "",
    )


def _mount_point(host: Host, path: str, mounts: tuple[Mount, ...]) -> MountPoint:
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import observe_mount_point

    return observe_mount_point(host, path, mounts)


def _content(host: Host, mounts: tuple[Mount, ...]) -> tuple[str, ...]:
    if not mounts:
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import content

    return content(host, mounts[-1].point)


def _device(host: Host, name: str, area: SwapArea | None, mounts: tuple[Mount, ...]) -> Device:
    algorithm = parse_choice(host.must_read(attribute(name, "comp_algorithm")))
    size = _size(host, name)
    number = (host.read(attribute(name, "dev")) or "").strip()
    mounted = tuple(mount for mount in mounts if mount.source == node(name) or mount.number == number)
    recompress, bd_stat = host.read(attribute(name, "recomp_algorithm")), host.read(attribute(name, "bd_stat"))
    io_stat = host.read(attribute(name, "io_stat"))
    found = look(host.read_start(node(name), REACH) or b"") if size and area is None else None
    return Device(
        size=size,
        algorithm=algorithm.chosen,
        algorithms=algorithm.offered,
        params=host.exists(attribute(name, "algorithm_params")),
        stat=parse_mm_stat(host.must_read(attribute(name, "mm_stat"))),
        swap=area is not None or (size > 0 and holds_swap(host, node(name))),
        used_by=_used_by(host, name, mounted),
        recompress=None if recompress is None else chosen_by_number(recompress),
        writeback_device=current_backing(host, name),
        filesystem=mounted[-1].fstype if mounted else found.fstype if found else None,
        ours=bool(found and found.ours),
        mounts=mounted,
        content=_content(host, mounted),
        io_stat=parse_io_stat(io_stat) if io_stat else None,
        bd_stat=parse_bd_stat(bd_stat) if bd_stat else None,
    )


def _timers(host: Host, name: str, params: dict[str, Any]) -> tuple[Timer, ...]:
    """What recurs on it, where that is asked for or there is anything that may be it."""
    asked = params["writeback_schedule"] or params["recompress_schedule"]
    own = artefact_name(name)
    there = (file.path.rpartition("/")[2].partition(".")[0] for file in files_of_ours(host, own))
    if not asked and all(unit == own for unit in there):
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.zram.maintenance import observe_maintenance

    return observe_maintenance(host, name, params)


def _size(host: Host, name: str) -> int:
    return int(host.read(attribute(name, "disksize")) or "0")


def holds_swap(host: Host, path: str) -> bool:
    """Whether a swap header stands on a device."""
    return parse_header(host.read_start(path, PAGE) or b"") is not None


def _used_by(host: Host, name: str, mounts: tuple[Mount, ...]) -> str | None:
    if mounts:
        return "is mounted at %s" % mounts[-1].point
    holders = host.listdir(attribute(name, "holders"))
    return "is part of %s" % holders[0] if holders else None


def _lacks(host: Host, device: Device | None) -> tuple[str, ...]:
    """Asked of the device where there is one, else of the kernel's configuration where that is kept in a file."""
    if device:
        return tuple(
            feature
            for feature, found in ((MULTI_COMP, device.recompress), (WRITEBACK, device.writeback_device))
            if found is None
        )
    release = host.must_read("/proc/sys/kernel/osrelease").strip()
    for path in ("/boot/config-%s" % release, "/lib/modules/%s/config" % release):
        config = host.read(path)
        if config:
            return tuple(feature for feature in (MULTI_COMP, WRITEBACK) if "\nCONFIG_ZRAM_%s=y" % feature not in config)
    return ()


def _offered(host: Host, devices: tuple[str, ...]) -> tuple[str, ...] | None:
    for name in devices:
        text = host.read(attribute(name, "comp_algorithm"))
        if text:
            return parse_choice(text).offered
    return None
