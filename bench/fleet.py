# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Hosts that do not exist, as memory_info would tell of them: for tests and benchmarks of what is made of many hosts.

`looks(1000)` is by host what the playbooks register. The hosts are plausible and always the same ones; nothing in them
was measured. Some are hostile: a name with HTML in it, one that is very long.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

MIB, GIB = 2**20, 2**30
PAGE = 4096
ORDERS = 11
SIZES = (0.5, 1, 2, 4, 8, 8, 16, 16, 32, 64, 128, 256)  # GiB of RAM
ROLES = ("web", "db", "cache", "build", "mail", "queue", "log", "edge")
HOSTILE = ("<script>alert(1)</script>", "db-" + "very-long-name-" * 5 + "1", 'it\'s & "quoted"')

Look = dict[str, Any]


def looks(count: int) -> dict[str, Look]:
    """So many hosts; of a hundred one is unreachable, and now and then one failed."""
    dice = random.Random(count)
    return {name: _answer(dice, number) for number, name in enumerate(_names(count))}


def _names(count: int) -> Iterator[str]:
    """The hostile ones come last."""
    hostile = HOSTILE if count > 100 else ()
    for number in range(count - len(hostile)):
        yield f"{ROLES[number % len(ROLES)]}{number // len(ROLES) + 1}.example.net"
    yield from hostile


def _answer(dice: random.Random, number: int) -> Look:
    if number % 100 == 57:
        return {"unreachable": True, "changed": False, "msg": "Failed to connect to the host via ssh: No route to host"}
    if number % 400 == 123:
        return {"failed": True, "changed": False, "msg": "run as root: add become: true"}
    return {"changed": False, "memory": memory(dice)}


