# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of playbook report: one HTML file that needs nothing else, and the same data as JSON.

Jinja2 writes what is seen at once, with everything escaped; what is seen when a host is opened is data in the page,
from which its script draws it then. So a page for 1,000 hosts stays light.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import SEVERITIES
from ansible_collections.highwater.memory.plugins.plugin_utils.fleet import (
    NOT_SEEN,
    Row,
    Tier,
    plain,
    ratio,
    reason,
    rows,
)
from ansible_collections.highwater.memory.plugins.plugin_utils.grouping import Group, groups
from ansible_collections.highwater.memory.plugins.plugin_utils.words import number, percent, share, size
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).resolve().parents[2] / "playbooks" / "templates"
BUCKETS = 20  # of the picture of headroom
TIGHT, SHORT = 0.15, 0.05  # parts of RAM that are available: below, a bar changes its colour
LEVELS = (0.0, 0.25, 0.5, 0.75, 0.95)  # of free memory that can be used: above each, a colour of the heat map
COUNTERS = (
    "allocstall",
    "compact_stall",
    "compact_fail",
    "kswapd_low_wmark_hit_quickly",
    "pswpin",
    "pswpout",
    "workingset_refault_anon",
    "workingset_refault_file",
    "pgmajfault",
    "oom_kill",
)
WAITING = {"some": "some tasks wait", "full": "all tasks wait"}  # by the kernel's word
AMOUNTS = ("MemFree", "AnonPages", "Cached", "Shmem", "Dirty", "SReclaimable", "SUnreclaim", "Committed_AS")


class Bucket(NamedTuple):
    """Hosts with so much of their RAM available: how many by worst severity (and "" for none)."""

    start: int
    end: int
    counts: Mapping[str, int]

    @property
    def hosts(self) -> int:
        return sum(self.counts.values())


