# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a filesystem that cannot hold swap is not refused."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import btrfs, resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import (
    ABILITIES,
    REFUSED,
    Filesystem,
    ability,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file


@pytest.mark.parametrize("kind", [*REFUSED, "fuse.sshfs", "9p"])
def test_others_are_refused(kind):
    with pytest.raises(Unsupported) as caught:
        ability(Filesystem(kind, "/mnt", 1, 1), "/mnt/swapfile")
    assert caught.value.reason == "filesystem"
    assert caught.value.facts == {"filesystem": kind}
    for word in ("/mnt/swapfile", kind, "ext4"):
        assert word in caught.value.message


def test_several_devices_are_refused():
    with pytest.raises(Unsupported, match="btrfs of 2 devices"):
        ability(Filesystem("btrfs", "/mnt", 1, 1, devices=2), "/mnt/swapfile")
    assert ability(Filesystem("btrfs", "/mnt", 1, 1), "/mnt/swapfile").nocow


def test_data_that_is_kept_twice_is_refused():
    with pytest.raises(Unsupported, match="another profile than single") as caught:
        ability(Filesystem("btrfs", "/mnt", 1, 1, copies=True), "/mnt/swapfile")
    assert caught.value.reason == "filesystem"


def test_no_filesystem_is_both_taken_and_refused():
    assert not set(ABILITIES) & set(REFUSED)


@pytest.mark.parametrize(
    ("kind", "blocks", "free", "available", "blocks_for_root"),
    [
        ("ext4", 1000000, 60000, 0, 60000 - 4096),
        ("ext4", 1000000, 4000, 0, 0),
        ("ext4", 1000000, 100000, 100000 - 50000 - 4096, 50000),
        ("ext4", 10000, 300, 0, 100),
        ("ext3", 1000000, 60000, 10000, 50000),
        ("xfs", 1000000, 9, 9, 0),
        ("btrfs", 1000000, 60000, 0, 0),
    ],
)
def test_what_only_root_can_write(tmp_path, monkeypatch, world, kind, blocks, free, available, blocks_for_root):
    """ext4 keeps blocks from root too; btrfs has none for root, but no room for its metadata."""
    host = Host(str(tmp_path))
    host.install("/proc/self/mountinfo", "36 35 98:0 / / rw - %s /dev/sda1 rw\n" % kind)
    room = SimpleNamespace(f_blocks=blocks, f_bfree=free, f_bavail=available, f_frsize=4096, f_flag=0)
    monkeypatch.setattr(os, "statvfs", lambda path: room)
    monkeypatch.setattr(btrfs, "count_devices", lambda path: 1)
    monkeypatch.setattr(btrfs, "keeps_copies", lambda path: False)
    found = observe_file(host, world.machine(), "/swapfile").filesystem
    assert (found.free, found.reserved) == (available * 4096, blocks_for_root * 4096)


@pytest.mark.parametrize(
    ("path", "others", "is_subvolume", "shared"),
    [
        ("/swap/file", [], True, False),
        ("/swap/new/file", [], True, False),
        ("/swap/file", ["file", ".file.highwater.new", "second"], True, False),
        ("/swap/file", ["file", "data"], True, True),  # / and /home are subvolumes too
        ("/swap/file", [], False, True),
    ],
)
def test_whose_snapshots_a_swapfile_stops(tmp_path, monkeypatch, world, path, others, is_subvolume, shared):
    """btrfs takes none of a subvolume with a swapfile that is on: one of its own harms nobody."""
    host = Host(str(tmp_path))
    host.install("/proc/self/mountinfo", "36 35 98:0 / / rw - btrfs /dev/sda1 rw\n")
    host.make_folder("/swap")
    for name in others:
        host.install("/swap/" + name, "")
    monkeypatch.setattr(btrfs, "SUBVOLUME", host.lstat("/swap").st_ino if is_subvolume else 0)
    second = world.area("/swap/second")
    assert observe_file(host, world.machine([second]), path).filesystem.shared is shared


def test_a_swapfile_that_stops_snapshots_is_warned_of_when_it_is_made(world):
    """Fails where nothing says so, or each run does."""
    btrfs_of = Filesystem("btrfs", "/", 10 * world.GIB, 5 * world.GIB, shared=True)

    def warned(state, **options):
        specs = resource.resolve(world.params(**options), (state,))
        return resource.warnings(specs, (world.settled_state(filesystem=btrfs_of),))

    (said,) = warned(world.state(filesystem=btrfs_of))
    assert said.startswith("path: /swap/file is on btrfs: no snapshot of its subvolume can be taken while it is on")
    assert warned(world.state(filesystem=btrfs_of._replace(shared=False))) == []
    assert warned(world.state(filesystem=btrfs_of), encrypted=True) == [], "it is on through a loop device"
    assert warned(world.settled_state(filesystem=btrfs_of)) == []
