# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subsets of memory_info: what each needs of a host, and what it returns; a new subset is a row in SUBSETS."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.memory.fragmentation import of_zone
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import COUNTERS, Sample
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import State, Zram
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import ratio

Fields = Mapping[str, Any]


class Subset(NamedTuple):
    """sources: fields of State; show: what is returned, plain data; opt_in: whether it has to be asked for."""

    sources: tuple[str, ...]
    show: Callable[[Host, Sample], Any]
    opt_in: bool = False


def _meminfo(_host: Host, sample: Sample) -> Fields:
    return sample.now.meminfo or {}


def _swaps(_host: Host, sample: Sample) -> list[Fields]:
    return [
        {
            "path": area.path,
            "type": area.kind,
            "tier": "zram" if area.path.startswith("/dev/zram") else "disk",
            "size": area.size,
            "used": area.used,
            "priority": area.priority,
            "deleted": area.deleted,
        }
        for area in sample.now.swaps or ()
    ]


def _zram(_host: Host, sample: Sample) -> list[Fields] | None:
    if sample.now.zram is None:
        return None
    priorities = {area.path: area.priority for area in sample.now.swaps or ()}
    return [
        {
            "name": device.name,
            "device": device.device,
            "size": device.size,
            "algorithm": device.algorithm,
            "priority": priorities.get(device.device),
            "mem_limit": device.stat.mem_limit,
            "stats": _zram_stats(device),
        }
        for device in sample.now.zram
    ]


def _zram_stats(device: Zram) -> Fields:
    """The same keys as those of zram_device."""
    exact = ratio(device.stat)
    stats: dict[str, Any] = dict(device.stat._asdict(), ratio=None if exact is None else round(exact, 2))
    stats.update(device.io_stat._asdict() if device.io_stat else {})
    stats.update(device.bd_stat._asdict() if device.bd_stat else {})
    return stats


def _zswap(_host: Host, sample: Sample) -> Fields | None:
    found, meminfo = sample.now.zswap, sample.now.meminfo or {}
    if found is None:
        return None
    return {
        "enabled": _switch(found.get("enabled")),
        "compressor": found.get("compressor"),
        "zpool": found.get("zpool"),
        "max_pool_percent": _number(found.get("max_pool_percent")),
        "accept_threshold_percent": _number(found.get("accept_threshold_percent")),
        "shrinker_enabled": _switch(found.get("shrinker_enabled")),
        "pool": meminfo.get("Zswap"),
        "stored": meminfo.get("Zswapped"),
    }


def _switch(text: Optional[str]) -> bool | None:
    return None if text is None else text == "Y"


def _number(text: Optional[str]) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _watermarks(_host: Host, sample: Sample) -> list[Fields] | None:
    if sample.now.zones is None:
        return None
    size = sample.now.page_size
    return [
        {
            "node": zone.node,
            "zone": zone.name,
            "free": zone.free * size,
            "min": zone.base_min * size,
            "low": zone.base_low * size,
            "high": zone.base_high * size,
            "boost": None if zone.boost is None else zone.boost * size,
            "managed": zone.managed * size,
            "present": zone.present * size,
        }
        for zone in sample.now.zones
        if zone.managed
    ]


def _fragmentation(_host: Host, sample: Sample) -> list[Fields] | None:
    if sample.now.buddies is None:
        return None
    return [
        {
            "node": one.node,
            "zone": one.zone,
            "free_blocks": list(one.blocks),
            "unusable_index": list(one.unusable_index),
            "fragmentation_index": list(one.fragmentation_index),
        }
        for one in map(of_zone, sample.now.buddies)
    ]


def _vmstat(_host: Host, sample: Sample) -> Fields:
    return {
        "since_boot": {name: sample.total(name) for name in COUNTERS},
        "per_second": {name: sample.rate(name) for name in COUNTERS} if sample.before else None,
    }


