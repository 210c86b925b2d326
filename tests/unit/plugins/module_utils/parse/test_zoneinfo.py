# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/zoneinfo.

Fails when a zone is lost or invented, when a field of the node's statistics or of the pagesets is taken for the zone's
own, when boost is left in a base watermark, or when a kernel without boost is said to have one of 0.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone, parse_zoneinfo

SAMPLES = Path(__file__).parent / "samples"
HEADING = "Node 0, zone Normal\n"
FIELDS = ("pages free 7", "boost 0", "min 1", "low 2", "high 3", "spanned 9", "present 8", "managed 7")


def sample(name: str) -> tuple[Zone, ...]:
    return parse_zoneinfo((SAMPLES / name).read_text(encoding="utf-8"))


def text(*fields: str) -> str:
    return HEADING + "".join(f"  {field}\n" for field in fields)


def test_a_machine_with_one_node() -> None:
    zones = sample("zoneinfo-one-node.txt")
    assert [(zone.node, zone.name) for zone in zones] == [
        (0, "DMA"),
        (0, "DMA32"),
        (0, "Normal"),
        (0, "Movable"),
        (0, "Device"),
    ]
    dma = zones[0]
    assert dma == Zone(0, "DMA", 3840, 0, dma.min, dma.low, dma.high, 4095, 3998, 3840)
    assert (zones[3].min, zones[3].managed) == (32, 0)


def test_two_nodes_and_a_boost() -> None:
    dma, normal, movable, second = sample("zoneinfo-two-nodes-boosted.txt")
    assert dma == Zone(0, "DMA", 2815, 0, 13, 16, 19, 4095, 3998, 3840)
    assert normal == Zone(0, "Normal", 201544, 2560, 8011, 9374, 10737, 1572864, 1572864, 1532170)
    assert (normal.base_min, normal.base_low, normal.base_high) == (5451, 6814, 8177)
    assert movable == Zone(0, "Movable", 0, 0, 32, 32, 32, 0, 0, 0)
    assert second == Zone(1, "Normal", 11, 0, 5614, 7017, 8420, 2097152, 2097152, 2064009)


def test_high_memory_on_a_kernel_that_prints_no_boost() -> None:
    normal, high = sample("zoneinfo-highmem-without-boost.txt")
    assert normal == Zone(0, "Normal", 120332, None, 11199, 13998, 16798, 196608, 196608, 188416)
    assert (normal.base_min, normal.base_low, normal.base_high) == (11199, 13998, 16798)
    assert high == Zone(0, "HighMem", 70221, None, 128, 2240, 4352, 147456, 147456, 147456)


def test_the_shortest_zone() -> None:
    assert parse_zoneinfo(text(*FIELDS)) == (Zone(0, "Normal", 7, 0, 1, 2, 3, 9, 8, 7),)


def test_what_comes_before_the_free_pages_is_the_nodes() -> None:
    (zone,) = parse_zoneinfo(text("per-node stats", "boost 99", "nr_dirty 5", *(f for f in FIELDS if "boost" not in f)))
    assert zone.boost is None


def test_what_follows_protection_is_not_the_zones() -> None:
    (zone,) = parse_zoneinfo(text(*FIELDS, "protection: (0, 0)", "high 99", "min 99"))
    assert (zone.min, zone.high) == (1, 3)


@pytest.mark.parametrize("field", [field for field in FIELDS if not field.startswith("boost")])
def test_each_field_is_needed(field: str) -> None:
    with pytest.raises(ParseError, match=field.split()[-2]):
        parse_zoneinfo(text(*(other for other in FIELDS if other != field)))


@pytest.mark.parametrize(
    ("malformed", "says"),
    [
        ("", "found '' where a line such as 'Node 0, zone Normal' is expected"),
        ("\n", "where a line such as 'Node 0, zone Normal' is expected"),
        ("pages free 3\n" + HEADING, "found 'pages free 3'"),
        ("Node 0 zone Normal\n", "found 'Node 0 zone Normal'"),
        ("Node x, zone Normal\n", "found 'Node x, zone Normal' where a whole number"),
        ("Node 0, zone\n", "found 'Node 0, zone'"),
        (HEADING, "found 'Node 0, zone Normal' where a zone with free, min, low"),
        (text("pages free -1", *FIELDS[1:]), "found '  pages free -1' where a whole number"),
        (text(FIELDS[0], "boost ?", *FIELDS[2:]), "found '  boost [?]'"),
        (text(*FIELDS[:4]) + text(*FIELDS), "found 'Node 0, zone Normal' where a zone with high"),
    ],
)
def test_malformed(malformed: str, says: str) -> None:
    with pytest.raises(ParseError, match=f"^/proc/zoneinfo: .*{says}"):
        parse_zoneinfo(malformed)
