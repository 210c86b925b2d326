# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/sys/block/zramN/mm_stat.

Fails when a column goes by another's name, when a column that the kernel lacks reads as 0, or when a newer kernel's
columns break the reading.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import (
    BdStat,
    IoStat,
    MmStat,
    parse_bd_stat,
    parse_io_stat,
    parse_mm_stat,
    ratio,
)

SEVEN = " 1048576   349525   401408        0   401408        3        0"


def test_the_names_are_the_kernels() -> None:
    assert MmStat._fields == (
        "orig_data_size",
        "compr_data_size",
        "mem_used_total",
        "mem_limit",
        "mem_used_max",
        "same_pages",
        "pages_compacted",
        "huge_pages",
        "huge_pages_since",
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", (None, None)),
        ("        7", (7, None)),
        ("        7        9", (7, 9)),
        ("        7        9       11  12", (7, 9)),
        ("        7        9       new", (7, 9)),
    ],
)
def test_columns_by_age_of_the_kernel(more: str, expected: tuple[int | None, int | None]) -> None:
    stat = parse_mm_stat(SEVEN + more + "\n")
    assert stat == MmStat(1048576, 349525, 401408, 0, 401408, 3, 0, *expected)


def test_io_stat_counts_requests_and_bd_stat_four_kibibytes() -> None:
    assert parse_io_stat("       1        2        3      210\n") == IoStat(1, 2, 3, 210)
    assert parse_bd_stat("     256        2      300\n") == BdStat(1048576, 8192, 1228800)


@pytest.mark.parametrize("text", ["", "1 2\n", "1 2 x 4\n", "1 2 3 4\n5 6 7 8\n"])
def test_neither_is_read_from_anything_else(text: str) -> None:
    for parse in (parse_io_stat, parse_bd_stat):
        with pytest.raises(ParseError):
            parse(text)


@pytest.mark.parametrize(("orig", "compr", "expected"), [(0, 0, None), (4096, 0, None), (3000, 1000, 3.0), (0, 5, 0.0)])
def test_ratio(orig: int, compr: int, expected: float | None) -> None:
    assert ratio(MmStat(orig, compr, 0, 0, 0, 0, 0)) == expected


@pytest.mark.parametrize(
    "malformed", ["", "\n", "1 2 3 4 5 6\n", "1 2 3 4 5 6 x\n", "1 2 3 4 -5 6 7\n", SEVEN + "\n1\n"]
)
def test_malformed(malformed: str) -> None:
    with pytest.raises(ParseError, match=r"^mm_stat: found"):
        parse_mm_stat(malformed)
