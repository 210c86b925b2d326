# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real files in the real page cache, and a second opinion on what is cached of them: mincore(2) called here, whatever
the code that is tested has counted by."""

from __future__ import annotations

import ctypes
import mmap
import os
import pathlib
import tempfile

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import answer, counting
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import ARGUMENTS

PAGE = mmap.PAGESIZE


def cached(path):
    """Bytes of a file in the page cache, in whole pages."""
    size = os.stat(path).st_size
    if not size:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file:
        mapping = mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
        vector = (ctypes.c_ubyte * (-(-size // PAGE)))()
        start = ctypes.c_char.from_buffer(mapping)
        assert libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), vector) == 0
        del start
        mapping.close()
    return sum(one & 1 for one in vector) * PAGE


def purge(*paths, check_mode=False, host=None, **options):
    """What the module answers; options as a user gives them."""
    params = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    params.update(options, paths=[os.fspath(path) for path in paths] or None)
    return answer.page_cache_purge(params, host or Host(), check_mode)


def write(path, size=16 * PAGE, sync=True):
    """A file of which all is cached; with sync, none of it dirty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(os.urandom(size))
        if sync:
            file.flush()
            os.fsync(file.fileno())
    return path


@pytest.fixture
def disk():
    """A folder on a filesystem with a page cache that lets go: not on tmpfs, as /tmp often is."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="highwater-") as name:
        folder = pathlib.Path(name)
        path = write(folder / "probe")
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if cached(path):
            pytest.skip("/var/tmp is on a filesystem that keeps all in memory")
        path.unlink()
        yield folder


@pytest.fixture(params=["cachestat", "mincore"])
def counter(request, monkeypatch):
    """Both ways to count; mincore is made the only one as on a kernel that lacks the other."""
    if request.param == "mincore":
        monkeypatch.setattr(answer, "Counter", lambda: counting.Counter(cachestat=False))
    elif counted_by() != "cachestat":
        pytest.skip("this kernel has no cachestat")
    return request.param


def counted_by():
    one = counting.Counter()
    fd = os.open(__file__, os.O_RDONLY)
    one.count(fd)
    os.close(fd)
    return one.how
