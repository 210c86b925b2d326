# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which mounts a walk enters. Fails where one_file_system is not heeded, or a filesystem of the kernel is entered.

/dev/shm is a mount below another on most machines, so that nothing has to be mounted; of /dev nothing but the one file
made here is opened.
"""

from __future__ import annotations

import os
import tempfile

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import Request
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.walk import Walk

ABOVE, MOUNT = "/dev", "/dev/shm"


@pytest.fixture
def name():
    """Of a file on a filesystem that is mounted below ABOVE."""
    if not os.access(MOUNT, os.W_OK) or os.stat(MOUNT).st_dev == os.stat(ABOVE).st_dev:
        pytest.skip("no %s that is a mount of its own here" % MOUNT)
    with tempfile.NamedTemporaryFile(dir=MOUNT, prefix="highwater-") as file:
        yield file.name


def found(top, name, one_file_system, kernel=frozenset()):
    """Which files a walk comes by, of that one."""
    request = Request(include=(os.path.relpath(name, top),), one_file_system=one_file_system)
    paths = []
    for fd in Walk(top, request, lambda path, error: None, kernel=kernel).files():
        paths.append(os.readlink("/proc/self/fd/%d" % fd))
        os.close(fd)
    return paths


def test_one_file_system_stays_on_that_of_the_folder(name):
    assert found(ABOVE, name, one_file_system=True) == []
    assert found(MOUNT, name, one_file_system=True) == [name], "a mount that is named is the one that is meant"


def test_without_it_other_filesystems_are_entered(name):
    assert found(ABOVE, name, one_file_system=False) == [name]


@pytest.mark.parametrize("one_file_system", [True, False])
@pytest.mark.parametrize("top", [ABOVE, MOUNT])
def test_filesystems_of_the_kernel_are_never_entered(name, top, one_file_system):
    assert found(top, name, one_file_system, frozenset({os.stat(MOUNT).st_dev})) == []
