# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what is chosen is not found, or a line of another kind is passed over."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import (
    Choice,
    chosen_by_number,
    parse_choice,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lzo-rle lzo [lz4] zstd \n", Choice("lz4", ("lzo-rle", "lzo", "lz4", "zstd"))),
        ("lzo lz4\n", Choice(None, ("lzo", "lz4"))),
        ("\n", Choice(None, ())),
    ],
)
def test_brackets(text: str, expected: Choice) -> None:
    assert parse_choice(text) == expected


def test_by_number() -> None:
    assert chosen_by_number("") == ()
    assert chosen_by_number("#1: lzo [lz4] zstd \n#3: lzo lz4 [zstd] \n") == ((1, "lz4"), (3, "zstd"))
    assert chosen_by_number("#1: lzo lz4 \n") == ()


@pytest.mark.parametrize("text", ["lzo [lz4]\n", "1: [lzo]\n", "#x: [lzo]\n"])
def test_what_is_not_by_number(text: str) -> None:
    with pytest.raises(ParseError):
        chosen_by_number(text)
