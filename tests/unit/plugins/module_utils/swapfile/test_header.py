# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a header of mkswap's is misread, or where something that is none is taken for one."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.header import (
    SwapHeader,
    is_hibernated,
    parse_header,
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
