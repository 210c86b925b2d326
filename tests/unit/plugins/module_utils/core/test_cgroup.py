# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a swapoff is let through that a control group would answer with a kill, or one held back for nothing."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.cgroup import (
    ROOT,
    Cgroup,
    limited_cgroups,
    over_limit,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

MIB = 2**20


def group(host, path, limit, current, swapped, cache=0):
    files = {"max": limit, "current": current * MIB, "swap.current": swapped * MIB}
    for name, value in files.items():
        host.install("%s%s/memory.%s" % (ROOT, path, name), "%s\n" % value)
    stat = "anon 1\nfile 999\ninactive_file %d\nactive_file %d\nunevictable 7\n" % (cache * MIB, cache * MIB)
    host.install("%s%s/memory.stat" % (ROOT, path), stat)


def test_found_below_the_root(tmp_path):
    host = Host(str(tmp_path))
    host.install(ROOT + "/cgroup.controllers", "memory\n")
    group(host, "/system.slice", "max", 500, 500)
    group(host, "/system.slice/a.service", 100 * MIB, 90, 30, cache=20)
    group(host, "/system.slice/b.service", 100 * MIB, 90, 0)
    host.make_folder(ROOT + "/init.scope")  # one without the memory controller
    assert limited_cgroups(host) == (Cgroup("/system.slice/a.service", 100 * MIB, 50 * MIB, 30 * MIB),)


def test_version_1_is_left_out(tmp_path):
    host = Host(str(tmp_path))
    group(host, "/memory/a", 1, 90, 30)
    assert limited_cgroups(host) == ()


def test_of_a_group_and_those_below_only_the_one_above_counts():
    above, below = Cgroup("/a", 10, 10, 5), Cgroup("/a/b", 5, 5, 5)
    beside = Cgroup("/ab", 10, 10, 5)
    assert over_limit((above, below, beside), 100) == (above, beside)
    assert over_limit((above._replace(limit=20), below, beside), 100) == (below, beside)


@pytest.mark.parametrize(
    ("held", "swapped", "used", "other", "safe"),
    [
        (60, 40, 200, 0, True),  # exactly its limit
        (60, 41, 200, 0, False),
        (60, 41, 40, 0, True),  # not more than the area holds can come back
        (60, 50, 200, 10, True),  # what is too much goes to the other area
        (60, 51, 200, 10, False),
        (60, 51, 0, 0, True),
    ],
)
def test_the_guard(held, swapped, used, other, safe):
    areas = (SwapArea("/dev/zram0", "partition", 500 * MIB, used * MIB, 100), SwapArea("/s", "file", other * MIB, 0, 1))
    groups = (Cgroup("/a.service", 100 * MIB, held * MIB, swapped * MIB),)
    memory = Memory(1000 * MIB, 900 * MIB, 0, 0, False, areas, cgroups=lambda: groups)
    if safe:
        return refuse_without_room(memory, "/dev/zram0", 100 * MIB)
    with pytest.raises(HighwaterError, match=r"control group /a.service, 1?1 MiB more than its memory\.max") as caught:
        refuse_without_room(memory, "/dev/zram0", 100 * MIB)
    assert caught.value.reason == "headroom"
    return None


def test_groups_are_looked_at_only_when_pages_come_back():
    areas = (SwapArea("/dev/zram0", "partition", 500 * MIB, 0, 100),)
    memory = Memory(1000 * MIB, 900 * MIB, 0, 0, False, areas, cgroups=lambda: pytest.fail("all groups walked over"))
    refuse_without_room(memory, "/dev/zram0", 100 * MIB)
    refuse_without_room(memory, "/elsewhere", 100 * MIB)


@pytest.mark.parametrize(("size", "safe"), [(200, True), (199, False)])
def test_what_a_group_swaps_out_again_has_all_the_room_of_a_zram(size, safe):
    """Which is charged to no group: of 200 MiB that come back to one that is full, it takes all, or does not."""
    areas = (
        SwapArea("/swapfile", "file", 500 * MIB, 200 * MIB, 10),
        SwapArea("/dev/zram0", "partition", size * MIB, 0, 100),
    )
    groups = (Cgroup("/a.service", 100 * MIB, 100 * MIB, 200 * MIB),)
    memory = Memory(2000 * MIB, 1000 * MIB, 0, 0, False, areas, cgroups=lambda: groups)
    if safe:
        return refuse_without_room(memory, "/swapfile", 100 * MIB)
    with pytest.raises(HighwaterError, match=r"control group /a\.service"):
        refuse_without_room(memory, "/swapfile", 100 * MIB)
    return None
