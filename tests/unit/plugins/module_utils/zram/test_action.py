# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an action leaves a device behind, gives up before the last algorithm, or says too little."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import (
    HOT_ADD,
    HOT_REMOVE,
    Add,
    Reset,
    SetUp,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import Algorithm, Recompression
from ansible_collections.highwater.memory.plugins.module_utils.zram.let_go import LetGo

ZSTD, LZ4 = Algorithm("zstd", ("level=3",)), Algorithm("lz4")
FOLDER = "/sys/block/zram0"


class Kernel(Host):
    """A kernel whose hot_add makes the lowest free device, and whose disksize refuses some algorithms."""

    def __init__(self, root, devices=(), refuses=()):
        super().__init__(str(root))
        self.written, self.refuses = [], refuses
        for number in devices:
            self.install("/sys/block/zram%d/comp_algorithm" % number, "[lzo] lz4 zstd\n")

    def read(self, path):
        if path != HOT_ADD:
            return super().read(path)
        free = next(n for n in range(9) if not self.exists("/sys/block/zram%d" % n))
        self.make_folder("/sys/block/zram%d" % free)
        return "%d\n" % free

    def write_kernel(self, path, text):
        if path.endswith("/disksize") and self.written[-1][1] in self.refuses:
            raise OSError(errno.ENOMEM, "Cannot allocate memory", path)
        self.written.append((path, text))
        if path == HOT_REMOVE:
            self.remove_empty_folders("/sys/block/zram" + text, "/sys/block")

    def devices(self):
        return self.listdir("/sys/block")


def test_a_higher_number_leaves_nothing_behind_on_the_way(tmp_path):
    kernel = Kernel(tmp_path, devices=(1,))
    Add(3).perform(kernel)
    assert kernel.devices() == ["zram1", "zram3"]


def test_a_device_that_is_there_is_left_alone(tmp_path):
    kernel = Kernel(tmp_path, devices=(0,))
    Add(0).perform(kernel)
    assert kernel.written == []


def test_parameters_come_before_the_size(tmp_path):
    kernel = Kernel(tmp_path, devices=(0,))
    kernel.install(FOLDER + "/algorithm_params", "")
    SetUp("zram0", (ZSTD,), 4096).perform(kernel)
    assert [(path[len(FOLDER) + 1:], text) for path, text in kernel.written] == [
        ("comp_algorithm", "zstd"), ("algorithm_params", "level=3"), ("disksize", "4096"),
    ]  # fmt: skip


def test_what_the_kernel_lists_but_cannot_load_is_passed_over(tmp_path):
    """As on Linux 5.10 and 6.1, which list what was compiled, module there or not."""
    kernel = Kernel(tmp_path, devices=(0,), refuses=("zstd",))
    SetUp("zram0", (Algorithm("842"), Algorithm("zstd"), LZ4), 4096).perform(kernel)
    assert kernel.written[-2:] == [(FOLDER + "/comp_algorithm", "lz4"), (FOLDER + "/disksize", "4096")]


class Fragmented(Kernel):
    """Refuses the size for a while, and forgets with it what was set before, as Linux does since 6.11."""

    def __init__(self, root, refusals, number=errno.EINVAL):
        super().__init__(root, devices=(0,))
        self.refusals, self.errno, self.compacted = refusals, number, 0
        self.install("/proc/sys/vm/compact_memory", "")
        self.install(FOLDER + "/algorithm_params", "")
        self.install(FOLDER + "/backing_dev", "none\n")

    def write_kernel(self, path, text):
        if path.endswith("/compact_memory"):
            self.compacted += 1
            raise OSError(errno.EINVAL, "Invalid argument", path)  # which must not matter
        asked = dict(self.written).get(FOLDER + "/comp_algorithm")
        if path.endswith("/disksize") and asked == "zstd" and self.refusals:
            self.refusals, self.written = self.refusals - 1, []
            raise OSError(self.errno, os.strerror(self.errno), path)
        super().write_kernel(path, text)

    def made_from(self):
        return [(path[len(FOLDER) + 1 :], text) for path, text in self.written]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOMEM])
