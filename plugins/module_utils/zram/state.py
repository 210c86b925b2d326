# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is: the device, the kernel's zram, swap, our unit and our record. Never writes.

Nothing here reads /sys/class/zram-control/hot_add: reading it makes a device.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Artefact, can_boot, observe_artefact
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import (
    cpus,
    refuse_container,
    refuse_kubelet,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, recall, remembered
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory, observe_memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import MmStat, parse_mm_stat
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import Owner, find_owner

KIND = "zram_device"  # of our records
MODULE_KIND, MODULE = "zram_module", "zram"  # the record that it was us who loaded the kernel module

CONTROL = "/sys/class/zram-control"
PAGE = os.sysconf("SC_PAGE_SIZE")


class Device(NamedTuple):
    """The device as the kernel shows it below /sys/block; sizes in bytes.

    size:      disksize; 0 while the device is not set up.
    algorithm: the one that is chosen; algorithms: all that this kernel offers for it.
    params:    whether this kernel takes parameters for an algorithm (6.12).
    stat:      mm_stat.
    swap:      whether it holds a swap area, on or off.
    used_by:   what else has it: a mount point, a device on top of it; None for nothing.
    """

    size: int
    algorithm: Optional[str]
    algorithms: tuple[str, ...]
    params: bool
    stat: MmStat
    swap: bool
    used_by: Optional[str]


class State(NamedTuple):
    """Everything about one device that a plan depends on.

    device:      None where there is no such device.
    available:   whether the kernel's zram is there: built in, loaded, or to be loaded.
    loaded:      whether it is there already.
    offered:     the algorithms that any device on this host lists; None where there is no device to ask.
    others:      other zram devices that are set up or that we have made.
    area:        its swap area, where it is on.
    bootable:    whether this host boots by an init system that our unit is for.
    record:      what we remember of it; loaded_by_us: that the kernel module was not loaded before us.
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
    owner: Optional[Owner]
    record: Entry
    loaded_by_us: bool
    bootable: bool
    cpus: int
    zswap: bool


def node(name: str) -> str:
    """The device file."""
    return "/dev/%s" % name


def attribute(name: str, file: str) -> str:
    """A file of the device's folder in sysfs."""
    return "/sys/block/%s/%s" % (name, file)


def unit_name(name: str) -> str:
    """The systemd unit that sets the device up at boot."""
    return "highwater-%s.service" % name


def observe(host: Host, params: dict[str, Any]) -> tuple[State, ...]:
    """The state of the device named, or of all that our record knows where that is ``all``.

    Raises HighwaterError for a name that is none, Unsupported beside a kubelet and, where the running kernel is to be
    changed, in a container.
    """
    names = _names(host, params)
    if params["apply"] == "now":  # an image may well be built in a container
        refuse_container(host, params["name"])
    if params["state"] == "present":
        refuse_kubelet(host, "swap on %s" % params["name"])
    memory = observe_memory(host)
    return tuple(_observe_one(host, name, memory, params["apply"] == "next_boot") for name in names)


def _names(host: Host, params: dict[str, Any]) -> tuple[str, ...]:
    name = params["name"]
    if name == "all" and params["state"] == "absent":
        return remembered(host, KIND)
    if not re.match(r"zram(0|[1-9]\d{0,2})\Z", name, re.ASCII):
        raise HighwaterError(
            "name: %s is not the name of a zram device: write zram0, zram1 ... (or all, with state: absent)" % name,
            reason="name",
        )
    return (name,)


def _observe_one(host: Host, name: str, memory: Memory, next_boot: bool) -> State:
    devices = tuple(entry for entry in host.listdir("/sys/block") if re.match(r"zram\d+\Z", entry))
    loaded = host.exists(CONTROL)
    area = memory.area(node(name))
    device = _device(host, name, area) if name in devices else None
    known = remembered(host, KIND)
    return State(
        name=name,
        device=device,
        available=loaded or _loadable(host),
        loaded=loaded,
        offered=device.algorithms if device else _offered(host, devices),
        others=tuple(other for other in devices if other != name and (other in known or _size(host, other))),
        memory=memory,
        area=area,
        unit=observe_artefact(host, unit_name(name), "swap.target"),
        owner=find_owner(host, name),
        record=recall(host, KIND, name),
        loaded_by_us=bool(recall(host, MODULE_KIND, MODULE)),
        bootable=can_boot(host, next_boot),
        cpus=cpus(host),
        zswap=(host.read("/sys/module/zswap/parameters/enabled") or "").strip() == "Y",
    )


def _device(host: Host, name: str, area: SwapArea | None) -> Device:
    algorithm = parse_choice(host.must_read(attribute(name, "comp_algorithm")))
    size = _size(host, name)
    return Device(
        size=size,
        algorithm=algorithm.chosen,
        algorithms=algorithm.offered,
        params=host.exists(attribute(name, "algorithm_params")),
        stat=parse_mm_stat(host.must_read(attribute(name, "mm_stat"))),
        swap=area is not None or (size > 0 and holds_swap(host, node(name))),
        used_by=_used_by(host, name),
    )


def _size(host: Host, name: str) -> int:
    return int(host.read(attribute(name, "disksize")) or "0")


def holds_swap(host: Host, path: str) -> bool:
    """Whether a swap header stands on a device. Source: swap_header of linux/swap.h, the last ten bytes of a page."""
    start = host.read_start(path, PAGE) or b""
    return start[PAGE - 10 :] == b"SWAPSPACE2"


def _used_by(host: Host, name: str) -> str | None:
    for line in (host.read("/proc/self/mounts") or "").splitlines():
        fields = line.split()
        if fields[:1] == [node(name)]:
            return "is mounted at %s" % fields[1]
    holders = host.listdir(attribute(name, "holders"))
    return "is part of %s" % holders[0] if holders else None


def _offered(host: Host, devices: tuple[str, ...]) -> tuple[str, ...] | None:
    for name in devices:
        text = host.read(attribute(name, "comp_algorithm"))
        if text:
            return parse_choice(text).offered
    return None


def _loadable(host: Host) -> bool:
    """Whether modprobe would find zram: asked of its index, since loading it is a change."""
    folder = "/lib/modules/%s" % host.must_read("/proc/sys/kernel/osrelease").strip()
    return any(
        re.search(r"(?m)(^|/)zram\.ko\b", host.read("%s/%s" % (folder, index)) or "")
        for index in ("modules.builtin", "modules.dep")
    )


def refuse_without_kernel(state: State) -> None:
    """Raise Unsupported where the kernel has no zram at all."""
    if not state.available:
        raise Unsupported(
            "%s needs the kernel module zram, which the kernel that runs does not have: install the "
            "package with the rest of its modules, or a kernel with CONFIG_ZRAM" % state.name,
            reason="kernel_module_missing",
        )
