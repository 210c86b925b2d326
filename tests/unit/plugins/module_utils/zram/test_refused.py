# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what cannot be is planned, or where the message does not name option and value and what would do.

A mock only for wipefs: what it finds on a device is asked of the command itself in tests/integration.
"""

from __future__ import annotations

import os
import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_options import check_mount_point

DEFAULTS = {name: option.get("default") for name, option in ARGUMENTS.items()}
ZRAM0 = "/sys/block/zram0"
FILES = {
    "/proc/meminfo": "MemTotal: 2097152 kB\nMemFree: 524288 kB\nMemAvailable: 1048576 kB\nCommitLimit: 4194304 kB\n"
    "Committed_AS: 524288 kB\n",
    "/proc/stat": "cpu  1\ncpu0 1\n",
    "/proc/swaps": "Filename Type Size Used Priority\n/dev/vdd partition 1048572 0 -2\n",
    "/proc/self/mounts": "/dev/vda1 / ext4 rw 0 0\n",
    "/proc/self/mountinfo": "21 1 254:1 / / rw - ext4 /dev/vda1 rw\n22 21 254:999 / /data rw - ext4 /dev/vdc rw\n",
    "/proc/filesystems": "\text4\n\txfs\n",
    "/proc/sys/kernel/osrelease": "6.12.0-test\n",
    "/sys/class/zram-control/hot_remove": "",
    ZRAM0 + "/comp_algorithm": "lzo [lz4] zstd\n",
    ZRAM0 + "/disksize": "0\n",
    ZRAM0 + "/mm_stat": "0 0 0 0 0 0 0 0 0\n",
    ZRAM0 + "/algorithm_params": "",
    ZRAM0 + "/recomp_algorithm": "",
    ZRAM0 + "/backing_dev": "none\n",
    "/sys/block/zram1/backing_dev": "/dev/vde\n",
    "/sys/block/zram1/comp_algorithm": "lzo [lz4] zstd\n",
    "/usr/sbin/mkfs.ext4": "",
    "/usr/sbin/mkfs.xfs": "",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
    "/etc/fstab": "UUID=1 / ext4 defaults 0 1\ntmpfs /mnt/fast tmpfs size=1G 0 0\n",
    "/run/systemd/system/x": "",
    "/srv/file": "",
    "/dev/disk/data/empty": "",
}
DISKS = {"vdb": 8192, "vdc": 8192, "vdd": 8192, "vde": 8192, "vdf": 8192, "vdg": 8192, "vdh": 0, "zram1": 8192}
SIGNATURES = {"/dev/vdf": "dos\nLVM2_member\n"}


class Machine(Host):
    """A machine whose files belong to root, and whose wipefs finds SIGNATURES."""

    def __init__(self, root):
        super().__init__(str(root), self.wipefs)
        for path, text in FILES.items():
            self.install(path, text)
        for number, (disk, sectors) in enumerate(sorted(DISKS.items())):
            self.install("/dev/" + disk, "")
            self.install("/sys/class/block/%s/size" % disk, "%d\n" % sectors)
            self.install("/sys/class/block/%s/dev" % disk, "254:%d\n" % (16 * number))
        self.install("/sys/class/block/vdg/holders/dm-0", "")
        self.link("/dev/disk/by-id/scratch", "../../vdb")
        self.link("/srv/link", "/etc")
        self.make_folder("/srv/open", 0o777)

    def lstat(self, path):
        found = super().lstat(path)
        return None if found is None else os.stat_result(found[:4] + (0, 0) + found[6:10])

    @staticmethod
    def wipefs(argv, _timeout):
        assert argv[:1] == ("wipefs",)
        assert "--all" not in argv
        return Completed(0, SIGNATURES.get(argv[-1], ""), "")


def planned(host, **options):
    """The words of the plan for a device of 512 MiB without a next boot."""
    params = dict(dict(DEFAULTS, size="512MiB", persistent=False), **options)
    states = resource.observe(host, params)
    spec = resource.resolve(params, states)
    return [step.words() for step in resource.plan(spec, states)]


def ext4(**options):
    return {"fstype": "ext4", "mount_point": "/srv/new", **options}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        # parts of both
        ({"mount_point": "/srv/new"}, "mount_point: swap is not mounted: write fstype"),
        ({"mount_mode": "1777"}, "mount_mode: swap is not mounted"),
        (ext4(priority=7), "priority: 7 is a priority of swap, and fstype is ext4: leave"),
        # the path itself
        (ext4(mount_point=None), "mount_point: a filesystem needs one: write"),
        (ext4(mount_point="srv/new"), "mount_point: srv/new is no absolute path.*: write"),
        (ext4(mount_point="/srv/../etc"), "mount_point: /srv/../etc is no absolute path in its shortest form"),
        (ext4(mount_point="/srv/new/"), "mount_point: /srv/new/ is no absolute path in its shortest form"),
        (ext4(mount_point="/srv/a b"), "mount_point: '/srv/a b' has characters"),
        (ext4(mount_point="/srv/$(reboot)"), "mount_point: .* has characters"),
        (ext4(mount_point="/"), "mount_point: an empty / would break the machine"),
        (ext4(mount_point="/usr"), "mount_point: an empty /usr would break"),
        (ext4(mount_point="/var/lib"), "mount_point: an empty /var/lib would break"),
        (ext4(mount_point="/dev/shm"), "mount_point: an empty /dev/shm would break"),
        # what stands there
        (ext4(mount_point="/srv/link"), "mount_point: /srv/link is a symbolic link to /etc: write"),
        (ext4(mount_point="/srv/link/x"), "mount_point: /srv/link is a symbolic link to /etc, above /srv/link/x"),
        (ext4(mount_point="/srv/file"), "mount_point: /srv/file is no folder: write"),
        (ext4(mount_point="/srv/file/x"), "mount_point: /srv/file is no folder, above"),
        (ext4(mount_point="/srv/open/x"), "mount_point: others can write to /srv/open, above /srv/open/x: write"),
        (ext4(mount_point="/mnt/fast"), "mount_point: /mnt/fast is mounted by /etc/fstab: take"),
        # about the mount
        (ext4(mount_options=["noatime", "remount"]), "mount_options: 'remount' cannot be one here"),
        (ext4(mount_options=["a b"]), "mount_options: 'a b' cannot be one here: write"),
        (ext4(mount_mode=755), "mount_mode: 755 is no mode: write it in octal and in quotes"),
        (ext4(mount_mode="u=rwx"), "mount_mode: 'u=rwx' is no mode"),
        (ext4(mount_mode="999"), "mount_mode: '999' is no mode"),
        (ext4(mount_owner="nobody-here"), "mount_owner: nobody-here is not in /etc/passwd: write"),
        (ext4(mount_group="4294967295"), "mount_group: 4294967295 is not in /etc/group: write"),
        (ext4(mem_limit="100"), "mem_limit: 100 has no unit"),
        ({"size": "0B"}, "size: 0B is not even one byte; write a size above 0"),
        ({"name": "zram1000"}, "name: zram1000 is not the name of a zram device: write zram0"),
        ({"name": "zram01"}, "name: zram01 is not the name"),
        # recompression
        ({"recompress": ["842"]}, "recompress: this kernel has no 842: choose from lzo, lz4, zstd"),
        ({"recompress": ["zstd; reboot"]}, "recompress: 'zstd; reboot' is no algorithm: write"),
        ({"recompress": [{"name": "zstd", "priority": 4}]}, "recompress: the priority of zstd is 4: write 1, 2 or 3"),
        ({"recompress": [{"name": "zstd", "priority": 0}]}, "recompress: the priority of zstd is 0: write"),
        ({"recompress": [{"name": "zstd", "priority": "1"}]}, "recompress: the priority of zstd is '1': write"),
        ({"recompress": [{"name": "zstd", "priority": True}]}, "recompress: the priority of zstd is True: write"),
        (
            {"recompress": ["lzo", {"name": "zstd", "priority": 1}]},
            "recompress: the priority of zstd is 1: .*each once",
        ),
        (
            {"recompress": [{"name": "zstd", "priority": 2}]},
            "recompress: zstd has priority 2, and none has 1: number them from 1 without a gap",
        ),
        (
            {"recompress": ["lzo", {"name": "zstd", "priority": 3}]},
            "recompress: zstd has priority 3, and none has 2: number",
        ),
        ({"recompress": ["lzo", "lz4", "zstd", "zstd"]}, "recompress: the priority of zstd is 4: write"),
        ({"recompress": [{"name": "zstd", "level": 3}]}, "recompress: .*'level'.* is no algorithm: write"),
        # the disk behind it
        ({"writeback_device": "vdb"}, "writeback_device: vdb is no path of a device: write"),
        ({"writeback_device": "/srv/file"}, "writeback_device: /srv/file is no path of a device"),
        ({"writeback_device": "/dev/../srv/file"}, "writeback_device: /dev/../srv/file is no path"),
        ({"writeback_device": "/dev/none"}, "writeback_device: /dev/none does not exist: write"),
        ({"writeback_device": "/dev/disk/data/empty"}, "writeback_device: /dev/disk/data/empty is not a block device"),
        ({"writeback_device": "/dev/vdc"}, "writeback_device: /dev/vdc is mounted at /data: write"),
        ({"writeback_device": "/dev/vdd"}, "writeback_device: /dev/vdd is swapped on"),
        ({"writeback_device": "/dev/vde"}, "writeback_device: /dev/vde is behind zram1 already"),
        ({"writeback_device": "/dev/vdf"}, "/dev/vdf has a signature of dos, LVM2_member, .*wipefs --all /dev/vdf"),
        ({"writeback_device": "/dev/vdg"}, "writeback_device: /dev/vdg is part of dm-0"),
        ({"writeback_device": "/dev/vdh"}, "writeback_device: /dev/vdh has no size"),
        ({"writeback_device": "/dev/zram1"}, "writeback_device: /dev/zram1 is a zram device itself"),
    ],
)
def test_bad_input(tmp_path, options, says):
    with pytest.raises(HighwaterError, match=says):
        planned(Machine(tmp_path), **options)


def test_what_is_good_beside_all_that(tmp_path):
    """So that the refusals above are about what they name."""
    host = Machine(tmp_path)
    assert planned(host, **ext4())[-2] == "mount /dev/zram0 at /srv/new with discard"
    steps = planned(
        host, recompress=["lzo", {"name": "zstd", "priority": 2}], writeback_device="/dev/disk/by-id/scratch"
    )
    assert steps[:2] == [
        "note that zram0 was there before us",
        "set up zram0 with 512 MiB, compressed by zstd, again by lzo, zstd, /dev/disk/by-id/scratch behind it "
        "(it has no size yet)",
    ]


def test_the_disk_that_is_behind_it_already_is_not_looked_at_again(tmp_path):
    """By then it has pages on it, which may look like anything. Its link leads to the name that the kernel shows."""
    host = Machine(tmp_path)
    host.install(ZRAM0 + "/backing_dev", "/dev/vdb\n")
    host._runner = None
    assert "vdb" not in "".join(planned(host, writeback_device="/dev/disk/by-id/scratch")[1:])


@pytest.mark.parametrize(
    ("missing", "options", "reason", "says"),
    [
        ("/usr/sbin/mkfs.ext4", ext4(), "command_missing", "fstype: ext4 needs mkfs.ext4, .*install.*e2fsprogs"),
        ("/proc/filesystems", ext4(), "filesystem", "fstype: this kernel has no ext4"),
        (ZRAM0 + "/recomp_algorithm", {"recompress": ["zstd"]}, "feature", "recompress: .*CONFIG_ZRAM_MULTI_COMP"),
        (ZRAM0 + "/backing_dev", {"writeback_device": "/dev/vdb"}, "feature", "CONFIG_ZRAM_WRITEBACK"),
        (
            ZRAM0 + "/algorithm_params",
            {"recompress": [{"name": "zstd", "params": {"level": 3}}]},
            "feature",
            r"recompress: this kernel takes no parameters for zstd \(level=3\)",
        ),
    ],
)
def test_what_this_host_lacks_is_for_on_unsupported_to_decide(tmp_path, missing, options, reason, says):
    host = Machine(tmp_path)
    host.remove(missing)
    with pytest.raises(Unsupported, match=says) as caught:
        planned(host, **options)
    assert caught.value.reason == reason


def test_an_image_need_not_have_the_kernel_that_runs(tmp_path):
    host = Machine(tmp_path)
    host.remove("/proc/filesystems")
    assert planned(host, **ext4(apply="next_boot"))
    host.install("/lib/modules/6.12.0-test/modules.dep", "kernel/fs/xfs/xfs.ko:\n")
    with pytest.raises(Unsupported, match="this kernel has no ext4"):
        planned(host, **ext4(apply="next_boot"))
    assert planned(host, **ext4(fstype="xfs", apply="next_boot"))


KEPT = """
    /usr/lib /usr/bin /usr/share/x /lib/modules /lib64/x /libx32 /etc/systemd /bin/x /sbin/x /boot/efi /proc/x
    /sys/fs/cgroup /run /root /var /var/lib/highwater/memory/x /var/lib/dpkg /var/lib/rpm/x
