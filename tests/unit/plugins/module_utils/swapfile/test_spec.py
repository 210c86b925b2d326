# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where bad input gets through, where an error does not name the option, value and way out, or where a size
that was computed once moves."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import auto_size, resolve_present

GIB = 1 << 30
MIB = 1 << 20


@pytest.mark.parametrize(
    ("ram", "free", "expected"),
    [
        (100 * MIB, 100 * GIB, 256 * MIB),
        (int(1.99 * GIB), 100 * GIB, 2037 * MIB),
        (4 * GIB, 100 * GIB, 4 * GIB),
        (15 * GIB, 100 * GIB, 4 * GIB),
        (16 * GIB, 100 * GIB, 4 * GIB),
        (64 * GIB, 100 * GIB, 8 * GIB),
        (1024 * GIB, 1000 * GIB, 32 * GIB),
        (8 * GIB, 8 * GIB, 2 * GIB),
        (8 * GIB, 100 * MIB, 256 * MIB),
    ],
)
def test_auto_size(ram, free, expected):
    assert auto_size(ram, free) == expected


def test_what_was_computed_stays(world):
    params = world.params(size="disk_free / 10")
    first = resolve_present(params, world.state(disk=5 * GIB))
    state = world.state(disk=4 * GIB, record=dict(world.ENTRY, sizes=first.sizes))
    assert resolve_present(params, state).size == first.size == GIB // 2
    assert resolve_present(world.params(size="disk_free / 8"), state).size == GIB // 2
    assert resolve_present(world.params(size="disk_free / 16"), state).size == GIB // 4


def test_a_literal_is_exact_but_for_whole_pages(world):
    assert resolve_present(world.params(size="2MB"), world.state()).size == 2002944


def test_own_blocks_count_as_free(world):
    state = world.settled_state(disk=GIB // 2)
    assert resolve_present(world.params(size="disk_free"), state).size == GIB


BAD = [
    ({"size": "512"}, "size: 512 ", "512MiB"),
    ({"size": "-1GiB"}, "size: -1GiB ", "above 0"),
    ({"size": "ram / 0"}, "size: ram / 0 ", "not 0"),
    ({"size": "4kB"}, "size: 4kB ", "1MiB"),
    ({"size": "nonsense"}, "size: nonsense ", "disk_free"),
    ({"priority": 40000}, "priority: 40000 ", "32767"),
    ({"priority": -1}, "priority: -1 ", "32767"),
    ({"label": "sixteen bytes ab"}, "label: 'sixteen bytes ab' ", "15"),
    ({"keep_free": "1"}, "keep_free: 1 ", "1MiB"),
    ({"headroom": "ram ram"}, "headroom: ram ram ", "+"),
]


@pytest.mark.parametrize(("options", "begins", "names"), BAD)
def test_bad_options(world, options, begins, names):
    with pytest.raises(HighwaterError) as caught:
        resolve_present(world.params(**options), world.state())
    assert caught.value.message.startswith(begins)
    assert names in caught.value.message


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("swapfile", "from the root"),
        ("", "from the root"),
        ("/", "/swapfile"),
        ("/a/../b", "/b"),
        ("//swapfile", "/swapfile"),
        ("/swap/", "/swap"),
        ("/swap\nfile", "another name"),
    ],
)
def test_bad_paths(world, path, names, tmp_path):
    with pytest.raises(HighwaterError) as caught:
        resource.observe(Host(str(tmp_path)), world.params(path=path))
    assert caught.value.message.startswith("path: ")
    assert names in caught.value.message


STRANGERS = [
    (lambda w: {"found": w.found(kind="link")}, "symbolic link", "not_a_file"),
    (lambda w: {"found": w.found(kind="folder")}, "folder", "not_a_file"),
    (lambda w: {"found": w.found(kind="other")}, "device", "not_a_file"),
    (lambda w: {"found": w.found()}, "somebody's file of 512 MiB", "not_swap"),
    (lambda w: {"found": w.found(), "record": dict(w.ENTRY, inode=13)}, "somebody's file", "not_swap"),
    (lambda w: {"found": w.found(), "hibernated": True}, "hibernated", "hibernation"),
    (lambda w: {"folders": (w.folder(link=True),)}, "/swap", "symlink"),
]


@pytest.mark.parametrize("wanted", ["present", "absent"])
@pytest.mark.parametrize(("changes", "names", "reason"), STRANGERS)
def test_strangers(world, wanted, changes, names, reason):
    with pytest.raises(HighwaterError) as caught:
        resource.resolve(world.params(state=wanted), (world.state(**changes(world)),))
    assert names in caught.value.message
    assert caught.value.reason == reason


def test_zeros_may_become_swap_but_are_not_removed(world):
    state = world.state(found=world.found(), blank=True)
    resource.resolve(world.params(), (state,))
    with pytest.raises(HighwaterError, match="somebody's file"):
        resource.resolve(world.params(state="absent"), (state,))
    ours = state._replace(record=world.ENTRY)
    resource.resolve(world.params(state="absent"), (ours,))


@pytest.mark.parametrize(
    "folder", [{"mode": 0o777}, {"mode": 0o1777}, {"mode": 0o775, "gid": 50}, {"uid": 1000}, {"mode": 0o757}]
)
def test_folders_of_others(world, folder):
    with pytest.raises(HighwaterError) as caught:
        resolve_present(world.params(), world.state(folders=(world.folder(**folder),)))
    assert caught.value.reason == "folder"


@pytest.mark.parametrize("folder", [{"mode": 0o775}, {"mode": 0o700}])
def test_folders_that_are_roots_alone(world, folder):
    assert resolve_present(world.params(), world.state(folders=(world.folder(**folder),))).size


def test_a_sticky_folder_further_up_is_safe(world):
    folders = (world.folder(path="/tmp", mode=0o1777), world.folder(path="/tmp/mine"))
    assert resolve_present(world.params(), world.state(folders=folders)).size


def test_a_tmpfs_is_called_one_although_everybody_can_write_there(world):
    with pytest.raises(HighwaterError) as caught:
        resolve_present(world.params(), world.state(kind="tmpfs", folders=(world.folder(mode=0o1777),)))
    assert caught.value.reason == "filesystem"
