# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mm_stat, io_stat and bd_stat of /sys/block/zramN (Documentation/admin-guide/blockdev/zram.rst)."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "mm_stat"
_ALWAYS = 7  # what the file has had since it came with 4.1


class MmStat(NamedTuple):
    """The columns by the kernel's names; the sizes and mem_* in bytes, the others counts of pages.

    orig_data_size: what was written, with same-filled and written-back pages.
    mem_limit:      0 for none; the only place where a limit can be read, the attribute being write-only.
    huge_pages (4.18), huge_pages_since (5.12): incompressible pages now and ever; None where this kernel has none.
    """

    orig_data_size: int
    compr_data_size: int
    mem_used_total: int
    mem_limit: int
    mem_used_max: int
    same_pages: int
    pages_compacted: int
    huge_pages: Optional[int] = None
    huge_pages_since: Optional[int] = None


def parse_mm_stat(text: str) -> MmStat:
    """One line of at least seven numbers; columns of a kernel newer than this are left out. Raises ParseError."""
    fields = text.split()
    if len(fields) < _ALWAYS or len(text.strip().splitlines()) > 1:
        raise ParseError(WHERE, text, f"one line of at least {_ALWAYS} numbers")
    return MmStat(*(natural(WHERE, field, text) for field in fields[: len(MmStat._fields)]))


def ratio(stat: MmStat) -> Optional[float]:
    """How many times smaller the data is compressed (orig / compr); None while nothing is compressed."""
    return stat.orig_data_size / stat.compr_data_size if stat.compr_data_size else None


class IoStat(NamedTuple):
    """How many; the columns by the kernel's names."""

    failed_reads: int
    failed_writes: int
    invalid_io: int
    notify_free: int


class BdStat(NamedTuple):
    """Bytes on the device behind it now, and read from it and written to it ever; by the kernel's names."""

    bd_count: int
    bd_reads: int
    bd_writes: int


BD_UNIT = 4096  # whatever the page is


def parse_io_stat(text: str) -> IoStat:
    """One line of at least four numbers. Raises ParseError."""
    return IoStat(*_columns("io_stat", text, len(IoStat._fields)))


def parse_bd_stat(text: str) -> BdStat:
    """One line of at least three numbers. Raises ParseError."""
    return BdStat(*(BD_UNIT * number for number in _columns("bd_stat", text, len(BdStat._fields))))


def _columns(where: str, text: str, count: int) -> list[int]:
    fields = text.split()
    if len(fields) < count or len(text.strip().splitlines()) > 1:
        raise ParseError(where, text, f"one line of at least {count} numbers")
    return [natural(where, field, text) for field in fields[:count]]
