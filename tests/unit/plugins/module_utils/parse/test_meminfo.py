# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/meminfo.

Fails when an amount is not in bytes, when a count is taken for an amount, or when a line that is no such line passes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from hypothesis import given
from hypothesis import strategies as st

SAMPLE = Path(__file__).parent / "samples" / "meminfo.txt"
NAMES = st.text("ABCDEabcde_()0123456789", min_size=1)


def test_a_machine() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    values = parse_meminfo(text)
    assert len(values) == len(text.splitlines())
    assert values["MemTotal"] == 24684092 * 1024
    assert values["VmallocTotal"] == 34359738367 * 1024
    assert values["Hugepagesize"] == 2048 * 1024
    assert values["HugePages_Total"] == 0
    assert "Active(anon)" in values


def test_huge_pages_are_counted_and_not_measured() -> None:
    assert parse_meminfo("MemTotal: 8 kB\nHugePages_Total:      12\n") == {"MemTotal": 8192, "HugePages_Total": 12}


def test_what_the_kernel_does_not_say_is_missing() -> None:
    assert "MemAvailable" not in parse_meminfo("MemTotal: 8 kB\n")


@given(st.dictionaries(NAMES, st.tuples(st.integers(0, 2**60), st.booleans())))
def test_every_line_comes_back(values: dict[str, tuple[int, bool]]) -> None:
    lines = [f"{name}: {amount:>12}{' kB' if sized else ''}\n" for name, (amount, sized) in values.items()]
    expected = {name: amount * 1024 if sized else amount for name, (amount, sized) in values.items()}
    assert parse_meminfo("MemTotal: 1 kB\n" + "".join(lines)) == {"MemTotal": 1024, **expected}


@pytest.mark.parametrize(
    ("malformed", "says"),
    [
        ("", "found '' where a MemTotal line"),
        ("MemFree: 8 kB\n", "where a MemTotal line"),
        ("MemTotal 8 kB\n", "found 'MemTotal 8 kB'"),
        ("MemTotal:\n", "found 'MemTotal:'"),
        ("MemTotal: kB\n", "found 'MemTotal: kB' where a whole number"),
        ("MemTotal: 8 MB\n", "found 'MemTotal: 8 MB'"),
        ("MemTotal: 8 kB 9\n", "found 'MemTotal: 8 kB 9'"),
        ("MemTotal: -8 kB\n", "found 'MemTotal: -8 kB' where a whole number"),
        ("MemTotal: 1_0 kB\n", "found 'MemTotal: 1_0 kB'"),
        ("MemTotal: 0x8 kB\n", "found 'MemTotal: 0x8 kB'"),
        ("MemTotal: 8.0 kB\n", "found 'MemTotal: 8.0 kB'"),
        ("MemTotal: ٨ kB\n", "found 'MemTotal: ٨ kB'"),
        (f"MemTotal: {'9' * 21} kB\n", "where a whole number"),
        (": 8 kB\n", "found ': 8 kB'"),
        ("MemTotal: 8 kB\nnonsense\n", "found 'nonsense'"),
    ],
)
def test_malformed(malformed: str, says: str) -> None:
    with pytest.raises(ParseError, match=f"^/proc/meminfo: .*{says}"):
        parse_meminfo(malformed)


def test_an_error_does_not_carry_a_whole_file() -> None:
    with pytest.raises(ParseError) as caught:
        parse_meminfo("x" * 10_000)
    assert len(str(caught.value)) < 300
    assert caught.value.text == "x" * 10_000
