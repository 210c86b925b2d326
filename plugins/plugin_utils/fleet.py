# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks assess and report tell of a host, from what memory_info returned of it.

A host that did not answer is a host too: it comes last, with the reason.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import SEVERITIES

NOT_SEEN = "not seen"  # what stands where the severity would, of a host that did not answer
ZONE_COUNTS = 0.05  # of its node: smaller zones, such as DMA, say nothing of a machine
ORDERS_SHOWN = (3, 9)  # the largest that the kernel does without readily, and a huge page's


class Tier(NamedTuple):
    """All swap areas of a kind, in bytes."""

    size: int
    used: int


class Row(NamedTuple):
    """One host; what it did not say is None.

    missing:    why it could not be looked at; empty where it could.
    total, available: bytes of RAM.
    ratio:      how many times smaller zram keeps its data, all devices together.
    stalls:     allocations that had to reclaim by themselves, since boot; stall_rate: a second, with a sample.
    usable:     by order, the part of free memory that a request of it can use, in the zone where that is least.
    zone:       which that is.
    findings:   as memory_info has them, the worst first.
    memory:     all that memory_info returned.
    """

    host: str
    missing: str = ""
    total: Optional[int] = None
    available: Optional[int] = None
    zram: Optional[Tier] = None
    disk: Optional[Tier] = None
    ratio: Optional[float] = None
    stalls: Optional[int] = None
    stall_rate: Optional[float] = None
    usable: Sequence[float] = ()
    zone: str = ""
    findings: Sequence[Mapping[str, str]] = ()
    memory: Mapping[str, Any] = {}

    @property
    def part(self) -> float | None:
        """The part of RAM that is available."""
        return self.available / self.total if self.total and self.available is not None else None

    @property
    def worst(self) -> str:
        """The severity of its worst finding; NOT_SEEN; empty where nothing was found."""
        if self.missing:
            return NOT_SEEN
        return self.findings[0]["severity"] if self.findings else ""

    def count(self, severity: str) -> int:
        """How many findings of this severity."""
        return sum(one["severity"] == severity for one in self.findings)


def rows(looks: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Of all hosts, by name what memory_info returned: those in trouble first, those not seen last."""
    return sorted((row(host, look) for host, look in looks.items()), key=_place)


def plain(value: Any) -> Any:
    """For json: mappings and sequences of Ansible's own as those of Python."""
    return dict(value) if isinstance(value, Mapping) else list(value)


def _place(one: Row) -> tuple[bool, list[int], float, str]:
    found = [-one.count(severity) for severity in SEVERITIES]
    return bool(one.missing), found, 1.0 if one.part is None else one.part, one.host


def row(host: str, look: Mapping[str, Any]) -> Row:
    """One host, from what memory_info returned, or from the error that it came back with or `missing`, its words."""
    memory = look.get("memory")
    if not memory:
        return Row(host, missing=look.get("missing") or reason(look))
    meminfo, swaps = memory.get("meminfo") or {}, memory.get("swaps") or ()
    vmstat = memory.get("vmstat") or {}
    usable, zone = _fragmentation(memory)
    return Row(
        host,
        total=meminfo.get("MemTotal"),
        available=meminfo.get("MemAvailable"),
        zram=_tier(swaps, "zram"),
        disk=_tier(swaps, "disk"),
        ratio=ratio(memory.get("zram") or ()),
        stalls=(vmstat.get("since_boot") or {}).get("allocstall"),
        stall_rate=(vmstat.get("per_second") or {}).get("allocstall"),
        usable=usable,
        zone=zone,
        findings=sorted(memory.get("findings") or (), key=lambda one: severity_place(one["severity"])),
        memory=memory,
    )


def severity_place(severity: str) -> int:
    """0 for the worst."""
    return SEVERITIES.index(severity)


def reason(result: Mapping[str, Any]) -> str:
    """Why a task has no result, in one line; without what Ansible puts before it."""
    said = " ".join(str(result.get("msg") or "no answer").split())
    for prefix in ("Task failed: ", "Action failed: ", "Module failed: "):
        said = said[len(prefix) :] if said.startswith(prefix) else said
    return ("unreachable: " if result.get("unreachable") else "") + said


def _tier(swaps: Sequence[Mapping[str, Any]], tier: str) -> Tier | None:
    found = [area for area in swaps if area["tier"] == tier]
    return Tier(sum(area["size"] for area in found), sum(area["used"] for area in found)) if found else None


def ratio(devices: Sequence[Mapping[str, Any]]) -> float | None:
    """How many times smaller zram devices keep their data, all together."""
    stats = [device["stats"] for device in devices]
    compressed = sum(one["compr_data_size"] for one in stats)
    return float(sum(one["orig_data_size"] for one in stats) / compressed) if compressed else None


def _fragmentation(memory: Mapping[str, Any]) -> tuple[list[float], str]:
    """By order what is usable in the worst zone among those that count, and which that is."""
    zones = counting(memory.get("watermarks") or ())
    found = [one for one in memory.get("fragmentation") or () if (one["node"], one["zone"]) in zones]
    if not found:
        return [], ""
    worst = max(found, key=lambda one: [one["unusable_index"][order] for order in _known(one["unusable_index"])])
    return [round(1 - part, 3) for part in worst["unusable_index"]], "node %s, zone %s" % (worst["node"], worst["zone"])


def _known(index: Sequence[float]) -> list[int]:
    return [order for order in ORDERS_SHOWN if order < len(index)]


def counting(watermarks: Sequence[Mapping[str, Any]]) -> set[tuple[int, str]]:
    """Node and name of the zones that have at least ZONE_COUNTS of their node."""
    nodes: dict[int, int] = {}
    for zone in watermarks:
        nodes[zone["node"]] = nodes.get(zone["node"], 0) + zone["managed"]
    return {(zone["node"], zone["zone"]) for zone in watermarks if zone["managed"] >= ZONE_COUNTS * nodes[zone["node"]]}
