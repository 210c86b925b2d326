# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an action that fails leaves something behind.

swap_on() is replaced, since no kernel that runs a test has to allow it, and none fails between it and what follows;
renameat2() is, where it is to be missing.
"""

from __future__ import annotations

import ctypes
import errno

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, recall
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import calls
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import (
    Place,
    SwapOn,
    turn_off,
    turn_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.folders import RemoveFolders


@pytest.fixture
def ran():
    return []


@pytest.fixture
def host(tmp_path, ran):
    (tmp_path / "file").write_bytes(bytes(1 << 16))
    return Host(str(tmp_path), lambda argv, _timeout: ran.append(argv) or Completed(0, "", ""))


OFF = [("swapoff", "/file")]


def test_an_area_that_is_not_noted_goes_off_again(host, ran, monkeypatch):
    """Fails where it stays on when the disk is too full for the record: no undo knows of a step that failed."""
    monkeypatch.setattr(calls, "swap_on", lambda *_: None)
    host.install = full
    with pytest.raises(OSError, match="No space left"):
        SwapOn("/file").perform(host)
    assert ran == OFF


def test_an_area_that_is_given_back_stays_on(host, ran, monkeypatch):
    """Fails where a full disk takes the area away too that an undo has turned on again."""
    monkeypatch.setattr(calls, "swap_on", lambda *_: None)
    host.install = full
    with pytest.raises(OSError, match="No space left"):
        SwapOn("/file", stays=True).perform(host)
    assert ran == []


def full(*_arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("raised", [HighwaterError("stopped by SIGTERM"), KeyboardInterrupt()])
def test_a_signal_just_after_it_is_on(host, ran, monkeypatch, raised):
    """Fails where that is taken for a swapon that failed."""

    def stopped(*_arguments):
        raise raised

    monkeypatch.setattr(calls, "swap_on", stopped)
    with pytest.raises(type(raised)):
        SwapOn("/file", noted=False).perform(host)
    assert ran == OFF


def test_what_the_kernel_does_not_take_is_not_swapped_off(host, ran, monkeypatch):
    """Fails where a refusal, as of an area that is on already, takes away what somebody else turned on."""

    def busy(*_arguments):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(calls, "swap_on", busy)
    with pytest.raises(HighwaterError, match="swapon /file: Device or resource busy"):
        SwapOn("/file").perform(host)
    assert ran == []


def test_an_area_that_is_on_and_noted_stays_on(host, ran, monkeypatch):
    """Fails where all went well and it goes off nevertheless."""
    monkeypatch.setattr(calls, "swap_on", lambda *_: None)
    SwapOn("/file").perform(host)
    assert ran == []


@pytest.fixture
def device(tmp_path, ran, monkeypatch):
    """A machine on which the encrypted file's area is on; it fails at the commands that are in ``fails``."""

    def run(argv, _timeout):
        ran.append(argv[:2])
        return Completed(int(argv[:2] in it.fails), "", "%s is broken" % " ".join(argv[:2]))

    it = Host(str(tmp_path), run)
    it.fails = []
    it.install("/proc/swaps", "Filename Type Size Used Priority\n/dev/dm-0 partition 1020 4 7\n")
    monkeypatch.setattr(calls, "swap_on", lambda path, priority, _discard: ran.append((path[-2:], priority)))
    return it


OPENED, CLOSED = ("cryptsetup", "open"), ("cryptsetup", "close")


def test_the_first_error_is_the_one_that_is_shown(device):
    """Fails where it is that of taking back what was not done."""
    device.fails = [OPENED, CLOSED]
    with pytest.raises(HighwaterError, match="cryptsetup open is broken"):
        turn_on("/file", 7, device="hw").perform(device)


def test_an_area_whose_device_cannot_be_closed_goes_on_again(device, ran):
    """Fails where it stays off, since no undo knows of a step that failed."""
    device.fails = [CLOSED]
    area = SwapArea("/file", "partition", 1 << 20, 1 << 12, 7)
    with pytest.raises(HighwaterError, match="cryptsetup close is broken"):
        turn_off("/file", "hw", area).perform(device)
    assert ran == [("swapoff", "/dev/mapper/hw"), CLOSED, ("hw", 7)]


@pytest.fixture(params=["renameat2", "without", "not supported"])
def renames(request, monkeypatch):
    """A libc that has renameat2(), one that has not, and a filesystem that does not know its flag."""

    class Libc:
        @staticmethod
        def renameat2(*_arguments):
            ctypes.set_errno(errno.EINVAL)
            return -1

    libc = {"renameat2": ctypes.CDLL(None, use_errno=True), "without": object(), "not supported": Libc}[request.param]
    monkeypatch.setattr(calls.ctypes, "CDLL", lambda *_arguments, **_options: libc)


def place(tmp_path, over):
    (tmp_path / "draft").write_text("new")
    Place("/draft", "/file", noted=False, over=over).perform(Host(str(tmp_path)))


def test_a_file_is_put_where_nothing_stands(tmp_path, renames):
    place(tmp_path, None)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file", "new")]


def test_a_file_takes_the_place_of_the_one_that_was_seen(tmp_path, renames):
    (tmp_path / "file").write_text("old")
    place(tmp_path, (tmp_path / "file").stat().st_ino)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file", "new")]


@pytest.mark.parametrize("seen", [False, True])
def test_what_somebody_has_put_there_meanwhile_stays(tmp_path, renames, seen):
    """Fails where it is written over: a file is made for minutes, and its path is free or another file's that long."""
    (tmp_path / "file").write_text("theirs")
    other = (tmp_path / "file").stat().st_ino + 1
    with pytest.raises(HighwaterError, match=r"^another file stands at /file by now") as caught:
        place(tmp_path, other if seen else None)
    assert (tmp_path / "file").read_text() == "theirs"
    assert caught.value.reason == "not_swap"


def test_what_was_seen_is_gone_by_now(tmp_path, renames):
    """Fails where a file that somebody has removed meanwhile is waited for, or missed."""
    place(tmp_path, 1)
    assert (tmp_path / "file").read_text() == "new"


def test_another_error_of_the_kernels_is_raised(tmp_path):
    """Fails where all that goes wrong is taken for a file in the way."""
    with pytest.raises(FileNotFoundError):
        Place("/nothing", "/file").perform(Host(str(tmp_path)))


def test_folders_that_another_one_of_ours_is_in_go_with_that(tmp_path):
    """Fails where nobody knows any more that we made them once the first of two is gone."""
    host = Host(str(tmp_path))
    for path in ("/a/b/one", "/a/b/two", "/a/bc/three", "/elsewhere"):
        Remember("swapfile", path, {"folders": ["/a", "/a/b"] if path.endswith("one") else []}).perform(host)
    host.install("/a/b/two", "")
    RemoveFolders(("/a", "/a/b")).perform(host)
    assert host.exists("/a/b/two")
    assert recall(host, "swapfile", "/a/b/two") == {"folders": ["/a", "/a/b"]}
    assert recall(host, "swapfile", "/a/bc/three") == {"folders": ["/a"]}
    assert recall(host, "swapfile", "/elsewhere") == {"folders": []}
    host.remove("/a/b/two")
    RemoveFolders(("/a", "/a/b")).perform(host)
    assert not host.exists("/a")
    RemoveFolders(("/a", "/a/b")).perform(host)
