# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the guard lets an area go off whose pages would not fit, or holds back one that is safe."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room, without
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import (
    Memory,
    SwapOff,
    observe_memory,
    settled_memory,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import parse_swaps

MIB = 2**20
SWAPS = """Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/zram0                              partition\t{size}\t\t{used}\t\t100
/swapfile                               file\t\t102400\t\t{other}\t\t10
"""


def memory(used, available, other=102400, strict=False, committed=0):
    """zram0 of 500 MiB with so much used (MiB), beside a swapfile of 100 MiB with so much used (KiB)."""
    areas = parse_swaps(SWAPS.format(size=500 * 1024, used=used * 1024, other=other))
    return Memory(1024 * MIB, available * MIB, committed * MIB, 1000 * MIB, strict, areas)


@pytest.mark.parametrize(
    ("state", "more", "safe"),
    [
        (memory(used=200, available=300), {}, True),  # 100 MiB stay, as asked
        (memory(used=200, available=299), {}, False),
        (memory(used=200, available=250), {"gives_back": 100 * MIB}, True),  # 80 % of it counts
        (memory(used=200, available=200), {"gives_back": 100 * MIB}, False),
        (memory(used=200, available=200, other=0), {}, True),  # the other area takes 100 MiB
        (memory(used=200, available=200), {"bridge": 100 * MIB}, True),
        (memory(used=0, available=10), {}, True),  # nothing comes back
        (memory(used=0, available=900, strict=True, committed=500), {}, True),
        (memory(used=0, available=900, strict=True, committed=501), {}, False),
        (memory(used=0, available=900, strict=False, committed=900), {}, True),
    ],
)
def test_the_guard(state, more, safe):
    if safe:
        return refuse_without_room(state, "/dev/zram0", 100 * MIB, **more)
    with pytest.raises(HighwaterError, match="/dev/zram0") as caught:
        refuse_without_room(state, "/dev/zram0", 100 * MIB, **more)
    assert caught.value.reason == "headroom"
    return None


TWO = """Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
{path}                              partition\t512000\t\t204800\t\t100
/dev/zram1                              partition\t{size}\t0\t\t10
"""


@pytest.mark.parametrize(
    ("path", "gives_back", "size", "available", "safe"),
    [
        # 200 MiB of pages that do not compress: no zram makes room for them, however large it is.
        ("/dev/zram0", 200, 1024, 100, False),
        ("/dev/zram0", 200, 1024, 140, True),  # a fifth of what the old one gives back is not counted on
        # That compress to a quarter: what stays compressed saves three quarters of it.
        ("/dev/zram0", 50, 100, 184, False),
        ("/dev/zram0", 50, 100, 186, True),
        # From a disk nobody knows how they compress: one half.
        ("/swapfile", 0, 100, 249, False),
        ("/swapfile", 0, 100, 250, True),
        # No more than there is to be swapped out.
        ("/swapfile", 0, 1024, 199, False),
        ("/swapfile", 0, 1024, 200, True),
    ],
)
def test_room_in_a_zram_takes_memory_too(path, gives_back, size, available, safe):
    areas = parse_swaps(TWO.format(path=path, size=size * 1024))
    state = Memory(1024 * MIB, available * MIB, 0, 1000 * MIB, False, areas)
    if safe:
        return refuse_without_room(state, path, 100 * MIB, gives_back * MIB)
    with pytest.raises(HighwaterError, match="room in other swap"):
        refuse_without_room(state, path, 100 * MIB, gives_back * MIB)
    return None


def test_what_a_zram_takes_over_takes_memory_from_the_next():
    areas = parse_swaps(TWO.format(path="/dev/zram0", size=1024 * 1024))
    state = Memory(1024 * MIB, 200 * MIB, 0, 1000 * MIB, False, areas)
    left = without(state, "/dev/zram0", 100 * MIB, 50 * MIB)
    assert left.available == 100 * MIB
    taken = 60 * MIB * 4 // 3  # the 60 MiB that are missing, where three quarters of each are saved
    assert abs(left.area("/dev/zram1").used - taken) <= 4096


def test_an_area_that_is_off_needs_no_room():
    refuse_without_room(memory(used=400, available=0), "/elsewhere", 100 * MIB)


def test_the_refusal_says_the_figures():
    with pytest.raises(HighwaterError) as caught:
        refuse_without_room(memory(used=200, available=150), "/dev/zram0", 100 * MIB)
    for figure in ("200 MiB", "150 MiB", "headroom: 100 MiB", "apply: next_boot"):
        assert figure in caught.value.message


def test_what_one_leaves_for_the_next():
    left = without(memory(used=200, available=250, other=0), "/dev/zram0", 100 * MIB)
    assert (left.available, left.commit_limit) == (100 * MIB, 500 * MIB)
    assert [(area.path, area.used) for area in left.areas] == [("/swapfile", 50 * MIB)]
    with pytest.raises(HighwaterError, match="bring 50 MiB back"):
        refuse_without_room(left, "/swapfile", 100 * MIB)
    assert without(left, "/dev/zram0", 100 * MIB) == left


def test_observed_from_proc(tmp_path):
    host = Host(str(tmp_path))
    host.install(
        "/proc/meminfo",
        "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 500 kB\nCommitLimit: 700 kB\nCommitted_AS: 90 kB\n",
    )
    host.install("/proc/swaps", SWAPS.format(size=1024, used=4, other=0))
    host.install("/proc/sys/vm/overcommit_memory", "2\n")
    seen = observe_memory(host)
    assert seen[:5] == (1000 * 1024, 500 * 1024, 90 * 1024, 700 * 1024, True)
    assert seen.area("/dev/zram0").used == 4096
    assert seen.area("/dev/zram1") is None


ON = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/swapfile file\t\t1020\t\t4\t\t-2\n"
OFF = ON[: ON.index("/swapfile")]


def test_a_swapoff_that_a_run_that_was_cut_off_has_begun_is_waited_for(tmp_path):
    """The kernel refuses the second one, and lists the area until the first is through."""
    host, ran = Host(str(tmp_path)), []

    def refused(argv, timeout):
        ran.append(argv)
        if len(ran) == 3:
            host.install("/proc/swaps", OFF)
        return Completed(255, "", "swapoff: /swapfile: swapoff failed: Invalid argument")

    host = Host(str(tmp_path), runner=refused)
    host.install("/proc/swaps", ON)
    SwapOff("/swapfile").perform(host)
    assert ran == [("swapoff", "/swapfile")] * 3


def test_a_swapoff_that_somebody_else_has_done_is_done(tmp_path):
    host = Host(str(tmp_path), runner=lambda argv, timeout: Completed(1, "", "swapoff failed: No such file"))
    host.install("/proc/swaps", OFF)
    SwapOff("/swapfile").perform(host)


@pytest.mark.parametrize(("status", "word"), [(2, "headroom"), (32, "command_failed")])
def test_swapoff_that_fails_says_why(tmp_path, status, word):
    host = Host(str(tmp_path), runner=lambda argv, timeout: Completed(status, "", "it said no"))
    host.install("/proc/swaps", ON)
    with pytest.raises(HighwaterError, match="/swapfile") as caught:
        SwapOff("/swapfile").perform(host)
    assert caught.value.reason == word


def test_swapoff_has_a_unit_of_its_own_where_systemd_runs(tmp_path):
    ran = []
    host = Host(str(tmp_path), runner=lambda argv, timeout: ran.append(argv) or Completed(0, "", ""))
    SwapOff("/swapfile").perform(host)
    host.make_folder("/run/systemd/system")
    SwapOff("/swapfile").perform(host)
    assert ran[0] == ("swapoff", "/swapfile")
    assert ran[1][0] == "systemd-run"
    assert ran[1][-2:] == ran[0]
    assert "OOMPolicy=continue" in ran[1]


@pytest.mark.parametrize(("grows", "looks"), [(True, 2), (False, 20)])
def test_memory_that_is_short_for_a_moment_is_waited_for(tmp_path, monkeypatch, grows, looks):
    """With a clock of its own; fails where the first look counts, or where it waits for ever."""
    host, slept = Host(str(tmp_path)), []

    def tell(available):
        lines = {"MemTotal": 524288, "MemFree": 0, "MemAvailable": available, "AnonPages": 0}
        lines.update(CommitLimit=524288, Committed_AS=0)
        host.install("/proc/meminfo", "".join("%s: %d kB\n" % line for line in lines.items()))

    def sleep(seconds):
        slept.append(seconds)
        tell(20480 if grows and len(slept) == 2 else 0)

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: sum(slept))
    host.install("/proc/swaps", OFF)
    tell(0)
    settled = settled_memory(host, observe_memory(host))
    assert settled.available == (20 * MIB if grows else 0)
    assert len(slept) == looks
