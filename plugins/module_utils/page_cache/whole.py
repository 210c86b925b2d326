# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page cache of the whole machine, and what the kernel keeps of names and inodes, by drop_caches."""

from __future__ import annotations

import errno
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.evict import Totals
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import Asked
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.sync import write_all
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo

DROP_CACHES = "/proc/sys/vm/drop_caches"
VALUES = {"pagecache": "1", "slab": "2", "all": "3"}  # Source: the kernel's admin-guide/sysctl/vm.rst
MEMINFO = "meminfo"  # what counts: no single files


def purge_whole(asked: Asked, host: Host, totals: Totals) -> Optional[dict[str, Any]]:
    """Drop what the scope names. How far it is where the slice of the call was over before, else None.

    Unsupported where the kernel's file cannot be written (a container).
    """
    totals.how = MEMINFO
    totals.before, dirty, in_use = _held(host, asked.scope)
    if host.slice.resume:
        totals.before = host.slice.resume["before"]
    if not asked.request.evict:
        totals.dirty = 0 if asked.request.sync else dirty
        totals.stuck = min(in_use, totals.before - totals.dirty)
        totals.after = totals.dirty + totals.stuck
        return None
    progress = write_all(host) if asked.request.sync else None
    if progress:
        progress["resume"]["before"] = totals.before
        return progress
    _drop(asked, host)
    held, dirty, _in_use = _held(host, asked.scope)
    totals.after = min(held, totals.before)
    totals.dirty = min(dirty, totals.after)
    totals.stuck = totals.after - totals.dirty
    return None


def _drop(asked: Asked, host: Host) -> None:
    try:
        host.write_kernel(DROP_CACHES, VALUES[asked.scope])
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT):
            raise
        raise Unsupported(
            "scope: %s: %s cannot be written here (%s), as in containers: run it on the machine whose kernel this is, "
            "or name paths with scope: files" % (asked.scope, DROP_CACHES, error.strerror),
            reason="container",
        ) from None


def _held(host: Host, scope: str) -> tuple[int, int, int]:
    """Bytes that the scope is about; of them dirty; of them mapped by programs."""
    memory = parse_meminfo(host.must_read("/proc/meminfo"))
    slab = memory.get("SReclaimable", 0) if scope != "pagecache" else 0
    if scope == "slab":
        return slab, 0, 0
    # Cached has shared memory in it, which is no cache of anything.
    cache = max(0, memory["Cached"] - memory.get("Shmem", 0)) + memory["Buffers"]
    dirty = min(cache, memory["Dirty"] + memory["Writeback"])
    return cache + slab, dirty, min(cache, memory["Mapped"])
