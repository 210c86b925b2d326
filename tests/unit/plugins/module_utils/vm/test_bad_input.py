# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where bad input changes something, is not refused, or is told without what would do."""

from __future__ import annotations

import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

BAD = [
    ({"nonsense": 1}, r"this kernel \(6\.12\) has no vm\.nonsense.*unknown: skip"),
    ({"swapines": 1}, r"no vm\.swapines; it has vm\.swappiness"),
    ({"numa_balancing": 1}, r"no vm\.numa_balancing; it has kernel\.numa_balancing: correct"),
    ({"defrag_mode": 1}, r"no vm\.defrag_mode, which came with Linux 6\.15"),
    ({"percpu_pagelist_fraction": 8}, r"which went with Linux 5\.14"),
    ({"defrag_mode": 2}, r"vm\.defrag_mode: 2 is outside|no vm\.defrag_mode"),
    ({"kernel.panic": 1}, r"kernel\.panic is not a vm setting.*ansible\.posix\.sysctl"),
    ({"net/ipv4/ip_forward": 1}, r"not a vm setting"),
    ({"../kernel/panic": 1}, r"is not the name of a vm setting"),
    ({"vm.swappiness\n": 1, "swappiness": 2}, r"named twice"),
    ({"page_cluster": 1, "page-cluster": 1}, r"vm\.page-cluster is named twice"),
    ({"drop_caches": 3}, r"is an action .*page_cache_purge"),
    ({"compact_memory": 1}, r"is an action .*memory_compact"),
    ({"stat_refresh": 1}, r"is an action .*memory_info"),
    ({"max_map_count": 2**31}, r"settings: vm\.max_map_count: 2147483648 is outside .*: 0 to 2147483647"),
    ({"max_map_count": -1}, r"settings: vm\.max_map_count: -1 is outside .*: 0 or more"),
    ({"user_reserve_kbytes": 2**64}, r"18446744073709551616 is outside .*: 0 to 18446744073709551615"),
    ({"swappiness": "9" * 5000}, r"9999\.\.\.' is no value for it: write digits"),
    ({"lowmem_reserve_ratio": "1 " * 5000}, r"1 \.\.\.' is no value for it: write digits separated by blanks"),
    ({"swappiness": 201}, r"settings: vm\.swappiness: 201 is outside what the kernel takes: 0 to 200"),
    ({"swappiness": -1}, r"0 to 200"),
    ({"swappiness": "sixty"}, r"unknown name sixty"),
    ({"swappiness": "60MiB"}, r"amount of memory .* where a plain number is wanted"),
    ({"swappiness": True}, r"True is no value for it: write digits, 1 for on"),
    ({"swappiness": None}, r"None is no value"),
    ({"swappiness": 60.5}, r"60\.5 is no value"),
    ({"swappiness": [60]}, r"is no value"),
    ({"swappiness": "060"}, r"octal"),
    ({"swappiness": ""}, r"is empty"),
    ({"lowmem_reserve_ratio": "256 x"}, r"digits separated by blanks"),
    ({"watermark_scale_factor": 0}, r"1 to 3000"),
    ({"dirty_bytes": 0}, r"to turn it off, set vm\.dirty_ratio instead"),
    ({"dirty_bytes": "64MiB", "dirty_ratio": 5}, r"exclude each other"),
    (
        {"dirty_background_bytes": "64MiB", "dirty_bytes": "32MiB"},
        r"67108864 \(64 MiB\) is above .*: 33554432 \(32 MiB\)",
    ),
    (
        {"dirty_background_ratio": 30},
        r"30 \(% of RAM, 1\.20 GiB\) is above vm\.dirty_ratio: 20 \(% of RAM, 819\.20 MiB\)",
    ),
    ({"dirty_background_bytes": "2GiB", "dirty_ratio": 10}, r"2147483648 \(2 GiB\) is above vm\.dirty_ratio: 10"),
    ({"dirty_background_ratio": 6, "dirty_bytes": "245MiB"}, r"6 \(% of RAM, 245\.76 MiB\) is above vm\.dirty_bytes"),
    ({"min_free_kbytes": 400000}, r"400000 \(390\.6\d* MiB\) is more than 5 % of the 4 GiB .* at most 209715"),
    ({"min_free_kbytes": "ram * 6%"}, r"is more than 5 %"),
    ({"min_free_kbytes": 1024}, r"1024 \(1 MiB\) is below the 45056 \(44 MiB\)"),
    ({"watermark_scale_factor": 1000}, r"more than 15 % of the 4 GiB of RAM"),
    ({"vfs_cache_pressure": 0}, r"OOM killer"),
    ({"page-cluster": 11}, r"write 10 or less"),
    ({"overcommit_memory": 2, "overcommit_ratio": 5}, r"commit limit at 204\.\d+ MiB, and 29\d\.\d+ MiB are committed"),
    ({"overcommit_memory": 3}, r"0 to 2"),
]


