# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a file does not get its blocks, loses what it holds, or where an error of the kernel's is not raised.

What swap_on() asks of the kernel, its policies of discard too, is seen by tests/lab/test_swapfile_states.py.
"""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.calls import allocate, swap_on

SIZE = (3 << 20) + 4096


@pytest.fixture
def fd(tmp_path):
    found = os.open(str(tmp_path / "file"), os.O_RDWR | os.O_CREAT, 0o600)
    yield found
    os.close(found)


def test_allocate(fd):
    os.write(fd, b"begun")
    allocate(fd, SIZE)
    found = os.fstat(fd)
    assert found.st_size == SIZE
    assert found.st_blocks * 512 >= SIZE
    assert os.pread(fd, SIZE, 0) == b"begun" + bytes(SIZE - 5)


@pytest.mark.parametrize(("size", "number"), [(2**62, errno.EFBIG), (0, errno.EINVAL)])
def test_allocate_raises_what_the_kernel_says(fd, size, number):
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        allocate(fd, size)
    assert caught.value.errno == number


def test_allocate_for_reading_only(tmp_path):
    (tmp_path / "file").touch()
    fd = os.open(str(tmp_path / "file"), os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            allocate(fd, SIZE)
    finally:
        os.close(fd)


@pytest.mark.parametrize("priority", [None, 0, 32767])
@pytest.mark.parametrize("discard", ["none", "once", "pages", "both"])
def test_swap_on_raises_what_the_kernel_says(tmp_path, priority, discard):
    """Without the right to swap on at all, that comes first."""
    with pytest.raises(OSError, match=r"No such file|Operation not permitted") as caught:
        swap_on(str(tmp_path / "nothing"), priority, discard)
    assert caught.value.errno in (errno.ENOENT, errno.EPERM)
