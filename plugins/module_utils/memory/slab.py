# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's own caches, the largest of them."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.parse.slabinfo import parse_slabinfo

SHOWN = 10


def largest(host: Host) -> list[dict[str, Any]] | None:
    """By the memory that they take; None where the kernel does not tell."""
    text = host.read("/proc/slabinfo")
    if text is None:
        return None
    page = os.sysconf("SC_PAGE_SIZE")
    rows: list[dict[str, Any]] = [
        {
            "name": cache.name,
            "size": cache.slabs * cache.pages_per_slab * page,
            "objects": cache.objects,
            "object_size": cache.object_size,
        }
        for cache in parse_slabinfo(text)
    ]
    return sorted(rows, key=lambda row: row["size"], reverse=True)[:SHOWN]