@pytest.mark.parametrize(("asked", "message"), BAD, ids=[str(asked) for asked, _message in BAD])
def test_bad_input_is_one_sentence_and_changes_nothing(machine, asked, message):
    before = machine.everything()
    with pytest.raises(HighwaterError, match=message) as caught:
        machine.run(settings={"extfrag_threshold": 400, **asked})
    assert "\n" not in caught.value.message
    assert machine.everything() == before


@pytest.mark.parametrize(
    "asked",
    [
        {"vfs_cache_pressure": 0},
        {"page-cluster": 11},
        {"min_free_kbytes": 1024},
        {"min_free_kbytes": 400000},
        {"overcommit_memory": 2, "overcommit_ratio": 5},
        {"watermark_scale_factor": 1000},
        {"dirty_background_ratio": 30},
    ],
)
def test_force_goes_past_a_guard(machine, asked):
    machine.run(settings=asked, force=True)
    name, value = next(iter(asked.items()))
    assert machine.live(name) == str(value)
    assert machine.run(settings=asked, force=True)["changed"] is False


def test_force_lets_the_kernel_judge_a_range(machine):
    before = machine.everything()
    with pytest.raises(HighwaterError, match=r"could not set vm\.swappiness to 300: Invalid argument"):
        machine.run(settings={"swappiness": 300, "extfrag_threshold": 400}, force=True)
    assert machine.everything() == before


def test_too_little_available_now(machine):
    machine.write("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 90000 kB\n")
    with pytest.raises(HighwaterError, match=r"more than the 87.* that is available now"):
        machine.run(settings={"min_free_kbytes": 100000})
    with pytest.raises(HighwaterError, match="raise the high watermarks by"):
        machine.run(settings={"watermark_scale_factor": 400})
    machine.run(settings={"watermark_scale_factor": 400}, apply="next_boot")


@pytest.mark.parametrize("name", ["nr_hugepages", "nr_hugepages_mempolicy"])
def test_a_pool_of_huge_pages_that_takes_all_that_is_available(machine, name):
    """The kernel takes what it gets, and says afterwards that it was not all."""
    machine.write("/proc/sys/vm/" + name, "100\n")
    machine.write("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\nHugepagesize: 2048 kB\n")
    before = machine.everything()
    with pytest.raises(HighwaterError, match=r"613 takes 1\.00\d* GiB more .* than the 1 GiB .*: write at most 612"):
        machine.run(settings={name: 613})
    assert machine.everything() == before
    machine.run(settings={name: 613}, apply="next_boot")
    machine.run(settings={name: 612})
    machine.run(settings={name: 0})


def test_a_pool_of_huge_pages_that_would_leave_nothing_after_the_next_boot(machine):
    machine.write("/proc/sys/vm/nr_hugepages", "0\n")
    memory = "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\nHugepagesize: 2048 kB\n"
    machine.write("/proc/meminfo", memory)
    before = machine.everything()
    with pytest.raises(HighwaterError, match=r"1844 \(3\.60\d* GiB\) is more than 90 % of the 4 GiB .* at most 1843"):
        machine.run(settings={"nr_hugepages": 1844}, apply="next_boot")
    assert machine.everything() == before
    machine.run(settings={"nr_hugepages": 1843}, apply="next_boot")
    machine.write("/run/systemd/container", "systemd-nspawn")  # the image's machine may be larger than the builder's
    machine.run(settings={"nr_hugepages": 100000}, apply="next_boot")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"dirty_bytes": "256MiB"},
            r"dirty_background_ratio: 10 \(% of RAM, 409\.60 MiB\) is above vm\.dirty_bytes: 268435456",
        ),
        (
            {"dirty_background_bytes": "1GiB"},
            r"1073741824 \(1 GiB\) is above vm\.dirty_ratio: 20 \(% of RAM, 819\.20 MiB\)",
        ),
        ({"dirty_bytes": "410MiB"}, None),
        ({"dirty_background_bytes": "819MiB"}, None),
        ({"dirty_background_bytes": "64MiB", "dirty_bytes": "65MiB"}, None),
    ],
)
def test_a_limit_in_bytes_beside_one_in_per_cent(machine, asked, said):
    """The kernel takes half of the foreground for a background that is above it (domain_dirty_limits())."""
    found = machine.run(settings=asked)["warnings"]
    assert len(found) == (said is not None)
    assert re.search(said or "", " ".join(found))


