# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a file is not brought to its length, where what it has is written again, or where a filesystem that does
not take O_DIRECT, or wants another alignment, is given up on.

That some do not is played here: a kernel cannot be made to refuse it on every filesystem that tests run on.
"""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter, Slice, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import zeros

SIZE = 3 * zeros.PIECE + 4096
PWRITE, OPEN = os.pwrite, os.open


def write(path, size=SIZE, slice_=Slice()):  # noqa: B008
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        zeros.write_zeros(fd, path, size, Meter(slice_, "writing", os.fstat(fd).st_size, size))
    finally:
        os.close(fd)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "file")


def assert_complete(path, beginning=b""):
    with open(path, "rb") as file:
        data = file.read()
    assert data == beginning + bytes(SIZE - len(beginning))
    assert os.stat(path).st_blocks * 512 >= SIZE - len(beginning)


def test_writes(path):
    write(path)
    assert_complete(path)


def test_goes_on_behind_what_is_there(path):
    begun = b"x" * 8192
    with open(path, "wb") as file:
        file.write(begun)
    write(path)
    assert_complete(path, begun)


def no_direct_open(path, flags, *mode):
    if flags & os.O_DIRECT:
        raise OSError(errno.EINVAL, "Invalid argument")
    return OPEN(path, flags, *mode)


def test_without_o_direct(path, monkeypatch):
    monkeypatch.setattr(os, "open", no_direct_open)
    write(path)
    assert_complete(path)


def test_another_alignment(path, monkeypatch):
    tried = []

    def once(fd, data, at):
        if at not in tried:
            tried.append(at)
            raise OSError(errno.EINVAL, "Invalid argument")
        return PWRITE(fd, data, at)

    monkeypatch.setattr(os, "pwrite", once)
    write(path)
    assert len(tried) == 4
    assert_complete(path)


def test_short_writes(path, monkeypatch):
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: PWRITE(fd, data[: 1 << 20], at))
    write(path)
    assert_complete(path)


def test_a_full_disk_is_an_error(path, monkeypatch):
    def full(_fd, _data, at):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        write(path)


def test_stops_and_goes_on(path, monkeypatch):
    monkeypatch.setattr("ansible_collections.highwater.memory.plugins.module_utils.core.progress.WORTH_A_CALL", 0.0)
    lengths = []
    for _turn in range(3):
        with pytest.raises(Unfinished) as caught:
            write(path, slice_=Slice("run", 0.0))
        lengths.append(caught.value.progress.done)
        assert os.stat(path).st_size == lengths[-1]
    assert lengths == [zeros.PIECE, 2 * zeros.PIECE, 3 * zeros.PIECE]
    write(path, slice_=Slice("run", 0.0))
    assert_complete(path)
