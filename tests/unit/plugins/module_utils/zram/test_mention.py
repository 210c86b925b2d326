# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what only mentions a device is taken for what sets it up, and would be switched off; or the reverse."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Run, apply
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import find_owners
from ansible_collections.highwater.memory.plugins.module_utils.zram.take_over import take_over_steps
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import observe_taken

UNITS, WANTS = "/etc/systemd/system", "/etc/systemd/system/multi-user.target.wants"

# Lines of a unit that is enabled by the name of one.service, and whether it sets up zram0.
UNIT_LINES = [
    ("[Unit]\nAfter=highwater-zram0.service\n[Service]\nExecStart=/usr/bin/db\n", False),
    ("[Unit]\nAfter=dev-zram0.swap\nWants=dev-zram0.swap\n[Service]\nExecStart=/usr/bin/db\n", False),
    ("[Unit]\nDescription=What zram0 holds\nConditionPathExists=/dev/zram0\n[Service]\nExecStart=/usr/bin/db\n", False),
    ("[Service]\nExecStart=/usr/bin/cat /sys/block/zram0/mm_stat\n", False),
    ("[Service]\nExecStart=/usr/bin/exporter --file=/sys/block/zram0/mm_stat\n", False),
    ("[Service]\nEnvironment=FILE=/sys/block/zram0/io_stat\nExecStart=/usr/bin/exporter $FILE\n", False),
    ("[Service]\nExecStart=/bin/sh -c 'cat /sys/block/zram0/disksize >> /var/log/zram'\n", False),
    ("[Service]\nExecStart=/bin/sh -c 'while sleep 9; do grep -H . /sys/block/zram0/* 2>/dev/null; done'\n", False),
    ("[Service]\nExecStartPre=-/bin/sh -c 'until grep -q zram0 /proc/swaps; do sleep 1; done'\nExecStart=/a\n", False),
    ("[Service]\nExecStartPre=/bin/systemctl start highwater-zram0.service\nExecStart=/usr/bin/db\n", False),
    ("[Service]\n# ExecStart=swapon /dev/zram0\nExecStart=/usr/bin/db\n", False),
    ("[Service]\nExecStart=/sbin/swapon /dev/zram0\n", True),
    ("[Service]\nExecStart=/usr/local/sbin/setup zram0\n", True),
    ("[Service]\nExecStart=/bin/sh /usr/local/sbin/setup zram0\n", True),
    ("[Service]\nEnvironment=DEVICE=zram0\nExecStart=/usr/local/sbin/setup\n", True),
    ("[Service]\nExecStart=sh -c 'cd /sys/block/zram0 && echo lz4 > comp_algorithm && echo 64M > disksize'\n", True),
    ("[Service]\nExecStart=sh -c 'echo 64M >/sys/block/zram0/disksize'\n", True),
    ("[Service]\nExecStart=sh -c 'echo 64M | tee /sys/block/zram0/disksize'\n", True),
    ("[Service]\nExecStart=sh -c 'cat /root/image > /dev/zram0'\n", True),
    ("[Service]\nExecStart=sh -c 'grep -q zram0 /proc/swaps || /usr/local/sbin/setup'\n", True),
    ("[Service]\nExecStart=sh -c 'if ! grep -q zram0 /proc/swaps; then /usr/local/sbin/setup; fi'\n", True),
    ("[Service]\nExecStart=sh -c 'echo $$(/usr/local/sbin/setup zram0)'\n", True),
    ("[Service]\nExecStart=sh -c 'modprobe zram; \\\n  zramctl -s 1G zram0'\n", True),
    ("[Service]\nExecStart=/usr/bin/db\nExecStop=/sbin/swapoff /dev/zram0\n", True),
    ("[Mount]\nWhat=/dev/zram0\n", True),
    ("[Service]\nEnvironmentFile=-/etc/default/zram0\nExecStart=/usr/local/sbin/zram-setup\n", True),
    ("[Service]\nWorkingDirectory=/sys/block/zram0\nExecStart=sh -c 'echo 1G > disksize'\n", True),
    ("[Service]\nStandardOutput=file:/sys/block/zram0/disksize\nExecStart=/bin/echo 1G\n", True),
]

# Lines of a script that a unit starts, and whether it sets up zram0.
STARTED = [
    ("echo 1G > /sys/block/zram0/disksize\n", True),
    ('echo 1G >"$ZRAM0/disksize" # zram0\nswapon /dev/zram0\n', True),
    ("echo 1G | sudo tee -a /sys/block/zram0/disksize\n", True),
    ("zramctl zram0 --size 1G\n", True),
    ("subprocess.run(['mkswap', '/dev/zram0'])\n", True),
    ("mkfs.ext4 /dev/zram0\n", True),
    ("zramctl --output-all /dev/zram0\n", False),
    ("echo size $(cat /sys/block/zram0/disksize) > /run/metrics 2>&1\n", False),
    ("test -e /dev/zram0 2> /dev/null && cat /sys/block/zram0/disksize\n", False),
    ("mkswap /swapfile\ncat /sys/block/zram0/mm_stat\n", False),
    ("mkswap /dev/zram1\n", False),
]


