# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a zram device and at all that is of interest around it; never writes.

Nothing here reads /sys/class/zram-control/hot_add: reading it makes a device.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import (
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
    boot_id,
    recall,
    remembered,
    without_stale,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory, observe_memory, settled_memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import chosen_by_number, parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import (
    parse_bd_stat,
    parse_io_stat,
    parse_mm_stat,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount, is_whole, parse_mountinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import parse_header
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import REACH, is_filesystem, look
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import SWAP as SWAP_AREA
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import find_owners
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import (
    CONTROL,
    KIND,
    MODULE,
    MODULE_KIND,
    MULTI_COMP,
    PACKAGE_KIND,
    PAGE,
    WRITEBACK,
    Device,
    State,
    artefact_name,
    attribute,
    node,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import KIND as TAKEN_KIND
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import is_theirs, observe_taken
from ansible_collections.highwater.memory.plugins.module_utils.zram.temporary import (
    find_temporary,
    noted_temporaries,
    spare_name,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import current as current_backing
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import observe_backing

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.timer import Timer
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import MountPoint


_NAME = re.compile(r"zram(0|[1-9]\d{0,2})\Z", re.ASCII)


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
    record = without_stale(recall(host, KIND, name), host)
    places = (params["mount_point"], (record.get("filesystem") or {}).get("mount_point"))
    device = _device(host, name, area, mounts, places) if name in devices else None
    known = remembered(host, KIND)
    present = params["state"] == "present"
    fstype = present and is_filesystem(params)
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

        beside = observe_beside(host, name, state.owners, state.taken, state.others)
        state = state._replace(beside=beside, taken=state.taken._replace(boot=boot_id(host)))
    if fstype:
        state = _with_mount(host, state, params, mounts)
    elif not present and state.record.get("filesystem"):
        place = state.record["filesystem"]["mount_point"]
        state = state._replace(mount_point=_mount_point(host, place, mounts))
    state = _with_what_was_mounted(host, state, params["mount_point"], mounts)
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


def _with_what_was_mounted(host: Host, state: State, asked: str | None, mounts: tuple[Mount, ...]) -> State:
    """The state with what still is there of all that our record says was done to mount. asked: the mount point."""
    had = state.record.get("filesystem") or {}
    noted = state.record.get("folders", []) + ([[had["mount_point"], had["made"]]] if had.get("made") else [])
    folders = {path: uppermost for path, uppermost in noted if path != asked}
    if not folders and not had.get("masked"):
        return state
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import is_masked, observe_made

    return state._replace(
        masked=bool(had.get("masked")) and is_masked(host, had["mount_point"]),
        made=observe_made(host, folders, mounts, state.device.mounts if state.device else ()),
    )


def _main(mounts: tuple[Mount, ...], places: tuple[str | None, ...]) -> Mount | None:
    """The mount of the whole filesystem at the first of these places, else the last one. Whoever binds it or a part of
    it elsewhere, as a chroot's /tmp, has not moved it."""
    whole = [mount for mount in mounts if is_whole(mount)]
    at_places = [mount for place in places for mount in whole if mount.point == place]
    return next(iter(at_places + whole[-1:]), None)


def _content(host: Host, mount: Mount | None) -> tuple[str, ...]:
    if mount is None:
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import content

    return content(host, mount.point)


def _device(
    host: Host, name: str, area: SwapArea | None, mounts: tuple[Mount, ...], places: tuple[str | None, ...]
) -> Device:
    """places: where it is to be mounted, and where our record says that it is; None for nowhere."""
    algorithm = parse_choice(host.must_read(attribute(name, "comp_algorithm")))
    size = _size(host, name)
    number = (host.read(attribute(name, "dev")) or "").strip()
    mounted = tuple(mount for mount in mounts if mount.source == node(name) or mount.number == number)
    main = _main(mounted, places)
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
        main=main,
        content=_content(host, main),
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