def memory(dice: random.Random) -> dict[str, Any]:
    """One host, from calm (strain 0) to thrashing (strain 1); most are calm."""
    total = int(dice.choice(SIZES) * GIB * 0.97)
    strain = dice.random() ** 3
    available = int(total * max(dice.uniform(0.01, 0.07), 0.85 - 0.83 * strain - 0.25 * dice.random()))
    swaps, zram = _swap(dice, total, strain)
    nodes = 2 if total > 60 * GIB else 1
    fragmentation = [_fragmentation(dice, node, zone, room, strain) for node, zone, room in _zones(total, nodes)]
    watermarks = [
        _watermark(dice, one, room, strain) for one, (*_, room) in zip(fragmentation, _zones(total, nodes), strict=True)
    ]
    told = {
        "meminfo": _meminfo(total, available, swaps),
        "swaps": swaps,
        "zram": zram,
        "zswap": None,
        "watermarks": watermarks,
        "fragmentation": fragmentation,
        "vmstat": _vmstat(dice, strain),
        "pressure": None if dice.random() < 0.1 else _pressure(strain),
        "hugepages": {"transparent": {"enabled": "madvise", "anonymous": total // 10}, "pools": []},
        "sockets": {"tcp": int(total * 0.001), "udp": 64 * PAGE, "tcp_mem": None},
        "oom": {"kills": int(strain > 0.85) * dice.randint(1, 9), "sample": 0},
    }
    return {**told, "findings": list(_findings(told, strain))}


def _meminfo(total: int, available: int, swaps: list[dict[str, Any]]) -> dict[str, int]:
    swap = sum(area["size"] for area in swaps)
    used = sum(area["used"] for area in swaps)
    return {
        "MemTotal": total,
        "MemFree": available // 3,
        "MemAvailable": available,
        "Buffers": total // 80,
        "Cached": available // 2,
        "AnonPages": total - available,
        "Dirty": total // 500,
        "Slab": total // 25,
        "SReclaimable": total // 40,
        "SUnreclaim": total // 60,
        "Shmem": total // 100,
        "SwapTotal": swap,
        "SwapFree": swap - used,
        "CommitLimit": swap + total // 2,
        "Committed_AS": (total - available) * 2,
    }


def _swap(dice: random.Random, total: int, strain: float) -> tuple[list[dict[str, Any]], Any]:
    """The areas that are on, and the zram devices; one host of ten has no swap, two have no zram."""
    kind = dice.random()
    if kind < 0.1:
        return [], None
    full = min(1.0, strain * 1.4)
    swaps = []
    zram = None
    if kind > 0.3:
        size = min(total // 2, 4 * GIB)
        used = int(size * full * dice.uniform(0.7, 1)) // PAGE * PAGE
        ratio = dice.uniform(1.2, 4.5)
        stats = {
            "orig_data_size": used,
            "compr_data_size": int(used / ratio),
            "mem_used_total": int(used / ratio * 1.06),
        }
        stats |= {"mem_limit": 0, "same_pages": used // PAGE // 20, "huge_pages": 7, "failed_writes": 0}
        device = {"name": "zram0", "device": "/dev/zram0", "size": size, "algorithm": "zstd", "priority": 100}
        zram = [{**device, "mem_limit": 0, "stats": {**stats, "ratio": round(ratio, 2) if used else None}}]
        swaps.append(_area("/dev/zram0", "partition", "zram", size - PAGE, used, 100))
    if kind < 0.85:
        size = int(min(total, 8 * GIB))
        used = int(size * max(0.0, full - (0.6 if zram else 0.1))) // PAGE * PAGE
        swaps.append(_area("/swapfile", "file", "disk", size - PAGE, used, 10))
    return swaps, zram


def _area(path: str, kind: str, tier: str, size: int, used: int, priority: int) -> dict[str, Any]:
    area = {"path": path, "type": kind, "tier": tier, "size": size, "used": min(used, size)}
    return {**area, "priority": priority, "deleted": False}


def _zones(total: int, nodes: int) -> list[tuple[int, str, int]]:
    """Node, zone and bytes, as x86-64 divides memory."""
    small = min(15 * MIB, total // 10)
    low = min(3 * GIB, total - small)
    zones = [(0, "DMA", small), (0, "DMA32", low)]
    rest = total - small - low
    if rest > 64 * MIB:
        first = max(rest - total // 2, 64 * MIB) if nodes == 2 else rest
        zones.append((0, "Normal", first))
    if nodes == 2:
        zones.append((1, "Normal", total // 2))
    return zones


def _fragmentation(dice: random.Random, node: int, zone: str, room: int, strain: float) -> dict[str, Any]:
    """Free blocks: the more strain, the fewer large ones."""
    free = int(room * max(0.012, 0.25 * (1 - strain) * dice.uniform(0.3, 1))) // PAGE
    largest = ORDERS - 1 - int(strain * dice.uniform(2, 9))
    blocks = [0] * ORDERS
    weights = [1.9**order if order < largest else 1.9**order * 6 * (order == largest) for order in range(ORDERS)]
    for order in range(ORDERS):
        blocks[order] = int(free * weights[order] / sum(weights)) >> order
    pages = sum(count << order for order, count in enumerate(blocks))
    suitable = [sum(blocks[size] << size for size in range(order, ORDERS)) for order in range(ORDERS)]
    unusable = [round(1 - one / pages, 3) if pages else 1.0 for one in suitable]
    return {
        "node": node,
        "zone": zone,
        "free_blocks": blocks,
        "unusable_index": unusable,
        "fragmentation_index": [-1.0 if suitable[order] >> order else 0.9 for order in range(ORDERS)],
    }


def _watermark(dice: random.Random, one: dict[str, Any], room: int, strain: float) -> dict[str, Any]:
    free = sum(count << order for order, count in enumerate(one["free_blocks"])) * PAGE
    lowest = int(room * 0.004)
    gap = int(room * dice.choice((0.001, 0.01)))
    marks = {"free": free, "min": lowest, "low": lowest + gap, "high": lowest + 2 * gap}
    return {"node": one["node"], "zone": one["zone"], **marks, "boost": 0, "managed": room, "present": room}


def _vmstat(dice: random.Random, strain: float) -> dict[str, Any]:
    rate = round(strain**6 * 800 * dice.random(), 1)
    rates = {"allocstall": rate, "compact_stall": rate / 10, "compact_fail": rate / 12, "compact_success": 0.0}
    rates |= {"kswapd_low_wmark_hit_quickly": rate / 8, "pswpin": rate * 9, "pswpout": rate * 12}
    rates |= {"workingset_refault_file": rate * 20, "pgmajfault": rate * 4, "oom_kill": 0.0}
    passed = dice.randint(3_600, 90 * 86_400) / 40
    return {"since_boot": {name: int(value * passed) for name, value in rates.items()}, "per_second": rates}


def _pressure(strain: float) -> dict[str, Any]:
    some = round(40 * strain**5, 2)
    shares = {"avg10": some, "avg60": round(some * 0.8, 2), "avg300": round(some / 2, 2)}
    row = {**shares, "total": int(some * 1e7), "sample": some}
    return {"memory": {"some": row, "full": row}, "io": {"some": row, "full": row}}


def _findings(told: dict[str, Any], strain: float) -> Iterator[dict[str, str]]:
    """In the words that a host's own findings might have."""
    areas, rate = told["swaps"], told["vmstat"]["per_second"]["allocstall"]
    if not areas:
        yield _finding("no_swap", "info", "swap", "no swap is on", "SwapTotal is 0", "give it a zram device: role zram")
    elif sum(area["used"] for area in areas) > 0.9 * sum(area["size"] for area in areas):
        advice = "playbook highwater.memory.emergency_swap gives room at once"
        yield _finding("swap_nearly_full", "critical", "swap", "swap is nearly used up", "2 % of it is free", advice)
    if rate > 20:
        severity = "critical" if rate > 200 else "warning"
        evidence = f"{rate * 5:,.0f} in 5 s"
        advice = "raise vm.watermark_scale_factor, so that kswapd starts sooner"
        yield _finding(
            "allocation_stalls", severity, "reclaim", "allocations stall in direct reclaim", evidence, advice
        )
    for device in told["zram"] or ():
        ratio = device["stats"]["ratio"]
        if ratio and ratio < 1.5 and strain > 0.1:
            advice = "this data does not compress: a swapfile serves it better"
            yield _finding(
                "zram_ratio", "warning", "zram", f"{device['device']} compresses badly", f"{ratio} to 1", advice
            )
    for one in told["fragmentation"]:
        if one["zone"] != "DMA" and one["unusable_index"][3] > 0.6:
            subject = f"node {one['node']}, zone {one['zone']}"
            evidence = f"{one['unusable_index'][3]:.0%} of free memory is in smaller blocks"
            yield _finding(
                "order_3_used_up",
                "warning",
                subject,
                "blocks of order 3 are used up",
                evidence,
                "raise vm.min_free_kbytes",
            )


def _finding(name: str, severity: str, subject: str, finding: str, evidence: str, advice: str) -> dict[str, str]:
    told = {"name": name, "severity": severity, "subject": subject, "finding": finding}
    return {**told, "evidence": evidence, "advice": advice, "source": "made up"}