def _pressure(_host: Host, sample: Sample) -> Fields | None:
    if sample.now.pressure is None:
        return None
    found: dict[str, Any] = {}
    for resource, pressure in sample.now.pressure.items():
        found[resource] = {}
        for kind, share in pressure._asdict().items():
            row = None if share is None else dict(share._asdict(), sample=sample.waited(resource, kind))
            found[resource][kind] = row
    return found


def _hugepages(_host: Host, sample: Sample) -> Fields | None:
    huge, pools = sample.now.huge, sample.now.pools
    if huge is None and pools is None:
        return None
    return {"transparent": None if huge is None else _transparent(sample.now), "pools": _pools(pools or {})}


def _transparent(state: State) -> Fields:
    huge, meminfo = state.huge or {}, state.meminfo or {}
    said: dict[str, Any] = {
        name: parse_choice(huge.get(name, "")).chosen for name in ("enabled", "defrag", "shmem_enabled")
    }
    return dict(said, size=_number(huge.get("hpage_pmd_size")), anonymous=meminfo.get("AnonHugePages"))


def _pools(pools: Mapping[int, Mapping[str, int]]) -> list[Fields]:
    names = {
        "total": "nr_hugepages",
        "free": "free_hugepages",
        "reserved": "resv_hugepages",
        "surplus": "surplus_hugepages",
        "overcommit": "nr_overcommit_hugepages",
    }
    return [
        dict({name: numbers.get(file) for name, file in names.items()}, size=size)
        for size, numbers in sorted(pools.items())
    ]


def _slab(host: Host, _sample: Sample) -> Any:
    from ansible_collections.highwater.memory.plugins.module_utils.memory import slab

    return slab.largest(host)


def _sockets(_host: Host, sample: Sample) -> Fields | None:
    found, size = sample.now.sockets, sample.now.page_size
    if found is None:
        return None
    tcp, udp = found.get("TCP", {}), found.get("UDP", {})
    limits = [pages * size for pages in sample.now.tcp_mem or ()]
    return {
        "tcp": tcp["mem"] * size if "mem" in tcp else None,
        "udp": udp["mem"] * size if "mem" in udp else None,
        "fragments": found.get("FRAG", {}).get("memory"),
        "tcp_mem": dict(zip(("low", "pressure", "high"), limits)) if limits else None,
        "used": found["sockets"].get("used"),
        "tcp_in_use": tcp.get("inuse"),
        "tcp_orphans": tcp.get("orphan"),
    }


def _processes(host: Host, _sample: Sample) -> Any:
    from ansible_collections.highwater.memory.plugins.module_utils.memory import processes

    return processes.largest(host)


def _oom(_host: Host, sample: Sample) -> Fields:
    return {"kills": sample.total("oom_kill"), "sample": sample.grown("oom_kill")}


def _findings(_host: Host, sample: Sample) -> Any:
    from ansible_collections.highwater.memory.plugins.module_utils.memory import findings

    return findings.of(sample)


ALL = tuple(field for field in State._fields if field not in ("moment", "page_size"))

SUBSETS = {
    "meminfo": Subset(("meminfo",), _meminfo),
    "swaps": Subset(("swaps",), _swaps),
    "zram": Subset(("zram", "swaps"), _zram),
    "zswap": Subset(("zswap", "meminfo"), _zswap),
    "watermarks": Subset(("zones",), _watermarks),
    "fragmentation": Subset(("buddies",), _fragmentation),
    "vmstat": Subset(("vmstat",), _vmstat),
    "pressure": Subset(("pressure",), _pressure),
    "hugepages": Subset(("huge", "pools", "meminfo"), _hugepages),
    "slab": Subset((), _slab, opt_in=True),
    "sockets": Subset(("sockets", "tcp_mem"), _sockets),
    "processes": Subset((), _processes, opt_in=True),
    "oom": Subset(("vmstat",), _oom),
    "findings": Subset(ALL, _findings),
}
