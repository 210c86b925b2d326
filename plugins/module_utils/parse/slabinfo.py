# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/slabinfo, slabinfo(5)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/slabinfo"
_EXAMPLE = "a line such as 'dentry 10 21 192 21 1 : tunables 0 0 0 : slabdata 1 1 0'"


class Cache(NamedTuple):
    """objects: in use; total: that there is room for; object_size: bytes; pages_per_slab, slabs: their product times
    the size of a page is what the cache takes.
    """

    name: str
    objects: int
    total: int
    object_size: int
    pages_per_slab: int
    slabs: int


def parse_slabinfo(text: str) -> tuple[Cache, ...]:
    """The caches in the kernel's order. Raises ParseError, for another version than 2.x too."""
    heading, *lines = text.splitlines() or [""]
    if not heading.startswith("slabinfo - version: 2."):
        raise ParseError(WHERE, heading, "the heading 'slabinfo - version: 2.1'")
    return tuple(_cache(line) for line in lines if line and not line.startswith("#"))


def _cache(line: str) -> Cache:
    counts, _tunables, slabs = (line.split(" : ") + ["", ""])[:3]
    fields, slab_fields = counts.split(), slabs.split()
    if len(fields) != 6 or slab_fields[:1] != ["slabdata"] or len(slab_fields) < 3:
        raise ParseError(WHERE, line, _EXAMPLE)
    objects, total, size, _per_slab, pages = (natural(WHERE, field, line) for field in fields[1:])
    return Cache(fields[0], objects, total, size, pages, natural(WHERE, slab_fields[2], line))
