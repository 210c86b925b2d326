# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what the kernel has made of its reserve is warned of though it is right, or taken for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

SMALL_VM = Path(__file__).parents[1] / "memory" / "machines" / "small_vm.txt"


def test_marks_that_nobody_has_set_anew_are_not_warned_of(machine):
    """A Debian 13 of 1 GiB. The kernel computed its marks before it had all of its memory, and keeps them."""
    zoneinfo = SMALL_VM.read_text(encoding="utf-8").partition("==> /proc/zoneinfo <==\n")[2].partition("==> ")[0]
    machine.write("/proc/zoneinfo", zoneinfo)
    machine.write("/proc/sys/vm/min_free_kbytes", "45056\n")
    asked = {"min_free_kbytes": "max(min_free_auto, 16M)", "swappiness": 10}
    assert machine.run(settings=asked)["warnings"] == []
    assert machine.run(settings=asked)["warnings"] == []
    done = machine.run(settings=dict(asked, min_free_kbytes=46000))  # which this kernel takes no notice of
    assert [warning.partition(":")[0] for warning in done["warnings"]] == [
        "the kernel's watermarks are not what was computed"
    ] * 2
    assert machine.run(settings=dict(asked, min_free_kbytes=46000))["warnings"] == []


def test_a_boost_that_an_older_kernel_does_not_print_is_no_difference(make_machine):
    machine = make_machine(2048, kernel="5.10.0")
    marks = "min %d\n low %d\n high %d\n" % (16896 + 700, 21120 + 700, 25344 + 700)
    sizes = " spanned 524288\n present 524288\n managed 524288\n"
    machine.write("/proc/zoneinfo", "Node 0, zone Normal\n pages free 9999\n " + marks + sizes)
    done = machine.run(settings={"swappiness": 10})
    assert done["watermarks"]["before"] == {"min": 16896 * 4096, "low": 21120 * 4096, "high": 25344 * 4096}
    assert done["watermarks"]["after"] == done["watermarks"]["computed"] == done["watermarks"]["before"]


THP = "/sys/kernel/mm/transparent_hugepage/"
BY_SIZE = "always inherit [madvise] never\n"
INHERIT, SHMEM = "always [inherit] madvise never\n", "always within_size advise [%s] deny force\n"


@pytest.mark.parametrize(
    ("kernel", "files", "expected"),
    [
        ("6.12.0", {"hugepages-2048kB/enabled": BY_SIZE}, 45056),
        ("6.12.0", {"hugepages-2048kB/enabled": INHERIT, "hugepages-64kB/enabled": BY_SIZE}, 8192),
        ("6.8.0", {"hugepages-2048kB/enabled": INHERIT, "hugepages-64kB/enabled": BY_SIZE}, 45056),
        ("7.2.0", {"hugepages-2048kB/enabled": INHERIT, "hugepages-64kB/enabled": BY_SIZE}, 45056),
        ("6.12.0", {"hugepages-2048kB/shmem_enabled": INHERIT, "shmem_enabled": SHMEM % "advise"}, 8192),
        ("6.13.0", {"hugepages-2048kB/shmem_enabled": INHERIT, "shmem_enabled": SHMEM % "advise"}, 45056),
        ("6.13.0", {"hugepages-2048kB/shmem_enabled": INHERIT, "shmem_enabled": SHMEM % "never"}, 8192),
        ("6.13.0", {"hugepages-2048kB/shmem_enabled": BY_SIZE, "shmem_enabled": SHMEM % "never"}, 45056),
        ("6.13.0", {"hugepages-2048kB/shmem_enabled": BY_SIZE, "shmem_enabled": SHMEM % "deny"}, 8192),
    ],
)
def test_huge_pages_of_one_size_raise_what_the_kernel_would_choose(make_machine, kernel, files, expected):
    """Though they are off by the setting for all sizes."""
    machine = make_machine(4096, thp="never", kernel=kernel)
    for name, text in files.items():
        machine.write(THP + name, text)
    machine.run(settings={"min_free_kbytes": "min_free_auto"}, force=True)
    assert machine.live("min_free_kbytes") == str(expected)