"""
FREE = """
    /usr/local /usr/local/cache /run/x /root/x /home /library /etcetera /var/lib/x /var/cache/apt /tmp /srv/usr/lib
"""


@pytest.mark.parametrize("path", KEPT.split())
def test_where_nothing_may_be_hidden(path):
    with pytest.raises(HighwaterError, match="^mount_point: an empty %s would break the machine: write" % path):
        check_mount_point(path)


@pytest.mark.parametrize("path", FREE.split())
def test_what_is_not_the_machines_own(path):
    check_mount_point(path)


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ("CONFIG_ZRAM=m\n# CONFIG_ZRAM_MULTI_COMP is not set\n", True),
        ("\nCONFIG_ZRAM_MULTI_COMP=y\n", False),
        (None, False),
    ],
)
def test_without_a_device_the_kernels_configuration_is_asked(tmp_path, config, refused):
    """Before anything is loaded; where there is none, the action itself finds out, and is taken back."""
    host = Machine(tmp_path)
    for device in ("zram0", "zram1"):
        for file in host.listdir("/sys/block/" + device):
            host.remove("/sys/block/%s/%s" % (device, file))
        os.rmdir(host.path("/sys/block/" + device))
    host.install("/lib/modules/6.12.0-test/modules.dep", "kernel/drivers/block/zram/zram.ko:\n")
    if config:
        host.install("/boot/config-6.12.0-test", config)
    if refused:
        with pytest.raises(Unsupported, match="CONFIG_ZRAM_MULTI_COMP"):
            planned(host, recompress=["zstd"])
    else:
        assert planned(host, recompress=["zstd"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": "ram * 2"}, []),
        ({"size": "ram * 2 + 1MiB"}, [r"^size: 4.00 GiB is more than twice the RAM \(2 GiB\)"]),
        ({"mem_limit": "64MiB"}, ["^mem_limit: .*writes to it fail and do not spill over to /dev/vdd"]),
        ({"fstype": "ext4", "mount_point": "/srv/new", "mem_limit": "64MiB"}, []),
    ],
)
@pytest.mark.parametrize("zswap", ["N", "Y"])
def test_what_is_allowed_and_seldom_meant(tmp_path, options, says, zswap):
    host = Machine(tmp_path)
    host.install("/sys/module/zswap/parameters/enabled", zswap + "\n")
    params = dict(DEFAULTS, persistent=False, **options)
    states = resource.observe(host, params)
    said = resource.warnings(resource.resolve(params, states), states)
    if zswap == "Y" and "fstype" not in options:
        says = [*says, "^zswap is on, .* switch it off by .*enabled: false, or by zswap.enabled=0"]
    assert len(said) == len(says)
    for pattern, sentence in zip(says, said):
        assert re.search(pattern, sentence)


@pytest.mark.parametrize(
    ("asked", "options", "says"),
    [
        ("/dev/vdb", {}, "/dev/vdb may be another disk after a boot: write /dev/disk/by-id/a-scratch"),
        ("/dev/vdi", {}, "/dev/vdi may be .*: write a name that lasts, such as one below /dev/disk/by-id"),
        ("/dev/disk/by-id/scratch", {}, None),
        ("/dev/mapper/spare", {}, None),
        ("/dev/vdata/spare", {}, None),
        ("/dev/vdb", {"persistent": False}, None),
    ],
)
def test_a_disk_whose_name_may_be_anothers_after_a_boot(tmp_path, asked, options, says):
    host = Machine(tmp_path)
    for disk in ("vdi", "dm-7"):
        host.install("/dev/" + disk, "")
        host.install("/sys/class/block/%s/size" % disk, "8192\n")
    host.link("/dev/mapper/spare", "../dm-7")
    host.link("/dev/vdata/spare", "../dm-7")
    host.link("/dev/disk/by-id/a-scratch", "../../vdb")
    params = dict(DEFAULTS, size="512MiB", writeback_device=asked, **options)
    states = resource.observe(host, params)
    said = resource.warnings(resource.resolve(params, states), states)
    assert len(said) == (says is not None)
    assert not said or re.match("writeback_device: " + says, said[0])


def test_an_image_need_not_have_the_disk_of_the_machine(tmp_path):
    """With persistent: true, as an image has it; what is there and wrong is refused all the same."""
    host = Machine(tmp_path)
    params = dict(DEFAULTS, size="512MiB", apply="next_boot", writeback_device="/dev/disk/by-id/not-here")
    states = resource.observe(host, params)
    spec = resource.resolve(params, states)
    assert resource.plan(spec, states)
    (said,) = resource.warnings(spec, states)
    assert re.match("writeback_device: /dev/disk/by-id/not-here does not exist here: .* leaves zram0 alone", said)
    for asked, says in (("/dev/vdc", "is mounted at /data"), ("/dev/disk/data/empty", "is not a block device")):
        wrong = dict(params, writeback_device=asked)
        with pytest.raises(HighwaterError, match=says):
            resource.resolve(wrong, resource.observe(host, wrong))


def test_each_filesystem_has_a_smallest_size(tmp_path):
    params = dict(DEFAULTS, **ext4(fstype="xfs"), size="128MiB", persistent=False)
    states = resource.observe(Machine(tmp_path), params)
    with pytest.raises(HighwaterError, match=r"^size: 128 MiB is less than the 300 MiB that xfs takes"):
        resource.resolve(params, states)


@pytest.mark.parametrize("leaving", ["", "/dev/zram0"])
def test_the_table_is_no_reason_to_stop_what_has_begun(tmp_path, leaving):
    """While the swapoff of a call before it goes on, nothing is left to say; fails where that is taken for a refusal,
    or where nothing is refused before it has begun.
    """
    host = Machine(tmp_path)
    params = dict(DEFAULTS, size="1TiB", persistent=False)
    (state,) = resource.observe(host, params)
    state = state._replace(memory=state.memory._replace(leaving=leaving))
    spec = resource.resolve(params, (state,))
    if leaving:
        assert resource.plan(spec, (state,))
        return
    with pytest.raises(HighwaterError, match="for the device's table alone"):
        resource.plan(spec, (state,))
