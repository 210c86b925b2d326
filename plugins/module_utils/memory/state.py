# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What memory_info sees of a host, as one immutable value; nothing here writes."""

from __future__ import annotations

import errno
import os
import time
from typing import Any, Callable, Container, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.memory import at_boot
from ansible_collections.highwater.memory.plugins.module_utils.memory.at_boot import AtBoot
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies, parse_buddyinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import (
    BdStat,
    IoStat,
    MmStat,
    parse_bd_stat,
    parse_io_stat,
    parse_mm_stat,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.pressure import Pressure, parse_pressure
from ansible_collections.highwater.memory.plugins.module_utils.parse.sockstat import parse_sockstat
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea, parse_swaps
from ansible_collections.highwater.memory.plugins.module_utils.parse.vmstat import parse_vmstat
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone, parse_zoneinfo

VM = "/proc/sys/vm/"
THP = "/sys/kernel/mm/transparent_hugepage/"
POOLS = "/sys/kernel/mm/hugepages"
ZSWAP = "/sys/module/zswap/parameters"
NODES = "/sys/devices/system/node"
OOMD = "/sys/fs/cgroup/system.slice/systemd-oomd.service"
RESOURCES = ("memory", "io")  # of the pressure files, those that memory is behind


class Zram(NamedTuple):
    """One device; size in bytes, 0 while it is not set up. bd_stat: None where this kernel cannot write back."""

    name: str
    size: int
    algorithm: Optional[str]
    stat: MmStat
    io_stat: Optional[IoStat]
    bd_stat: Optional[BdStat]

    @property
    def device(self) -> str:
        """As /proc/swaps has it."""
        return "/dev/" + self.name


class State(NamedTuple):
    """A host at one moment; None is what the kernel lacks, or what was not asked for.

    moment:    seconds on the monotonic clock.
    vmstat:    counters and gauges by the kernel's names.
    swaps:     empty where no swap is on.
    zram:      None without the kernel's zram; empty without a device.
    zswap:     its parameters as the kernel prints them.
    pressure:  by resource, as in RESOURCES.
    huge:      the settings of transparent huge pages, by file.
    pools:     of huge pages, by bytes a page: the numbers by file.
    sockets:   by protocol; tcp_mem: the three limits of all TCP buffers, in pages.
    settings:  what findings look at of /proc/sys/vm, by file.
    node_cpus: of each node which processors it has, empty for memory without any.
    at_boot:   None in a container.
    oomd:      whether systemd-oomd runs, as its control group tells.
    """

    moment: float
    page_size: int
    meminfo: Optional[Mapping[str, int]] = None
    vmstat: Optional[Mapping[str, int]] = None
    zones: Optional[tuple[Zone, ...]] = None
    buddies: Optional[tuple[Buddies, ...]] = None
    swaps: Optional[tuple[SwapArea, ...]] = None
    zram: Optional[tuple[Zram, ...]] = None
    zswap: Optional[Mapping[str, str]] = None
    pressure: Optional[Mapping[str, Pressure]] = None
    huge: Optional[Mapping[str, str]] = None
    pools: Optional[Mapping[int, Mapping[str, int]]] = None
    sockets: Optional[Mapping[str, Mapping[str, int]]] = None
    tcp_mem: Optional[tuple[int, ...]] = None
    settings: Optional[Mapping[str, int]] = None
    node_cpus: Optional[Mapping[int, str]] = None
    at_boot: Optional[AtBoot] = None
    oomd: Optional[bool] = None


def observe(host: Host, sources: Container[str]) -> State:
    """Read what is asked for, by the names of State's fields. Raises ParseError and OSError."""
    found: dict[str, Any] = {name: read(host) for name, read in READERS.items() if name in sources}
    return State(time.monotonic(), os.sysconf("SC_PAGE_SIZE"), **found)


def _parsed(path: str, parse: Callable[[str], Any]) -> Callable[[Host], Any]:
    def read(host: Host) -> Any:
        text = host.read(path)
        return None if text is None else parse(text)

    return read


def _swaps(host: Host) -> tuple[SwapArea, ...]:
    text = host.read("/proc/swaps")  # a kernel without swap has no such file
    return () if text is None else parse_swaps(text)


def _zram(host: Host) -> tuple[Zram, ...] | None:
    """Nothing here reads /sys/class/zram-control/hot_add: reading it makes a device."""
    names = [name for name in host.listdir("/sys/block") if name.startswith("zram") and name[4:].isdigit()]
    if not names and not host.exists("/sys/class/zram-control"):
        return None
    return tuple(device for device in (_device(host, name) for name in names) if device)


def _device(host: Host, name: str) -> Zram | None:
    folder = "/sys/block/%s/" % name
    size, stat = host.read(folder + "disksize"), host.read(folder + "mm_stat")
    if size is None or stat is None:  # taken away in this moment
        return None
    io_stat, bd_stat = host.read(folder + "io_stat"), host.read(folder + "bd_stat")
    return Zram(
        name,
        int(size),
        parse_choice(host.read(folder + "comp_algorithm") or "").chosen,
        parse_mm_stat(stat),
        parse_io_stat(io_stat) if io_stat else None,
        parse_bd_stat(bd_stat) if bd_stat else None,
    )


def _pressure(host: Host) -> dict[str, Pressure] | None:
    found = {}
    for resource in RESOURCES:
        try:
            text = host.read("/proc/pressure/" + resource)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:  # built in, and off: psi=0
                raise
            text = None
        if text is not None:
            found[resource] = parse_pressure(text)
    return found or None


def _files(host: Host, folder: str) -> dict[str, str] | None:
    """The text of each file in a folder that can be read, without line ends; None where there is no such folder."""
    texts = {}
    for name in host.listdir(folder):
        try:
            text = host.read("%s/%s" % (folder, name))
        except OSError:  # a folder in it, or a file that can only be written
            continue
        if text is not None:
            texts[name] = text.strip()
    return texts or None


def _pools(host: Host) -> dict[int, dict[str, int]] | None:
    found = {}
    for name in host.listdir(POOLS):
        kilobytes = name[len("hugepages-") : -len("kB")]
        if kilobytes.isdigit():
            texts = _files(host, "%s/%s" % (POOLS, name)) or {}
            found[int(kilobytes) * 1024] = {file: int(text) for file, text in texts.items() if text.isdigit()}
    return found or None


def _tcp_mem(host: Host) -> tuple[int, ...] | None:
    text = host.read("/proc/sys/net/ipv4/tcp_mem")
    return None if text is None else tuple(map(int, text.split()))


SETTINGS = ("min_free_kbytes", "overcommit_memory", "swappiness", "watermark_scale_factor")


def _settings(host: Host) -> dict[str, int]:
    texts = {name: host.read(VM + name) for name in SETTINGS}
    return {name: int(text) for name, text in texts.items() if text is not None}


def _node_cpus(host: Host) -> dict[int, str] | None:
    found = {}
    for name in host.listdir(NODES):
        cpus = host.read("%s/%s/cpulist" % (NODES, name)) if name[4:].isdigit() else None
        if cpus is not None:
            found[int(name[4:])] = cpus.strip()
    return found or None


def _huge(host: Host) -> dict[str, str] | None:
    names = ("enabled", "defrag", "shmem_enabled", "hpage_pmd_size")
    texts = {name: host.read(THP + name) for name in names}
    found = {name: text.strip() for name, text in texts.items() if text is not None}
    return found or None


READERS: dict[str, Callable[[Host], Any]] = {
    "meminfo": lambda host: parse_meminfo(host.must_read("/proc/meminfo")),
    "vmstat": lambda host: parse_vmstat(host.must_read("/proc/vmstat")),
    "zones": _parsed("/proc/zoneinfo", parse_zoneinfo),
    "buddies": _parsed("/proc/buddyinfo", parse_buddyinfo),
    "swaps": _swaps,
    "zram": _zram,
    "zswap": lambda host: _files(host, ZSWAP),
    "pressure": _pressure,
    "huge": _huge,
    "pools": _pools,
    "sockets": _parsed("/proc/net/sockstat", parse_sockstat),
    "tcp_mem": _tcp_mem,
    "settings": _settings,
    "node_cpus": _node_cpus,
    "oomd": lambda host: host.exists(OOMD),
    "at_boot": lambda host: at_boot.observe(host, _swaps(host)),
}


def on_zram(state: State) -> tuple[SwapArea, ...]:
    """The swap areas that are compressed memory."""
    return tuple(area for area in state.swaps or () if area.path.startswith("/dev/zram"))


def on_disk(state: State) -> tuple[SwapArea, ...]:
    """All others."""
    return tuple(area for area in state.swaps or () if not area.path.startswith("/dev/zram"))