def page(known: str, source: str) -> str:
    """The HTML; known: what data() has made; source: the name of the file with that, for readers."""
    told = json.loads(known)
    environment = Environment(
        loader=FileSystemLoader(str(TEMPLATES)),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(share=share, size=size, number=number, level=level, room=room, percent=percent)
    seen = rows(told["hosts"])
    found = groups(seen)
    return environment.get_template("report.html.j2").render(
        rows=seen,
        groups=found,
        fleet=_fleet(seen),
        buckets=_buckets(seen),
        severities=SEVERITIES,
        not_seen=NOT_SEEN,
        made=told["made"],
        source=source,
        style=_own("report.css"),
        script=_own("report.js"),
        data=embedded({"hosts": [_host(row) for row in seen], "groups": [_members(seen, one) for one in found]}),
    )


def data(looks: Mapping[str, Mapping[str, Any]], made: str) -> str:
    """JSON: `made`, when this was, for readers; `hosts`, by name what memory_info returned or why it did not."""
    hosts = {
        host: {"memory": look["memory"]} if look.get("memory") else {"missing": reason(look)}
        for host, look in looks.items()
    }
    return json.dumps({"made": made, "hosts": hosts}, default=plain) + "\n"


def embedded(value: Any) -> Markup:
    """JSON that can stand in a script element: whatever the strings are, they neither end it nor break a line."""
    text = json.dumps(value, separators=(",", ":"))  # ASCII, so U+2028 and U+2029 are escaped
    for character in "<>&":
        text = text.replace(character, "\\u%04x" % ord(character))
    return Markup(text)


def _own(name: str) -> Markup:
    """The text of a file of ours that goes into the page as it is, without the lines that say whose it is."""
    lines = (TEMPLATES / name).read_text(encoding="utf-8").splitlines()
    return Markup("\n".join(line for line in lines if "SPDX-License" not in line))


def _fleet(seen: Sequence[Row]) -> dict[str, Any]:
    """All hosts together."""
    zram, disk = ([getattr(row, tier) for row in seen if getattr(row, tier)] for tier in ("zram", "disk"))
    devices = [device for row in seen for device in row.memory.get("zram") or ()]
    return {
        "hosts": len(seen),
        "seen": sum(not row.missing for row in seen),
        "worst": {severity: sum(row.worst == severity for row in seen) for severity in (*SEVERITIES, "", NOT_SEEN)},
        "having": {severity: sum(row.count(severity) > 0 for row in seen) for severity in SEVERITIES},
        "ram": Tier(sum(row.total or 0 for row in seen), sum(row.available or 0 for row in seen)),
        "zram": Tier(sum(one.size for one in zram), sum(one.used for one in zram)) if zram else None,
        "disk": Tier(sum(one.size for one in disk), sum(one.used for one in disk)) if disk else None,
        "ratio": ratio(devices),
        "tight": sum(row.part is not None and row.part < TIGHT for row in seen),
    }


def _buckets(seen: Sequence[Row]) -> list[Bucket]:
    width = 100 // BUCKETS
    found: list[dict[str, int]] = [dict.fromkeys((*SEVERITIES, ""), 0) for _each in range(BUCKETS)]
    for row in seen:
        if row.part is not None:
            found[min(int(row.part * BUCKETS), BUCKETS - 1)][row.worst] += 1
    return [Bucket(at * width, (at + 1) * width, counts) for at, counts in enumerate(found)]


def _members(seen: Sequence[Row], group: Group) -> list[tuple[int, str]]:
    """The hosts of a group of findings, by their place in the page."""
    places = {row.host: at for at, row in enumerate(seen)}
    return [(places[host], said) for host, said in group.found]


def _host(row: Row) -> dict[str, Any]:
    """What the script of the page knows of a host: `sort` by the columns' names, and the rest for when it is opened."""
    used = [tier.used for tier in (row.zram, row.disk) if tier]
    place = [-row.count(severity) for severity in SEVERITIES]
    known: dict[str, Any] = {
        "name": row.host,
        "sort": {
            "findings": [bool(row.missing), *place, 2 if row.part is None else row.part],
            "available": row.part,
            "swap": sum(used) if used else None,
            "ratio": row.ratio,
            "stalls": row.stalls if row.stall_rate is None else row.stall_rate,
            "blocks": sum(row.usable) if row.usable else None,
        },
        "findings": [
            [one["severity"], one["subject"], one["finding"], one["evidence"], one["advice"]] for one in row.findings
        ],
    }
    return dict(known, missing=row.missing) if row.missing else dict(known, **_opened(row.memory))


def _opened(memory: Mapping[str, Any]) -> dict[str, Any]:
    vmstat, meminfo = memory.get("vmstat") or {}, memory.get("meminfo") or {}
    since, rates = vmstat.get("since_boot") or {}, vmstat.get("per_second") or {}
    pressure = (memory.get("pressure") or {}).get("memory") or {}
    return {
        "swaps": [
            [area["path"], area["tier"], area["size"], area["used"], area["priority"]] for area in _swaps(memory)
        ],
        "zram": [
            [one["name"], one["algorithm"], one["stats"]["orig_data_size"], one["stats"]["mem_used_total"]]
            for one in memory.get("zram") or ()
        ],
        "zones": list(_zones(memory)),
        "amounts": [[name, meminfo[name]] for name in AMOUNTS if name in meminfo],
        "counters": [[name, since[name], rates.get(name)] for name in COUNTERS if since.get(name) is not None],
        "pressure": [
            [words, *(pressure[kind]["avg%d" % seconds] for seconds in (10, 60, 300))]
            for kind, words in WAITING.items()
            if pressure.get(kind)
        ],
    }


def _swaps(memory: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return sorted(memory.get("swaps") or (), key=lambda area: -int(area["priority"]))


def _zones(memory: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Node, name, the watermarks with free memory, free blocks by order and the colour of each."""
    blocks = {(one["node"], one["zone"]): one for one in memory.get("fragmentation") or ()}
    for zone in memory.get("watermarks") or ():
        one = blocks.get((zone["node"], zone["zone"]), {})
        colours = [level(1 - part) for part in one.get("unusable_index", ())]
        marks = [zone[name] for name in ("free", "min", "low", "high", "managed")]
        yield [zone["node"], zone["zone"], marks, list(one.get("free_blocks", ())), colours]


def level(part: float) -> int:
    """The colour of a part of free memory that can be used: 0 for none, 5 for nearly all."""
    return sum(part > least for least in LEVELS)


def room(part: float) -> str:
    """The class of a bar of headroom."""
    return "short" if part < SHORT else "tight" if part < TIGHT else "fine"
