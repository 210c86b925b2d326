# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a mount is taken from somebody who uses it, or where it is not said who that is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Run
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import parse_mountinfo
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import Reset
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import (
    RemoveFolder,
    throw_away_steps,
    unmount_steps,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import MountPoint, observe_mount_point
from ansible_collections.highwater.memory.plugins.module_utils.zram.unmount import Unmount

HERE = "36 21 253:0 / /srv/a rw - ext4 /dev/zram0 rw\n"
PRIVATE = HERE + "40 36 253:0 /private/tmp /tmp rw - ext4 /dev/zram0 rw\n"


class Machine(Host):
    """Processes 10 and 20 in a namespace of their own, and an umount that is refused as long as something is busy."""

    def __init__(self, root, busy):
        super().__init__(str(root), self.umount)
        self.busy, self.calls = busy, []
        self.install("/proc/self/mountinfo", HERE)
        self.link("/proc/self/ns/mnt", "mnt:[1]")
        for pid, namespace in (("10", "mnt:[2]"), ("20", "mnt:[2]"), ("30", "mnt:[1]")):
            self.install("/proc/%s/mountinfo" % pid, HERE)
            self.install("/proc/%s/comm" % pid, "daemon\n")
            self.link("/proc/%s/ns/mnt" % pid, namespace)
            self.link("/proc/%s/cwd" % pid, "/")

    def umount(self, argv, _timeout):
        self.calls.append(" ".join(argv))
        return Completed(32 if self.busy else 0, "", "umount: /srv/a: target is busy.\n" if self.busy else "")


def test_nobody_holds_it(tmp_path):
    """A copy of the same mount in another namespace goes with it."""
    machine = Machine(tmp_path, busy=False)
    Unmount("/srv/a").perform(machine)
    assert machine.calls == ["umount /srv/a"]


@pytest.mark.parametrize("path", ["/srv/a", "/srv/chroot/x"])
def test_a_bind_that_other_namespaces_have_as_we_do_holds_nothing(tmp_path, path):
    """As every service with PrivateTmp= has what is mounted outside of it."""
    machine = Machine(tmp_path, busy=False)
    bound = HERE + "40 21 253:0 /x /srv/chroot/x rw - ext4 /dev/zram0 rw\n"
    for process in ("self", "10", "20"):
        machine.install("/proc/%s/mountinfo" % process, bound)
    Unmount(path).perform(machine)
    assert machine.calls == ["umount " + path]


def test_a_part_of_it_in_another_namespace_is_named_before_anything_is_done(tmp_path):
    machine = Machine(tmp_path, busy=False)
    for pid in ("10", "20"):
        machine.install("/proc/%s/mountinfo" % pid, PRIVATE)
    with pytest.raises(
        HighwaterError, match=r"^/srv/a is held by daemon \(process 10\): end that.*next_boot"
    ) as caught:
        Unmount("/srv/a").perform(machine)
    assert caught.value.reason == "in_use"
    assert machine.calls == []


@pytest.mark.parametrize(
    ("link", "target", "held"),
    [
        ("cwd", "/srv/a", True),
        ("fd/3", "/srv/a/x (deleted)", True),
        ("exe", "/srv/a/bin/x", True),
        ("fd/3", "/srv/ab/x", False),
        ("root", "/srv", False),
    ],
)
def test_processes_that_hold_it_are_named(tmp_path, link, target, held):
    machine = Machine(tmp_path, busy=True)
    machine.link("/proc/30/%s" % link, target)
    expected = (
        r"held by daemon \(process 30\): "
        if held
        else r"held by something that is not to be seen \(umount: /srv/a: target is busy"
    )
    with pytest.raises(HighwaterError, match=expected):
        Unmount("/srv/a", patience=0.0).perform(machine)


def test_a_mount_below_it_is_named(tmp_path):
    machine = Machine(tmp_path, busy=True)
    machine.install("/proc/self/mountinfo", HERE + "50 36 0:9 / /srv/a/b rw - tmpfs tmpfs rw\n")
    with pytest.raises(HighwaterError, match="held by the mount at /srv/a/b"):
        Unmount("/srv/a", patience=0.0).perform(machine)


@pytest.mark.parametrize(("uppermost", "left"), [("/srv/a", ["srv"]), ("/srv", []), ("/srv/a/b", ["srv"])])
def test_only_folders_that_we_made_go(tmp_path, uppermost, left):
    host = Host(str(tmp_path))
    host.make_folder("/srv/a/b")
    RemoveFolder("/srv/a/b", uppermost).perform(host)
    assert host.listdir("/") == left
    assert host.exists("/srv/a") is (uppermost == "/srv/a/b")


def test_a_folder_that_somebody_has_put_something_into_stays(tmp_path):
    host = Host(str(tmp_path))
    host.install("/srv/a/file", "")
    RemoveFolder("/srv/a", "/srv").perform(host)
    assert host.exists("/srv/a/file")


@pytest.mark.parametrize(
    ("file", "claimed", "vendor"),
    [
        ("/etc/systemd/system/srv-a\\x2db.mount", "/etc/systemd/system/srv-a\\x2db.mount", None),
        ("/usr/lib/systemd/system/srv-a\\x2db.mount", None, "/usr/lib/systemd/system/srv-a\\x2db.mount"),
        ("/etc/systemd/system/srv-a-b.mount", None, None),
    ],
)
def test_whose_mount_unit_it_is(tmp_path, file, claimed, vendor):
    host = Host(str(tmp_path))
    host.install(file, "")
    found = observe_mount_point(host, "/srv/a-b", ())
    assert (found.claimed, found.vendor, found.masked) == (claimed, vendor, False)


def test_a_mask_is_nobodys_claim(tmp_path):
    host = Host(str(tmp_path))
    host.link("/etc/systemd/system/tmp.mount", "/dev/null")
    found = observe_mount_point(host, "/tmp", ())
    assert (found.claimed, found.masked) == (None, True)


@pytest.mark.parametrize(
    ("seen_at", "record", "again"),
    [
        ("/srv/a", {}, ["chown 33:34 /srv/a", "chmod 1777 /srv/a"]),
        ("/srv/a", {"mount_point": "/srv/a", "owner": 1, "group": 1, "mode": 0o700, "options": ["noatime"]},
         ["chown 33:34 /srv/a", "chmod 1777 /srv/a"]),
        ("/srv/b", {"mount_point": "/srv/a", "owner": 1, "group": 2, "mode": 0o2750, "options": ["noatime"]},
         ["chown 1:2 /srv/a", "chmod 2750 /srv/a"]),
        ("/srv/b", {"mount_point": "/srv/c", "owner": 1, "group": 2, "mode": 0o2750, "options": ["noatime"]}, []),
    ],
)  # fmt: skip
def test_a_filesystem_that_is_made_again_on_the_way_back_is_whose_it_was(seen_at, record, again):
    """Fails where a /tmp comes back as root's own 0755, or with what belongs to another folder."""
    mounts = parse_mountinfo(HERE)
    seen = mounts[0] if seen_at == "/srv/a" else None
    place = MountPoint(seen_at, True, "", (), 0o1777, 33, 34, "", "", seen, None, None, None, False)
    state = SimpleNamespace(name="zram0", mount_point=place, record={"filesystem": record} if record else {})
    back = (Run(("mkfs.ext4", "/dev/zram0")),)
    (step,) = throw_away_steps(state, SimpleNamespace(mounts=mounts), Reset("zram0"), "why", back)
    options = "noatime" if record else "defaults"
    words = [" ".join(action.argv) for action in step.undo]
    assert words == ["mkfs.ext4 /dev/zram0", "mount -t ext4 -o %s /dev/zram0 /srv/a" % options, *again]
    assert [" ".join(action.argv) for action in step.action.again] == words[1:2], "there it is still the same one"


def test_a_bound_part_comes_back_as_that_part():
    """Fails where the way back mounts the whole where a part was, or binds one out of a filesystem that is new."""
    mounts = parse_mountinfo(HERE + "40 21 253:0 /x /srv/chroot/x rw - ext4 /dev/zram0 rw\n")
    state = SimpleNamespace(name="zram0", mount_point=None, record={})
    whole, part = "mount -t ext4 -o defaults /dev/zram0 /srv/a", "mount --bind /srv/a/x /srv/chroot/x"
    device = SimpleNamespace(mounts=mounts)
    (step,) = throw_away_steps(state, device, Reset("zram0"), "why", ())
    assert [" ".join(action.argv) for action in step.action.again] == [whole, part]
    assert [" ".join(action.argv) for action in step.undo] == [whole]
    steps = unmount_steps(state, mounts, "why")
    assert [" ".join(action.argv) for step in steps for action in step.undo] == [part, whole]


@pytest.mark.parametrize(
    ("line", "below"),
    [
        ("UUID=1 /srv/a/b ext4 defaults 0 0", ("/srv/a/b", 2)),
        ("/srv/x /srv/a//b/ none bind 0 0", ("/srv/a/b", 2)),
        ("UUID=1 /srv/a/ ext4 defaults 0 0", None),
        ("UUID=1 /srv/ab ext4 defaults 0 0", None),
        ("# UUID=1 /srv/a/b ext4 defaults 0 0", None),
        ("UUID=1 none swap sw 0 0", None),
        ("UUID=1 /srv/a/b ext4 noauto,user 0 0", None),
        ("UUID=1 /srv/a/b ext4 noauto,x-systemd.automount 0 0", ("/srv/a/b", 2)),
    ],
)
def test_what_fstab_mounts_below_it(tmp_path, line, below):
    """Fails where such a line is not found, or where one of another folder is taken for it."""
    host = Host(str(tmp_path))
    host.install("/etc/fstab", "# fstab\n%s\n" % line)
    assert observe_mount_point(host, "/srv/a", ()).below == below
