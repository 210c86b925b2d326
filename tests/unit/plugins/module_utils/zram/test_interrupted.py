# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is cut off, or that meets an error, at each thing that it does: the next run makes all right.

A mock, because no real kernel can be made to stop at each of them; tests/lab/test_zram_crash.py stops real runs between
the steps.

Fails where the second run does not end in the state that an undisturbed run ends in, where anything temporary stays,
where a page is lost or memory would have run out, or where an error leaves the device otherwise than it was.
"""

from __future__ import annotations

import errno

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import CONTROL

from .zram_kernel import BEFORE, Kernel, run, state


class CutOff(BaseException):
    """The process is gone: nothing is taken back."""


ALL = {"recompress": ["zstd"], "writeback_device": "/dev/vdb", "mem_limit": "800MiB"}
SCENARIOS = {
    # name: (what was asked before, MiB in use beside, what is asked, whether the pages need a temporary device)
    "fresh": (None, 0, BEFORE, False),
    "resized": (BEFORE, 0, dict(BEFORE, size="1GiB"), False),
    "absent": (BEFORE, 0, {"state": "absent"}, False),
    "resized when full": (BEFORE, 1500, dict(BEFORE, size="3GiB"), True),
    "smaller when full": (BEFORE, 1500, dict(BEFORE, size="1900MiB"), True),
    "algorithm when full": (BEFORE, 1500, dict(BEFORE, algorithm=["zstd"]), True),
    "priority when full": (BEFORE, 1500, dict(BEFORE, priority=7), True),
    "not persistent when full": (BEFORE, 1500, dict(BEFORE, discard=False, persistent=False), True),
    "limit": (BEFORE, 0, dict(BEFORE, mem_limit="512MiB"), False),
    "limit lifted": (dict(BEFORE, mem_limit="600MiB"), 0, BEFORE, False),
    "fresh with a disk": (None, 0, dict(BEFORE, writeback_device="/dev/vdb"), False),
    "with a disk": (BEFORE, 0, dict(BEFORE, writeback_device="/dev/vdb"), False),
    "without a disk": (dict(BEFORE, writeback_device="/dev/vdb"), 0, BEFORE, False),
    "recompressed": (BEFORE, 0, dict(BEFORE, recompress=["zstd"]), False),
    "not recompressed": (dict(BEFORE, recompress=["zstd"]), 0, BEFORE, False),
    "with parameters": (BEFORE, 0, dict(BEFORE, algorithm=[{"name": "lz4", "params": {"level": 8}}]), False),
    "with all when full": (BEFORE, 1500, dict(BEFORE, size="3GiB", **ALL), True),
    "without all when full": (dict(BEFORE, size="3GiB", **ALL), 1500, BEFORE, True),
    "absent with all": (dict(BEFORE, size="3GiB", **ALL), 0, {"state": "absent"}, False),
}


def prepared(root, scenario, disturb=lambda number: None):
    before, use, options, _full = SCENARIOS[scenario]
    kernel = Kernel(root)
    if before:
        run(kernel, before)
    kernel.use(use)
    return Kernel.after(kernel, disturb), options


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_undisturbed(tmp_path, scenario):
    kernel, options = prepared(tmp_path, scenario)
    held = sum(kernel.pages.values())
    done = run(kernel, options)
    assert any("temporary" in action for action in done["actions"]) == SCENARIOS[scenario][3]
    assert not any("temporary" in path for path in kernel.listdir("/run"))
    assert list(kernel.priorities) == ([] if options.get("state") else ["/dev/zram0"])
    assert sum(kernel.pages.values()) == held
    assert not run(kernel, options)["changed"]


def each_thing(tmp_path, scenario, disturbance):
    """The kernel after a run that was disturbed at the first thing that it does, at the second, to the last."""
    number = 0
    while True:
        number += 1
        root = tmp_path / str(number)
        root.mkdir()
        kernel, options = prepared(root, scenario)
        before = state(kernel)
        kernel.disturb = disturbance(number)
        try:
            run(kernel, options)
            break
        except (CutOff, HighwaterError, OSError):
            yield kernel, options, before
    assert number > 3, "nothing was disturbed"


def cut_off(number):
    """The run ends at the thing of that number."""

    def disturb(now):
        if now == number:
            raise CutOff

    return disturb


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_cut_off_at_each_thing(tmp_path, scenario):
    whole, options = prepared(tmp_path, scenario)
    run(whole, options)
    for kernel, options, _before in each_thing(tmp_path, scenario, cut_off):
        held = sum(kernel.pages.values())
        again = Kernel.after(kernel)
        run(again, options)
        assert state(again) == state(whole)
        assert sum(again.pages.values()) == held


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_cut_off_at_each_thing_by_a_power_cut(tmp_path, scenario):
    """Fails where what the boot makes of it, or leaves, is in the way of the next run."""
    whole, options = prepared(tmp_path, scenario)
    run(whole, options)
    whole.boots()
    assert run(whole, options)["changed"] == (options.get("persistent") is False)
    for kernel, options, _before in each_thing(tmp_path, scenario, cut_off):
        again = Kernel.after(kernel)
        again.boots()
        run(again, options)
        assert state(again) == state(whole)


@pytest.mark.parametrize("scenario", ["fresh", "fresh with a disk", "absent", "absent with all"])
def test_cut_off_and_not_wanted_any_more(tmp_path, scenario):
    """Fails where name: all does not find what a run has left that was cut off before the record is there, or after."""
    nothing = Kernel(tmp_path)
    for kernel, _options, _before in each_thing(tmp_path, scenario, cut_off):
        again = Kernel.after(kernel)
        run(again, {"name": "all", "state": "absent"})
        assert state(again) == state(nothing)
        assert not again.exists(CONTROL)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_error_at_each_thing(tmp_path, scenario):
    def fail(number):
        def disturb(now):
            if now == number:
                raise OSError(errno.EIO, "Input/output error")

        return disturb

    for kernel, _options, before in each_thing(tmp_path, scenario, fail):
        assert state(kernel) == before


@pytest.mark.parametrize("there", [True, False], ids=["module loaded before us", "not loaded"])
@pytest.mark.parametrize("asked", ["the same", "no disk", "absent", "all absent"])
def test_the_boot_stopped_before_the_size(tmp_path, there, asked):
    """Fails where what is half set up is left so, or refused for the disk that it holds itself."""
    options = dict(BEFORE, writeback_device="/dev/vdb", recompress=["zstd"])
    kernel = Kernel(tmp_path)
    if there:
        kernel.command_modprobe("zram")
    run(kernel, options)
    whole = state(kernel)
    kernel.command_swapoff("/dev/zram0")
    kernel.write_kernel("/sys/block/zram0/reset", "1")
    kernel.write_kernel("/sys/block/zram0/backing_dev", "/dev/vdb")
    kernel.write_kernel("/sys/block/zram0/recomp_algorithm", "algo=lz4 priority=1")
    if asked == "the same":
        run(kernel, options)
        assert state(kernel) == whole
        return
    run(
        kernel,
        {"no disk": BEFORE, "absent": {"state": "absent"}, "all absent": {"name": "all", "state": "absent"}}[asked],
    )
    assert not any(kernel.behind(name) == "/dev/vdb" for name in kernel.devices())
    assert list(kernel.priorities) == (["/dev/zram0"] if asked == "no disk" else [])
    assert kernel.exists(CONTROL) == (there or asked == "no disk")


def test_another_disk_has_that_name_after_a_boot(tmp_path):
    """Fails where the boot has the kernel write over what is on it."""
    kernel, options = prepared(tmp_path, "fresh with a disk")
    run(kernel, options)
    kernel.signatures = {"/dev/vdb": "ext4\n"}
    kernel.boots()
    assert kernel.behind("zram0") == "none"
    with pytest.raises(HighwaterError, match="/dev/vdb has a signature of ext4"):
        run(kernel, options)
    kernel.signatures = {}
    run(kernel, options)
    assert kernel.behind("zram0") == "/dev/vdb"


@pytest.mark.parametrize("disk", ["/dev/vdb", "/dev/disk/by-id/scratch"])
@pytest.mark.parametrize("booted", [True, False], ids=["at boot", "by the module"])
def test_our_own_page_on_the_disk_is_no_reason_against_it(tmp_path, disk, booted):
    """Linux since 6.19 writes to block 0, where the swap header of zram itself may come to be."""
    kernel = Kernel(tmp_path)
    Host.link(kernel, "/dev/disk/by-id/scratch", "../../vdb")
    options = dict(BEFORE, writeback_device=disk)
    run(kernel, options)
    kernel.signatures = {"/dev/vdb": "swap\n", disk: "swap\n"}
    if booted:
        kernel.boots()
    else:
        kernel.command_swapoff("/dev/zram0")
        kernel.write_kernel("/sys/block/zram0/reset", "1")
    assert run(kernel, options)["changed"] is not booted
    assert kernel.behind("zram0") == "/dev/vdb"


def test_a_swap_area_that_is_not_known_to_be_ours_is_refused(tmp_path):
    kernel = Kernel(tmp_path)
    kernel.signatures = {"/dev/vdb": "swap\n"}
    with pytest.raises(HighwaterError, match="/dev/vdb has a signature of swap"):
        run(kernel, dict(BEFORE, writeback_device="/dev/vdb"))