def test_what_several_settings_take_at_once_is_added_up(machine):
    """Each of the two fits into what is available, and both together would bring the OOM killer."""
    machine.write("/proc/sys/vm/nr_hugepages", "0\n")
    machine.write("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 999424 kB\nHugepagesize: 2048 kB\n")
    asked = {"nr_hugepages": 480, "min_free_kbytes": 200000}
    before = machine.everything()
    with pytest.raises(HighwaterError) as caught:
        machine.run(settings=asked)
    assert caught.value.message == (
        "settings: vm.nr_hugepages: 480 takes 960 MiB more, and vm.min_free_kbytes: 200000 raises the high watermarks "
        "by 224.70 MiB, together more than the 976 MiB that is available now: free memory first, write less, or use "
        "apply: next_boot, or say force: true"
    )
    assert machine.everything() == before
    machine.run(settings=asked, apply="next_boot")
    machine.run(settings=dict(asked, nr_hugepages=370))


def test_one_pool_by_both_of_its_names_counts_once(machine):
    for name in ("nr_hugepages", "nr_hugepages_mempolicy"):
        machine.write("/proc/sys/vm/" + name, "0\n")
    machine.write("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 999424 kB\nHugepagesize: 2048 kB\n")
    machine.run(settings={"nr_hugepages": 300, "nr_hugepages_mempolicy": 300})


@pytest.mark.parametrize("said", ["Hugetlb: 8388608 kB\n", "HugePages_Total: 4096\n"])
def test_huge_pages_of_all_sizes_are_none_that_strict_overcommit_can_give(machine, said):
    """8 GiB of them, of 1 GiB each: HugePages_Total has only those of the default size (older kernels say no more)."""
    memory = "MemTotal: 16777216 kB\nMemAvailable: 8000000 kB\nHugepagesize: 2048 kB\nCommitted_AS: 4508876 kB\n"
    machine.write("/proc/meminfo", memory + ("" if "Total" in said else "HugePages_Total: 0\n") + said)
    with pytest.raises(HighwaterError, match=r"commit limit at 4 GiB, and 4\.3\d* GiB are committed"):
        machine.run(settings={"overcommit_memory": 2})


def test_huge_pages_that_come_with_strict_overcommit_count_as_well(machine):
    machine.write("/proc/sys/vm/nr_hugepages", "0\n")
    memory = "MemTotal: 16777216 kB\nMemAvailable: 15000000 kB\nHugepagesize: 2048 kB\nCommitted_AS: 4508876 kB\n"
    machine.write("/proc/meminfo", memory + "Hugetlb: 0 kB\n")
    with pytest.raises(HighwaterError, match=r"commit limit at 4 GiB"):
        machine.run(settings={"overcommit_memory": 2, "nr_hugepages": 4096})
    machine.run(settings={"overcommit_memory": 2})


@pytest.mark.parametrize(("page", "least"), [(4096, 8192), (16384, 32768), (65536, 131072)])
def test_the_least_of_dirty_bytes_is_two_pages(machine, monkeypatch, page, least):
    monkeypatch.setattr("os.sysconf", lambda _name: page)
    with pytest.raises(
        HighwaterError, match=r"dirty_bytes: %d is outside what the kernel takes: %d or more" % (least - 1, least)
    ):
        machine.run(settings={"dirty_bytes": least - 1, "dirty_background_bytes": 1})
    machine.run(settings={"dirty_bytes": least, "dirty_background_bytes": 1})
