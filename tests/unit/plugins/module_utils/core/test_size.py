# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size grammar.

Fails when a size is off by one byte, when bytes and plain numbers mix unnoticed, or when a word of a message changes:
the sentences are what a user gets, so each stands here in full.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.size import (
    BYTES,
    PLAIN,
    Quantity,
    evaluate,
    format_size,
    is_literal,
    machine_names,
    plain_number,
    size_in_bytes,
)

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
NAMES = {
    "ram": Quantity(16 * GIB + 12345, BYTES),
    "disk_total": Quantity(100 * GIB, BYTES),
    "managed": Quantity(15 * GIB, BYTES),
    "cpus": Quantity(4, PLAIN),
    "nothing": Quantity(0, BYTES),
}
RAM = NAMES["ram"].value

SIZES = [
    ("512MiB", 512 * MIB),
    ("512mib", 512 * MIB),
    ("512 MiB", 512 * MIB),
    ("  512\tMiB\n", 512 * MIB),
    ("1.5 G", 3 * GIB // 2),
    ("1.5g", 3 * GIB // 2),
    (".5G", GIB // 2),
    ("2GB", 2 * 10**9),
    ("2gb", 2 * 10**9),
    ("1kB", 1000),
    ("1KB", 1000),
    ("1K", KIB),
    ("1KiB", KIB),
    ("3M", 3 * MIB),
    ("3MB", 3 * 10**6),
    ("1T", TIB),
    ("1TiB", TIB),
    ("1TB", 10**12),
    ("4096B", 4096),
    ("4096 b", 4096),
    ("1.9999B", 1),
    ("0.1KiB", 102),
    ("9223372036854775807B", 2**63 - 1),
    ("9223372036854775808B", 2**63),
    ("9007199254740993B", 2**53 + 1),
    ("9007199254740993.9999B", 2**53 + 1),
    ("ram", RAM),
    ("ram/2", RAM // 2),
    ("ram * 25%", RAM // 4),
    ("ram * 25 %", RAM // 4),
    ("12.5% * ram", RAM // 8),
    ("25%", RAM // 4),
    ("(25%)", RAM // 4),
    ("--25%", RAM // 4),
    ("2 * (ram + 1GiB) / 3", 2 * (RAM + GIB) // 3),
    ("1GiB - 1MiB - 1KiB", GIB - MIB - KIB),
    ("8GiB / 2 / 2", 2 * GIB),
    ("8GiB / (2 / 2)", 8 * GIB),
    ("1GiB + 2 * 1GiB", 3 * GIB),
    ("-(-1GiB)", GIB),
    ("-1 * -1GiB", GIB),
    ("min(ram / 2, 4GiB)", 4 * GIB),
    ("max(ram * 5%, 128MiB)", RAM // 20),
    ("min(1GiB)", GIB),
    ("max(1KiB, 3KiB, 2KiB)", 3 * KIB),
    ("min(1MiB, 1MB, 999kB)", 999000),
    ("max(1GiB / 3, 1GiB / 7)", GIB // 3),
    ("clamp(ram * 1%, 24M, 1G)", RAM // 100),
    ("clamp(ram, 24M, 1G)", GIB),
    ("clamp(1K, 24M, 1G)", 24 * MIB),
    ("clamp(5G, 1G, 1G)", GIB),
    ("max(1GiB / -1, 1GiB)", GIB),
    ("-min(1GiB / -1, 1GiB)", GIB),
    ("clamp(1GiB, 2GiB / -1, 2GiB)", GIB),
    ("cpus * 256MiB", GIB),
    ("ram / managed * 1GiB", RAM * GIB // (15 * GIB)),
    ("(" * 30 + "1GiB" + ")" * 30, GIB),
]


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_size(text: str, size: int) -> None:
    assert size_in_bytes("size", text, NAMES) == size


def test_a_lone_percentage_is_of_what_the_option_says() -> None:
    assert size_in_bytes("keep_free", "5%", NAMES, percent_of="disk_total") == 5 * GIB
    assert evaluate("factor", "5%", NAMES) == Quantity(1, PLAIN, 20)
    with pytest.raises(HighwaterError, match=r"^keep_free: 5% is a percentage of disk_free, which is not known here"):
        size_in_bytes("keep_free", "5%", NAMES, percent_of="disk_free")


# Each is the whole message after "size: ".
REFUSED = [
    ("512", "512 has no unit; write 512MiB, 512kB or 512B"),
    (512, "512 has no unit; write 512MiB, 512kB or 512B"),
    (1.5, "1.5 has no unit; write 1.5MiB, 1.5kB or 1.5B"),
    ("2 * cpus", "2 * cpus is the plain number 8; give it a unit, for instance (2 * cpus) * 1MiB"),
    ("50% * 2.5", "50% * 2.5 is the plain number 1.25; write a share of something, for instance ram * 25%"),
    ("ram / ram", "ram / ram is the plain number 1; give it a unit, for instance (ram / ram) * 1MiB"),
    ("-1GiB", "-1GiB is negative (-1 GiB); write a size above 0, such as 512MiB"),
    ("1GiB - 2GiB", "1GiB - 2GiB is negative (-1 GiB); write a size above 0, such as 512MiB"),
    ("0B", "0B is not even one byte; write a size above 0, such as 512MiB"),
    ("0", "0 is not even one byte; write a size above 0, such as 512MiB"),
    ("0.9B", "0.9B is not even one byte; write a size above 0, such as 512MiB"),
    (
        "9223372036854775809B",
        "9223372036854775809B is more than 8388608 TiB, which no kernel can address; write a smaller size",
    ),
    ("ram / 0", "ram / 0 divides by zero; write a divisor that is not 0"),
    ("ram / nothing", "ram / nothing divides by zero; write a divisor that is not 0"),
    ("ram / (1 - 1)", "ram / (1 - 1) divides by zero; write a divisor that is not 0"),
    (
        "rom / 2",
        "rom / 2 has the unknown name rom; "
        "names here: cpus, disk_total, managed, nothing, ram; functions: min, max, clamp",
    ),
    (
        "RAM",
        "RAM has the unknown name RAM; names here: cpus, disk_total, managed, nothing, ram; functions: min, max, clamp",
    ),
    (
        "sqrt(ram)",
        "sqrt(ram) has the unknown function sqrt; "
        "names here: cpus, disk_total, managed, nothing, ram; functions: min, max, clamp",
    ),
    ("min", "min has min without its arguments; write min(a, b)"),
    ("clamp + 1G", "clamp + 1G has clamp without its arguments; write clamp(x, low, high)"),
    ("GiB", "GiB has the unit GiB without a number before it; write for instance 512GiB"),
    ("4096 bytes", "4096 bytes has the unknown unit bytes; write 4096B"),
    ("512Mi", "512Mi has the unknown unit Mi; write 512MiB (of 1024) or 512MB (of 1000)"),
    ("64 kilo", "64 kilo has the unknown unit kilo; write 64KiB (of 1024) or 64kB (of 1000)"),
    ("2 ram", "2 ram has the unknown unit ram; write 2 * ram"),
    (
        "1e9",
        "1e9 has the unknown unit e9; units are B, KiB, MiB, GiB, TiB (K, M, G, T mean the same) and kB, MB, GB, TB",
    ),
    (
        "0x10B",
        "0x10B has the unknown unit x10B; "
        "units are B, KiB, MiB, GiB, TiB (K, M, G, T mean the same) and kB, MB, GB, TB",
    ),
    (
        "512MiB please",
        "512MiB please goes on with please where it should end; put one of + - * / before it or take it away",
    ),
    ("1G 2G", "1G 2G goes on with 2G where it should end; put one of + - * / before it or take it away"),
    ("1.2.3G", "1.2.3G goes on with .3G where it should end; put one of + - * / before it or take it away"),
    ("10% ram", "10% ram goes on with ram where it should end; put one of + - * / before it or take it away"),
    ("(1G 2G)", "(1G 2G) goes on with 2G where it should end; put one of + - * / before it or take it away"),
    ("1,5G", "1,5G has a comma outside min, max and clamp; decimals are written with a point, as in 1.5GiB"),
    ("(1G, 2G)", "(1G, 2G) has a comma outside min, max and clamp; decimals are written with a point, as in 1.5GiB"),
    ("512MiB)", "512MiB) has a ) without its (; take it away or add the ("),
    ("(512MiB", "(512MiB has a ( that is never closed; add the )"),
    ("min(512MiB", "min(512MiB has a ( that is never closed; add the )"),
    ("ram *", "ram * ends where an amount is expected, such as 512MiB or ram"),
    ("min(1G,)", "min(1G,) has ) where an amount is expected, such as 512MiB or ram"),
    ("min()", "min() has ) where an amount is expected, such as 512MiB or ram"),
    ("* 2", "* 2 has * where an amount is expected, such as 512MiB or ram"),
    ("+1G", "+1G has + where an amount is expected, such as 512MiB or ram"),
    ("5%%", "5%% has '%', which means nothing here; write for instance 512MiB or ram * 25%"),
    ("ram%", "ram% has '%', which means nothing here; write for instance 512MiB or ram * 25%"),
    ("1GiB; reboot", "1GiB; reboot has ';', which means nothing here; write for instance 512MiB or ram * 25%"),
    ("2 ** 3", "2 ** 3 has * where an amount is expected, such as 512MiB or ram"),
    ("1.G", "1.G has '.', which means nothing here; write for instance 512MiB or ram * 25%"),
    ("\u0661GiB", "\u0661GiB has '\u0661', which means nothing here; write for instance 512MiB or ram * 25%"),
    ("clamp(ram, 1G)", "clamp(ram, 1G) gives clamp 2 of its 3 arguments; write clamp(x, low, high)"),
    (
        "clamp(ram, 2G, 1G)",
        "clamp(ram, 2G, 1G) clamps to nothing, 2 GiB being above 1 GiB; write clamp(x, low, high)",
    ),
    ("1G * 1G", "1G * 1G multiplies bytes by bytes; one of the two must be a plain number"),
    ("1 / ram", "1 / ram divides a plain number by bytes; divide bytes by bytes, or bytes by a plain number"),
    ("512 + 1G", "512 + 1G adds bytes and a plain number; give each part a unit, and write a share as ram * 25%"),
    ("1G - 10%", "1G - 10% subtracts bytes and a plain number; give each part a unit, and write a share as ram * 25%"),
    (
        "min(25%, 4G)",
        "min(25%, 4G) compares bytes and a plain number; give each part a unit, and write a share as ram * 25%",
    ),
    ("", "'' is empty; write an amount such as 512MiB, or an expression such as ram / 4"),
    (" \n", "'' is empty; write an amount such as 512MiB, or an expression such as ram / 4"),
    (True, "True is not a size; write an amount such as 512MiB, or an expression such as ram / 4"),
    (None, "None is not a size; write an amount such as 512MiB, or an expression such as ram / 4"),
    (["1G"], "['1G'] is not a size; write an amount such as 512MiB, or an expression such as ram / 4"),
    (
        "1G\n2G",
        r"'1G\n2G' goes on with 2G where it should end; put one of + - * / before it or take it away",
    ),
    (
        "(" * 33 + "1G" + ")" * 33,
        "(" * 33 + "1G" + ")" * 33 + " is nested more than 32 deep; write it with fewer brackets and signs",
    ),
    ("-" * 60 + "1G", "-" * 60 + "1G is nested more than 32 deep; write it with fewer brackets and signs"),
    ("1" * 501, "1" * 77 + "... has 501 characters; write an expression of at most 500"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused_size(text: object, message: str) -> None:
    with pytest.raises(HighwaterError) as caught:
        size_in_bytes("size", text, NAMES)
    assert str(caught.value) == f"size: {message}"


def test_names_are_listed_even_where_there_are_none() -> None:
    with pytest.raises(HighwaterError, match=r"^size: ram has the unknown name ram; names here: none;"):
        size_in_bytes("size", "ram", {})


@pytest.mark.parametrize("text", ["0", "0B", "0 * 1GiB", "nothing", 0])
def test_zero_where_it_is_allowed(text: object) -> None:
    """Zero is the only plain result that means the same in every unit."""
    assert size_in_bytes("mem_limit", text, NAMES, allow_zero=True) == 0


@pytest.mark.parametrize(("text", "says"), [("1", "has no unit"), ("-1B", "is negative"), ("-0.1B", "is negative")])
def test_allowing_zero_allows_nothing_else(text: str, says: str) -> None:
    with pytest.raises(HighwaterError, match=says):
        size_in_bytes("mem_limit", text, NAMES, allow_zero=True)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("60", 60),
        (60, 60),
        ("-1", -1),
        ("0", 0),
        ("2.9", 2),
        ("-0.5", -1),
        ("max(10, clamp(managed*1%, 24M, 1G) / managed * 10000)", 100),
        ("max(10, clamp(managed*1%, 24M, 64M) / managed * 10000)", 41),
        ("max(10, 1M / managed * 10000)", 10),
        ("50% * 200", 100),
        ("cpus * 2", 8),
    ],
)
def test_plain_number(text: object, number: int) -> None:
    assert plain_number("watermark_scale_factor", text, NAMES) == number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "24M",
            "24M is an amount of memory (24 MiB) where a plain number is wanted; "
            "leave the unit off, or divide by another amount",
        ),
        ("1%", "1% is a percentage of nothing; write a plain number, or what it is a share of"),
        ("1 / 0", "1 / 0 divides by zero; write a divisor that is not 0"),
        (True, "True is not a size; write an amount such as 512MiB, or an expression such as ram / 4"),
    ],
)
def test_refused_plain_number(text: object, message: str) -> None:
    with pytest.raises(HighwaterError) as caught:
        plain_number("swappiness", text, NAMES)
    assert str(caught.value) == f"swappiness: {message}"


def test_a_huge_plain_result_is_refused_in_words() -> None:
    with pytest.raises(HighwaterError, match="is the plain number 9999"):
        size_in_bytes("size", "9" * 400 + ".5 * 1", NAMES)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("512MiB", True),
        ("min(1GiB, 2 * 1GB)", True),
        ("60", True),
        (60, True),
        ("ram", False),
        ("max(ram * 5%, 128MiB)", False),
        ("25%", False),  # of ram
        ("(25%)", False),
        ("1GiB * 25%", True),
        ("1GiB +", False),
        ("", False),
        (None, False),
    ],
)
def test_is_literal(text: object, literal: bool) -> None:
    assert is_literal(text) is literal


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1280, "1.25 KiB"),
        (1025, "1.00 KiB"),
        (67584 * KIB, "66 MiB"),
        (512 * MIB, "512 MiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (GIB - 1, "1.00 GiB"),
        (GIB + 1, "1.00 GiB"),
        (1000**3, "953.67 MiB"),
        (1023 * GIB, "1023 GiB"),
        (5 * TIB, "5 TiB"),
        (2**63, "8388608 TiB"),
        (-GIB, "-1 GiB"),
    ],
)
def test_format_size(size: int, text: str) -> None:
    assert format_size(size) == text


def test_the_names_that_every_expression_knows():
    names = machine_names(4 * 2**30, 3 * 2**30, 2, disk_free=2**40)
    assert size_in_bytes("size", "min(ram, available) / cpus + disk_free", names) == 3 * 2**29 + 2**40
    assert size_in_bytes("size", "25%", names) == 2**30
