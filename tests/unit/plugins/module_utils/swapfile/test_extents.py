# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a file that swapon refuses is taken, one that it takes is made anew, or data is taken for zeros."""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import extents
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.extents import Extent, find_flaw, is_blank

UNWRITTEN = 0x800


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([Extent(0, 8192, extents.LAST)], None),
        ([Extent(0, 4096, UNWRITTEN), Extent(4096, 4096, UNWRITTEN | extents.LAST)], None),
        ([Extent(0, 16384, 0)], None),
        ([], "it has a hole at byte 0"),
        ([Extent(0, 4096, 0)], "it has a hole at byte 4096"),
        ([Extent(4096, 4096, 0)], "it has a hole at byte 0"),
        ([Extent(0, 2048, 0), Extent(4096, 4096, 0)], "it has a hole at byte 2048"),
        ([Extent(0, 8192, extents.SHARED)], "it shares blocks with another file"),
        ([Extent(0, 8192, extents.ENCODED)], "it is compressed or encrypted by its filesystem"),
        ([Extent(0, 8192, extents.INLINE)], "it has parts without blocks of their own"),
        ([Extent(0, 8192, extents.DELALLOC)], "it has parts without blocks of their own"),
    ],
)
def test_find_flaw(found, expected):
    assert find_flaw(8192, found) == expected


@pytest.mark.parametrize(
    ("content", "size", "expected"),
    [
        (b"", 0, True),
        (b"", 5 << 20, True),
        (b"\0" * 100, 100, True),
        (b"\0" * 100 + b"x", 101, False),
        (b"x", 5 << 20, False),
    ],
)
def test_is_blank(tmp_path, content, size, expected):
    path = tmp_path / "file"
    path.write_bytes(content)
    os.truncate(path, size)
    with open(path, "rb") as file:
        assert is_blank(file.fileno()) is expected


@pytest.mark.parametrize("content", [b"\0" * (5 << 20), b"\0" * (3 << 20) + b"x"])
def test_what_was_looked_at_leaves_the_page_cache(tmp_path, monkeypatch, content):
    """Fails where a look at a large file pushes out what others read. What is asked of the kernel is noted and then
    asked, since a filesystem in memory keeps its pages.
    """
    asked, advise = [], os.posix_fadvise
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *given: asked.append(given) or advise(fd, *given))
    path = tmp_path / "file"
    path.write_bytes(content)
    with open(path, "rb") as file:
        is_blank(file.fileno())
    assert {advice for _at, _length, advice in asked} == {os.POSIX_FADV_DONTNEED}
    covered = {number for at, length, _advice in asked for number in range(at, at + length, 4096)}
    assert covered == set(range(0, len(content), 4096))


def test_data_at_the_end_is_found(tmp_path):
    path = tmp_path / "file"
    os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 5 << 20)
    with open(path, "ab") as file:
        file.write(b"x")
    with open(path, "rb") as file:
        assert not is_blank(file.fileno())


def test_a_sparse_file_has_a_flaw(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    os.truncate(path, 1 << 20)
    with open(path, "rb") as file:
        assert extents.flaw_of(file.fileno()) is not None