def test_what_memory_is_too_fragmented_for_is_tried_again(tmp_path, number):
    """Fails where full memory settles the choice of an algorithm, or where only the size is written again."""
    kernel = Fragmented(tmp_path, 2, number)
    SetUp("zram0", (ZSTD, LZ4), 4096).perform(kernel)
    assert kernel.made_from() == [("comp_algorithm", "zstd"), ("algorithm_params", "level=3"), ("disksize", "4096")]
    assert kernel.compacted == 2


def test_what_stays_refused_is_passed_over(tmp_path):
    kernel = Fragmented(tmp_path, 99)
    SetUp("zram0", (ZSTD, LZ4), 4096).perform(kernel)
    assert kernel.made_from()[-2:] == [("comp_algorithm", "lz4"), ("disksize", "4096")]
    assert kernel.compacted == 3


def test_what_is_not_there_is_not_tried_again(tmp_path):
    kernel = Fragmented(tmp_path, 1, errno.ENOENT)
    with pytest.raises(HighwaterError, match=r"\(zstd level=3: No such file or .*disksize\)\): choose another"):
        SetUp("zram0", (ZSTD,), 4096).perform(kernel)
    assert kernel.compacted == 0


def test_the_error_says_that_memory_may_be_what_lacks(tmp_path):
    with pytest.raises(HighwaterError, match=r"Invalid argument \(.*\)\): free memory, which .* or choose another"):
        SetUp("zram0", (ZSTD,), 4096).perform(Fragmented(tmp_path, 99))


def test_a_disk_is_let_go_of_where_the_size_is_only_had_in_a_moment(tmp_path):
    kernel = Fragmented(tmp_path, 5)  # four attempts for the size asked for, and one for that to let go by
    kernel.install(FOLDER + "/comp_algorithm", "lzo lz4 [zstd]\n")
    with pytest.raises(HighwaterError, match="free memory"):
        SetUp("zram0", (ZSTD,), 4096, (), "/dev/vdb").perform(kernel)
    assert kernel.made_from()[-2:] == [("disksize", "1M"), ("reset", "1")]


@pytest.mark.parametrize(
    ("algorithms", "refuses", "message"),
    [
        ((Algorithm("842"),), (), "this kernel has none of 842: choose from lzo, lz4, zstd"),
        ((LZ4,), ("lz4",), r"lz4: Cannot allocate memory \(/sys/block/zram0/disksize\)"),
        ((ZSTD,), (), "this kernel takes no parameters for zstd"),
    ],
)
def test_the_error_says_what_the_kernel_has(tmp_path, algorithms, refuses, message):
    with pytest.raises(HighwaterError, match=message):
        SetUp("zram0", algorithms, 4096).perform(Kernel(tmp_path, devices=(0,), refuses=refuses))


def test_all_that_the_size_seals_comes_before_it(tmp_path):
    """The order of linux/drivers/block/zram: the compressors are built by disksize, from what was set until then."""
    kernel = Kernel(tmp_path, devices=(0,))
    for file in ("algorithm_params", "recomp_algorithm", "backing_dev"):
        kernel.install("%s/%s" % (FOLDER, file), "")
    again = (Recompression("lz4", 1), Recompression("zstd", 2, ("level=9", "dict=/d")))
    action = SetUp("zram0", (ZSTD,), 4096, again, "/dev/disk/by-id/x")
    action.perform(kernel)
    written = [(path[len(FOLDER) + 1 :], text) for path, text in kernel.written]
    assert written == [
        ("backing_dev", "/dev/disk/by-id/x"),
        ("comp_algorithm", "zstd"),
        ("algorithm_params", "level=3"),
        ("recomp_algorithm", "algo=lz4 priority=1"),
        ("recomp_algorithm", "algo=zstd priority=2"),
        ("algorithm_params", "priority=2 level=9 dict=/d"),
        ("disksize", "4096"),
    ]
    echoes = ["echo %s > %s/%s" % (text, FOLDER, file) for file, text in written]
    assert list(action.boot_commands()) == echoes
    look = action._replace(writeback_device="/dev/vdb").boot_commands()[0]
    command = "wipefs --noheadings --types noswap /dev/vdb"
    assert look == "%s > /dev/null && ! %s | grep ." % (command, command)


