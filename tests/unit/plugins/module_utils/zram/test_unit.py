# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the boot would do otherwise than the module does.

The whole text of a unit is in cases/_ours.txt, that of an init script in cases/_ours_openrc.txt.
"""

from __future__ import annotations

import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import openrc, systemd
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import Algorithm, Recompression
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Present
from ansible_collections.highwater.memory.plugins.module_utils.zram.unit import boot_job

ZSTD, LZ4 = Algorithm("zstd", ("level=3",)), Algorithm("lz4")
SPEC = Present(
    name="zram2", size=2**30, algorithms=(ZSTD,), requested=(ZSTD,), offered=True, settled=ZSTD, keep=True,
    mem_limit=2**20, priority=7, discard=False, headroom=0, persistent=True, now=True, sizes={},
)  # fmt: skip


def commands(spec):
    return re.findall(r"(?m)^ExecStart=(.*)", systemd.text(boot_job(spec)))


def test_the_order_is_the_kernels():
    assert commands(SPEC)[2:-1] == [
        "/bin/sh -c 'echo 1048576 > /sys/block/zram2/mem_limit'",
        "/bin/sh -c 'echo zstd > /sys/block/zram2/comp_algorithm'",
        "/bin/sh -c 'echo level=3 > /sys/block/zram2/algorithm_params'",
        "/bin/sh -c 'echo 1073741824 > /sys/block/zram2/disksize'",
        "mkswap /dev/zram2",
        "swapon -p 7 /dev/zram2",
    ]


@pytest.mark.parametrize(("settled", "order"), [(None, ["zstd", "lz4"]), (LZ4, ["lz4", "zstd"])])
def test_the_boot_chooses_from_the_whole_request_what_is_settled_first(settled, order):
    """Fails where a kernel without what the last one had leaves the host without swap."""
    spec = SPEC._replace(requested=(ZSTD, LZ4), settled=settled)
    line = next(line for line in commands(spec) if "comp_algorithm" in line)
    assert re.findall(r"echo (\S+) > \S+/comp_algorithm", line) == order
    assert line.count("echo level=3 > ") == 1


def test_devices_made_on_the_way_to_a_higher_number_go_again():
    """That it does so is seen in the integration target, on a real kernel."""
    assert commands(SPEC)[1] == (
        "/bin/sh -c 'until test -e /sys/block/zram2; do cat /sys/class/zram-control/hot_add || exit 1; done"
        ' | sort | grep -vx 2 | xargs -I N sh -c "echo N > /sys/class/zram-control/hot_remove" || true\''
    )


def test_lower_numbers_come_first():
    assert " highwater-zram0.service highwater-zram1.service\n" in systemd.text(boot_job(SPEC))


def test_a_disk_is_waited_for_and_recompression_set_before_the_size():
    spec = SPEC._replace(
        recompress=(Recompression("lzo", 1, ("level=1",)),), writeback_device="/dev/disk/by-id/virtio-a_b"
    )
    assert commands(spec)[3:8] == [
        "/bin/sh -c 'echo /dev/disk/by-id/virtio-a_b > /sys/block/zram2/backing_dev'",
        "/bin/sh -c 'echo zstd > /sys/block/zram2/comp_algorithm'",
        "/bin/sh -c 'echo level=3 > /sys/block/zram2/algorithm_params'",
        "/bin/sh -c 'echo algo=lzo priority=1 > /sys/block/zram2/recomp_algorithm'",
        "/bin/sh -c 'echo priority=1 level=1 > /sys/block/zram2/algorithm_params'",
    ]
    unit = r"dev-disk-by\x2did-virtio\x2da_b.device"
    text = systemd.text(boot_job(spec))
    assert "\nWants=%s\nAfter=%s\n" % (unit, unit) in text
    assert "DeviceAllow=block-* rw\n" in text


def test_a_filesystem_is_there_before_all_that_waits_for_filesystems():
    use = Filesystem("xfs", "/var/cache/x", ("noatime", "discard"), 33, 0, 0o2750)
    job = boot_job(SPEC._replace(filesystem=use))
    text = systemd.text(job)
    for line in (
        "Before=local-fs.target",
        "WantedBy=local-fs.target",
        "RequiresMountsFor=/var/cache",
        "ExecStart=mkfs.xfs -q -f -L highwater /dev/zram2",
        "ExecStart=mount -t xfs -o noatime,discard /dev/zram2 /var/cache/x",
        "ExecStart=chown 33:0 /var/cache/x",
        "ExecStart=chmod 2750 /var/cache/x",
        "RestrictSUIDSGID=no",  # or the mode would be refused
    ):
        assert line in text.splitlines()
    # For a group that root is not in, chmod(2) leaves set-group-ID out without a word.
    assert re.search(r"(?m)^CapabilityBoundingSet=.*\bCAP_FSETID\b", text)
    script = openrc.text(job).splitlines()
    assert "\tmount -t xfs -o noatime,discard /dev/zram2 /var/cache/x || return" in script
    assert script.index("\tumask 022 && mkdir -p /var/cache/x || return") < script.index(
        "\tchown 33:0 /var/cache/x || return"
    )
    ordinary = boot_job(SPEC._replace(filesystem=use._replace(mount_point="/srv", owner=0, mode=0o755)))
    assert "RequiresMountsFor" not in systemd.text(ordinary)
    assert "RestrictSUIDSGID=yes\n" in systemd.text(ordinary)


@pytest.mark.parametrize(
    ("mount_point", "first"),
    [("/var/log", True), ("/var/log/journal", True), ("/var", True), ("/var/log/journal/a", False), ("/var/lo", False)],
)
def test_journald_begins_to_write_to_disk_once_its_folder_is_there(mount_point, first):
    """Fails where systemd may start the flush before the mount below which it would then have the journal open, or
    where other mounts, which the flush has nothing to do with, are waited for.
    """
    text = systemd.text(boot_job(SPEC._replace(filesystem=Filesystem("ext4", mount_point, ("discard",), 0, 0, 0o755))))
    assert ("Before=local-fs.target systemd-journal-flush.service\n" in text) is first
    assert ("Before=local-fs.target\n" in text) is not first


def test_swap_and_init_scripts_know_no_journald():
    """Fails where the flush waits for swap, or where OpenRC's scripts get the name of a unit."""
    assert "\nBefore=swap.target\n" in systemd.text(boot_job(SPEC))
    log = SPEC._replace(filesystem=Filesystem("ext4", "/var/log", ("discard",), 0, 0, 0o755))
    assert "\tbefore bootmisc logger\n" in openrc.text(boot_job(log))
