# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an encrypted area is not known as its file's, where somebody else's device is, or where a device that did
not become swap stays."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import NOTE
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import Open, by_file, mapping_name
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_machine

HERE = [
    ("/swap/file", "highwater-swap-file"),
    ("/swap-file", "highwater-swap_2dfile"),
    ("/a_b c", "highwater-a_5fb_20c"),
]


@pytest.mark.parametrize(("path", "name"), HERE)
def test_name(path, name):
    assert mapping_name(path) == name


def area(path):
    return SwapArea(path, "partition", 4096, 0, -2)


@pytest.fixture
def host(tmp_path):
    """dm-0 over a loop device on /swapfile, by the name that ours would have; dm-1 over a disk."""
    it = Host(str(tmp_path))
    for device, name, uuid, below in (
        ("dm-0", "highwater-swapfile", "CRYPT-PLAIN-x", "loop3"),
        ("dm-1", "luks", "CRYPT-LUKS2-y", "sda2"),
        ("dm-2", "linear", "", "loop3"),
    ):
        it.install("/sys/block/%s/dm/name" % device, name + "\n")
        it.install("/sys/block/%s/dm/uuid" % device, uuid + "\n")
        it.make_folder("/sys/block/%s/slaves/%s" % (device, below))
    it.install("/sys/block/loop3/loop/backing_file", "/swapfile\n")
    return it


def test_areas_on_devices(host):
    areas, mapped, gone = by_file(host, (area("/dev/dm-0"), area("/dev/dm-1"), area("/dev/dm-2"), area("/other")))
    assert [found.path for found in areas] == ["/swapfile", "/dev/dm-1", "/dev/dm-2", "/other"]
    assert mapped == {"/swapfile": "highwater-swapfile"}
    assert gone == ()


def test_a_device_of_ours_without_swap(host):
    host.link("/dev/mapper/highwater-swapfile", "../dm-0")
    host.link("/dev/mapper/luks", "../dm-1")
    assert by_file(host, ()) == ((), {"/swapfile": "highwater-swapfile"}, ())


def test_the_file_is_gone(host):
    host.install("/sys/block/loop3/loop/backing_file", "/swapfile (deleted)\n")
    assert by_file(host, (area("/dev/dm-0"),))[1:] == ({"/swapfile": "highwater-swapfile"}, ("/swapfile",))


@pytest.mark.parametrize("behind", ["/moved", "/moved (deleted)"])
def test_the_file_was_moved(host, behind):
    """Fails where swap through a device of ours is lost sight of: nothing would take it away, or free its name."""
    host.install("/sys/block/loop3/loop/backing_file", behind + "\n")
    areas, mapped, gone = by_file(host, (area("/dev/dm-0"),))
    assert [found.path for found in areas] == ["/swapfile"]
    assert mapped == {"/swapfile": "highwater-swapfile"}
    assert gone == ("/swapfile",)


def test_the_file_of_a_device_that_others_named(host):
    host.install("/sys/block/dm-0/dm/name", "cryptswap1\n")
    host.install("/sys/block/loop3/loop/backing_file", "/moved\n")
    assert by_file(host, (area("/dev/dm-0"),))[1:] == ({"/moved": "cryptswap1"}, ())


@pytest.mark.parametrize(("path", "name"), [*HERE, ("/\udce9", "highwater-_e9")])
def test_the_file_by_the_name(host, path, name):
    host.install("/sys/block/dm-0/dm/name", name + "\n")
    assert by_file(host, (area("/dev/dm-0"),))[1:] == ({path: name}, (path,))


def test_a_swapoff_under_way_is_its_files(host):
    """Fails where guards do not see that an encrypted area is on its way off, since it goes by its device's name."""
    host.install("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\nCommitLimit: 9 kB\nCommitted_AS: 9 kB\n")
    host.install("/proc/swaps", "Filename Type Size Used Priority\n/dev/dm-0 partition 1020 4 -2\n")
    host.install(NOTE, '["/dev/mapper/highwater-swapfile", 4096, "unit", "run"]\n')
    host.install("/proc/7/cmdline", "swapoff\0/dev/mapper/highwater-swapfile\0")
    memory = observe_machine(host).memory
    assert memory.leaving == "/swapfile"
    assert memory.area(memory.leaving)


OPEN, CLOSE = ("cryptsetup", "open"), ("cryptsetup", "close")
MKSWAP = ("mkswap", "/dev/mapper/highwater-swapfile")


@pytest.mark.parametrize("broken", [(MKSWAP,), (MKSWAP, CLOSE)])
def test_a_device_that_cannot_be_formatted_goes(tmp_path, broken):
    """The error is that of formatting, whatever becomes of the device."""
    ran = []

    def run(argv, _timeout):
        ran.append(argv[:2])
        return Completed(int(argv[:2] in broken), "", "no room" if argv[:2] == MKSWAP else "busy")

    with pytest.raises(HighwaterError, match="no room"):
        Open("/swapfile", "highwater-swapfile").perform(Host(str(tmp_path), run))
    assert ran == [OPEN, MKSWAP, CLOSE]


def test_what_an_earlier_run_left_open_goes_first(tmp_path):
    ran = []
    host = Host(str(tmp_path), lambda argv, _timeout: ran.append(argv[:2]) or Completed(0, "", ""))
    host.link("/dev/mapper/highwater-swapfile", "../dm-0")
    Open("/swapfile", "highwater-swapfile").perform(host)
    assert ran[0] == ("cryptsetup", "close")
