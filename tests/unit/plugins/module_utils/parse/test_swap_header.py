# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a header of mkswap's is misread, or where something that is none is taken for one."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import (
    PAGE_SIZES,
    SwapHeader,
    foreign_page,
    is_hibernated,
    make_header,
    parse_header,
    uuid_bytes,
)

UUID = bytes(range(16))
NAME = "00010203-0405-0607-0809-0a0b0c0d0e0f"


def page(version=1, last_page=15, uuid=UUID, label=b"swap", signature=b"SWAPSPACE2", size=4096):
    info = struct.pack("=III16s16s", version, last_page, 0, uuid, label)
    return b"\0" * 1024 + info + b"\0" * (size - 1024 - len(info) - 10) + signature.ljust(10, b"\0")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (page(), SwapHeader(16 * 4096, NAME, "swap")),
        (page(uuid=b"\0" * 16, label=b""), SwapHeader(16 * 4096, None, "")),
        (page(label=b"sixteen bytes ab"), SwapHeader(16 * 4096, NAME, "sixteen bytes ab")),
        (page(size=65536), SwapHeader(16 * 65536, NAME, "swap")),
        (page(version=0), None),
        (page(signature=b"SWAP-SPACE"), None),
        (page(signature=b"S1SUSPEND"), None),
        (b"\0" * 4096, None),
        (b"", None),
        (b"SWAPSPACE2", None),
    ],
)
def test_parse_header(first, expected):
    assert parse_header(first) == expected


@pytest.mark.parametrize("signature", [b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"])
def test_hibernation_is_seen(signature):
    assert is_hibernated(page(signature=signature))


def test_swap_and_nothing_are_not_hibernated():
    assert not is_hibernated(page())
    assert not is_hibernated(b"")


@pytest.mark.parametrize("size", PAGE_SIZES)
def test_foreign_page(size):
    """An area that another kernel has formatted is swap too, and nobody's data."""
    start = bytearray(PAGE_SIZES[-1])
    start[size - 10 : size] = b"SWAPSPACE2"
    assert foreign_page(bytes(start)) == size
    assert foreign_page(bytes(start[: size - 1])) is None


def test_what_only_mentions_the_signature_is_no_area():
    assert foreign_page(b"SWAPSPACE2" * 6553) is None  # just below 64 KiB, and it ends with it
    assert foreign_page(b"") is None


@pytest.mark.parametrize("size", PAGE_SIZES)
@pytest.mark.parametrize("label", ["", "swap", "fünfzehn bytes"])
def test_a_header_that_is_made_is_read_the_same(size, label):
    first = make_header(40 * size, size, UUID, label)
    assert len(first) == size
    assert parse_header(first) == SwapHeader(40 * size, NAME, label)
    assert first[:1024] == b"\0" * 1024


def test_a_header_is_what_mkswap_writes(tmp_path):
    """mkswap(8) is the reference; it knows the page size of this machine only."""
    mkswap = shutil.which("mkswap", path="/usr/sbin:/sbin:/usr/bin")
    if mkswap is None:
        pytest.skip("no mkswap here")
    file, size = tmp_path / "area", os.sysconf("SC_PAGE_SIZE")
    file.write_bytes(bytes(40 * size))
    file.chmod(0o600)
    subprocess.run([mkswap, "-U", NAME, "-L", "swap", str(file)], check=True, capture_output=True)
    assert make_header(40 * size, size, UUID, "swap") == file.read_bytes()[:size]


def test_the_largest_area_that_a_header_can_tell():
    assert parse_header(make_header(2**60, 4096, UUID)).area == 2**32 * 4096


def test_uuid_bytes():
    assert uuid_bytes(NAME) == UUID
    made = {uuid_bytes(None) for _turn in range(100)}
    assert len(made) == 100
    assert {(raw[6] >> 4, raw[8] >> 6) for raw in made} == {(4, 2)}
