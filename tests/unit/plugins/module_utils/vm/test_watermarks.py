# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watermarks as the kernel computes them.

Fails where a share, a gap or what is left out of the sum is computed otherwise than by the kernels of the samples.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone, parse_zoneinfo
from ansible_collections.highwater.memory.plugins.module_utils.vm import min_free, watermarks
from hypothesis import given
from hypothesis import strategies as st

SAMPLES = Path(__file__).parents[1] / "parse" / "samples"
MACHINES = Path(__file__).parents[1] / "memory" / "machines"
PAGE = 4096
MIB = 2**20


def sample(name):
    return parse_zoneinfo((SAMPLES / name).read_text(encoding="utf-8"))


def section(machine, path):
    """A file of a machine that was captured whole."""
    text = (MACHINES / (machine + ".txt")).read_text(encoding="utf-8")
    return re.search(r"(?ms)^==> %s <==\n(.*?)(?=^==> |\Z)" % re.escape(path), text).group(1)


def zone(name, managed, node=0):
    return Zone(
        node=node,
        name=name,
        free=managed,
        boost=0,
        min=0,
        low=0,
        high=0,
        spanned=managed,
        present=managed,
        managed=managed,
    )


def test_the_sample_of_this_kernel_to_the_page():
    zones = sample("zoneinfo-one-node.txt")  # Linux 6.18, min_free_kbytes 67584 and watermark_scale_factor 10
    computed = watermarks.computed(zones, 67584, 10, PAGE)
    assert watermarks.different(zones, watermarks.now(zones, computed), computed) == ()


def test_a_difference_is_said_by_zone():
    zones = sample("zoneinfo-one-node.txt")
    computed = watermarks.computed(zones, 67584, 200, PAGE)
    said = " ".join(watermarks.different(zones, watermarks.now(zones, computed), computed))
    assert "node 0, zone DMA32: min, low, high are 7420, 9275, 11130 pages where 7420, 22878, 38336" in said


def test_boost_is_taken_off():
    zones = sample("zoneinfo-two-nodes-boosted.txt")
    boosted = next(index for index, one in enumerate(zones) if one.boost)
    expected = watermarks.computed(zones, 67584, 10, PAGE)
    assert watermarks.now(zones, expected)[boosted].min == zones[boosted].min - zones[boosted].boost


def test_a_boost_that_an_older_kernel_does_not_print_is_taken_off():
    """It shifts all three alike, which nothing else does: a share that is another has other gaps, too."""
    shifted = zone("Normal", 262144)._replace(boost=None, min=16896 + 900, low=21120 + 900, high=25344 + 900)
    zones = (shifted, shifted._replace(node=1, min=17000, low=21250, high=25500))
    expected = watermarks.computed((shifted,), 67584, 10, PAGE) * 2
    assert watermarks.now(zones, expected) == (expected[0], (17000, 21250, 25500))
    said = shifted._replace(boost=0)
    assert watermarks.now((said,), expected) == ((said.min, said.low, said.high),)


@pytest.mark.parametrize("machine", ["container", "small_vm", "no_psi", "two_nodes", "highmem"])
def test_the_marks_of_captured_machines(machine):
    """Linux 5.10 to 6.18, on 64 bits and 32.

    The kernel shared out min_free_kbytes when it was last set, and memory that it gets after that, from its init code
    and the initrd, moves a zone's share a little: the shares add up to the page all the same.
    """
    zones = parse_zoneinfo(section(machine, "/proc/zoneinfo"))
    numbers = [int(section(machine, "/proc/sys/vm/" + name)) for name in ("min_free_kbytes", "watermark_scale_factor")]
    marks = watermarks.computed(zones, *numbers, PAGE)
    found = watermarks.now(zones, marks)
    for one, said, computed in zip(zones, found, marks):
        for mark, wanted in zip(said, computed) if one.managed else ():
            assert abs(mark - wanted) * 50 <= wanted
    pays = [index for index, one in enumerate(zones) if min_free.takes_part(one)]
    assert abs(sum(found[one].min for one in pays) - sum(marks[one].min for one in pays)) <= len(pays)


@pytest.mark.parametrize(
    ("name", "managed", "least"),
    [("Movable", 10000, 32), ("Movable", 65536, 64), ("HighMem", 10**6, 128), ("Movable", 0, 32)],
)
def test_zones_apart_have_a_min_of_their_own(name, managed, least):
    zones = (zone("Normal", 100000), zone(name, managed))
    marks = watermarks.computed(zones, 40000, 10, PAGE)
    assert (marks[0].min, marks[1].min) == (10000, least)


def test_a_movable_zone_that_pays_its_share():
    zones = (zone("Normal", 100000), zone("Movable", 300000)._replace(min=7500))
    marks = watermarks.computed(zones, 40000, 10, PAGE)
    assert [mark.min for mark in marks] == [2500, 7500]


@pytest.mark.parametrize(
    ("zones", "pageblock", "expected"),
    [
        # sqrt(1 GiB in kB * 16), and with huge pages 11 pageblocks a zone, at most a twentieth
        ((zone("Normal", 262144),), None, 4096),
        ((zone("Normal", 262144),), 2 * MIB, 22528),
        ((zone("DMA", 3840), zone("DMA32", 262144)), 2 * MIB, 45056),
        ((zone("DMA32", 120000),), 2 * MIB, 22528),
        ((zone("DMA32", 100000),), 2 * MIB, 20000),
        ((zone("Normal", 100),), None, 128),
        ((zone("Normal", 2**30),), None, 262144),
        ((zone("Normal", 262144), zone("Movable", 262144)), 2 * MIB, 22528),
    ],
)
def test_what_the_kernel_would_choose(zones, pageblock, expected):
    assert min_free.automatic_min_free_kbytes(zones, pageblock, PAGE) == expected


def test_what_this_kernel_chose():
    zones = sample("zoneinfo-one-node.txt")
    assert min_free.automatic_min_free_kbytes(zones, 2 * MIB, PAGE) == 67584


@given(st.lists(st.integers(1, 2**28), min_size=1, max_size=6), st.integers(0, 2**22), st.integers(1, 3000))
def test_marks_stand_in_order_and_shares_add_up(sizes, min_free, factor):
    zones = tuple(zone("Normal", size, node) for node, size in enumerate(sizes))
    marks = watermarks.computed(zones, min_free, factor, PAGE)
    for one in marks:
        assert one.min <= one.low <= one.high
        assert one.low - one.min == one.high - one.low
    total = watermarks.total(zones, marks, PAGE)
    assert 0 <= min_free * 1024 - total.min <= PAGE * (len(sizes) + 1)