@pytest.mark.parametrize(("line", "sets_up"), STARTED)
def test_a_script_that_a_unit_starts(host, line, sets_up):
    host.install("/usr/local/bin/one", "#!/bin/sh\n" + line)
    enable(host, "one.service", "[Service]\nExecStart=/usr/local/bin/one\n")
    assert bool(find_owners(host, "zram0")) is sets_up


@pytest.fixture
def host(tmp_path):
    host = Host(str(tmp_path))
    host.make_folder("/run/systemd/system")
    host.make_folder("/var/lib")
    return host


def enable(host, unit, text, file=None):
    host.install("%s/%s" % (UNITS, file or unit), text)
    host.link("%s/%s" % (WANTS, unit), "../" + (file or unit))


@pytest.mark.parametrize(("text", "sets_up"), UNIT_LINES)
def test_a_unit(host, text, sets_up):
    """Fails where a unit counts for what it waits for or reads, or does not count for what it runs."""
    enable(host, "one.service", text)
    assert [owner.name for owner in find_owners(host, "zram0")] == (["one.service"] if sets_up else [])
    assert find_owners(host, "zram1") == ()


@pytest.mark.parametrize(
    ("unit", "file", "text", "sets_up"),
    [
        ("zram0.service", None, "[Service]\nExecStart=/usr/local/sbin/setup\n", True),
        ("zram0-stat.service", None, "[Service]\nExecStart=/usr/bin/cat /sys/block/zram0/mm_stat\n", False),
        ("stat@zram0.service", "stat@.service", "[Service]\nExecStart=/usr/bin/cat /sys/block/%i/mm_stat\n", False),
        ("zram@zram0.service", "zram@.service", "[Service]\nExecStart=/usr/local/sbin/setup %I\n", True),
        ("zram@zram0.service", "zram@.service", "[Service]\nExecStart=/usr/local/sbin/setup\n", True),
        ("dev-zram0.swap", None, "[Swap]\nWhat=/dev/zram0\n", True),
    ],
)
def test_a_unit_of_that_name(host, unit, file, text, sets_up):
    """Fails where a unit that is named for the device is missed, or counts though all it runs only reads."""
    enable(host, unit, text, file)
    assert [owner.name for owner in find_owners(host, "zram0")] == ([unit] if sets_up else [])


@pytest.mark.parametrize(
    ("text", "sets_up"),
    [
        ("depend() {\n\tneed dev-zram0\n\tafter highwater-zram0 zram0\n\tuse zram0\n\tbefore zram0\n}\n", False),
        ("start() {\n\tcat /sys/block/zram0/mm_stat\n}\n", False),
        ("depend() {\n\tafter zram0\n}\nstart() {\n\tswapon /dev/zram0\n}\n", True),
        ("start() {\n\tif ! grep -q zram0 /proc/swaps; then /usr/local/sbin/setup; fi\n}\n", True),
    ],
)
def test_a_script_of_openrc(host, text, sets_up):
    """Fails where a script counts for what it is ordered by, or does not count for what it does."""
    host.install("/etc/init.d/db", text)
    host.link("/etc/runlevels/default/db", "/etc/init.d/db")
    assert [owner.name for owner in find_owners(host, "zram0")] == (["db"] if sets_up else [])


@pytest.mark.parametrize(
    ("line", "sets_up"),
    [
        ("/dev/sdb1 /data ext4 x-systemd.after=highwater-zram0.service 0 0", False),
        ("/dev/sdb1 /data ext4 x-systemd.requires=dev-zram0.swap 0 0", False),
        ("/dev/sdb1 /mnt/zram0 ext4 defaults 0 0", False),
        ("/mnt/zram0 /srv none bind 0 0", False),
        ("# /dev/zram0 none swap sw 0 0", False),
        ("/dev/zram0 none swap sw 0 0", True),
        ("\t/dev/zram0\t/var/log ext4 defaults 0 0", True),
        ('LABEL="zram0" none swap sw 0 0', True),
        ("/dev/disk/by-label/zram0 none swap sw 0 0", True),
    ],
)
def test_a_line_of_fstab(host, line, sets_up):
    """Fails where a line is put into comments that is about another device, or one stays that is about this."""
    text = "/dev/vda / ext4 defaults 0 1\n%s\n" % line
    host.install("/etc/fstab", text)
    owners = find_owners(host, "zram0")
    assert [owner.file for owner in owners] == (["/etc/fstab"] if sets_up else [])
    steps = take_over_steps("zram0", owners, observe_taken(host, "zram0"), systemd=True, now=True)
    apply(tuple(step for step in steps if not isinstance(step.action, Run)), host)
    assert (host.read("/etc/fstab") != text) is sets_up