@pytest.mark.parametrize(
    ("wipefs", "passes"),
    [("exit 0", True), ("echo 0x438 ext4", False), ("exit 1", False), (None, False)],
    ids=["nothing on it", "a filesystem on it", "the disk is not there", "no such command"],
)
@pytest.mark.parametrize("shell", ["/bin/sh -c '%s'", "f() { %s || return; }; f"], ids=["systemd", "OpenRC"])
def test_the_boot_takes_no_disk_that_may_have_something_on_it(tmp_path, wipefs, passes, shell):
    """Fails where the shell goes on to what follows; by the shell and grep of this computer, and a wipefs of ours."""
    (tmp_path / "grep").symlink_to(shutil.which("grep"))
    if wipefs:
        (tmp_path / "wipefs").write_text("#!/bin/sh\n%s\n" % wipefs)
        (tmp_path / "wipefs").chmod(0o755)
    look = SetUp("zram0", (LZ4,), 4096, (), "/dev/vdb").boot_commands()[0]
    done = subprocess.run(
        ["/bin/sh", "-c", shell % look], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) is passes
    assert done.stdout == ("0x438 ext4\n" if wipefs and "ext4" in wipefs else ""), "the log says what was found"


def test_what_could_not_be_set_up_lets_go_of_the_disk(tmp_path):
    """Only a reset of a device that has a size closes it, so it gets one by what it had chosen."""
    kernel = Kernel(tmp_path, devices=(0,), refuses=("lz4",))
    kernel.install(FOLDER + "/backing_dev", "")
    with pytest.raises(HighwaterError, match="lz4: Cannot allocate memory"):
        SetUp("zram0", (LZ4,), 4096, (), "/dev/vdb").perform(kernel)
    assert [(path[len(FOLDER) + 1 :], text) for path, text in kernel.written[-3:]] == [
        ("comp_algorithm", "lzo"), ("disksize", "1M"), ("reset", "1"),
    ]  # fmt: skip


def test_a_disk_is_let_go_of_by_what_the_kernel_can_build(tmp_path):
    """What was chosen may be what the boot failed of."""
    kernel = Kernel(tmp_path, devices=(0,), refuses=("zstd",))
    LetGo("zram0", ("zstd", "lz4")).perform(kernel)
    assert [text for _path, text in kernel.written[-3:]] == ["lz4", "1M", "1"]
    with pytest.raises(OSError, match="Cannot allocate memory"):
        LetGo("zram0", ("zstd",)).perform(kernel)


def test_who_has_a_device_open_that_cannot_be_reset_is_named(tmp_path):
    class Busy(Kernel):
        def write_kernel(self, path, text):
            raise OSError(errno.EBUSY, "Device or resource busy", path)

    kernel = Busy(tmp_path, devices=(0,))
    with pytest.raises(OSError, match="busy"):  # udev, which has let go of it by now
        Reset("zram0", patience=0.0).perform(kernel)
    kernel.install("/proc/7/comm", "smartd\n")
    kernel.link("/proc/7/fd/3", "/dev/zram0")
    kernel.link("/proc/8/fd/3", "/dev/zram01")
    with pytest.raises(HighwaterError, match=r"^/dev/zram0 is held open by smartd \(process 7\): end that") as caught:
        Reset("zram0", patience=0.0).perform(kernel)
    assert caught.value.reason == "in_use"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (((Recompression("zstd", 1),),), "CONFIG_ZRAM_MULTI_COMP"),
        (((Recompression("842", 1),),), "recompress: this kernel has no 842: choose from lzo, lz4, zstd"),
        (((), "/dev/vdb"), "CONFIG_ZRAM_WRITEBACK"),
    ],
)
def test_what_only_shows_when_the_device_is_there(tmp_path, more, message):
    kernel = Kernel(tmp_path, devices=(0,))
    with pytest.raises(HighwaterError, match=message):
        SetUp("zram0", (LZ4,), 4096, *more).perform(kernel)
    assert kernel.written == []


def test_the_boot_tries_in_the_same_order_where_nothing_is_settled():
    assert SetUp("zram0", (LZ4, Algorithm("lzo")), 4096).boot_commands() == (
        "{ echo lz4 > /sys/block/zram0/comp_algorithm && echo 4096 > /sys/block/zram0/disksize; } || "
        "{ echo lzo > /sys/block/zram0/comp_algorithm && echo 4096 > /sys/block/zram0/disksize; }",
    )
