# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is understood without the size grammar is what the grammar makes of it."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import (
    BYTES,
    Quantity,
    Share,
    literal_bytes,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.size import is_literal, size_in_bytes
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import HEADROOM
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import KEEP_FREE


@pytest.mark.parametrize(
    "text",
    ["1GiB", "512 MiB", " 64mib ", "1.5G", "0.000001TB", "999999TiB", "100kB", "7B", "0.999999 KiB", "010MiB"],
)
def test_a_number_with_a_unit(text: str) -> None:
    assert is_literal(text)
    assert literal_bytes(text) == size_in_bytes("size", text, {}, allow_zero=True)


@pytest.mark.parametrize(
    "text",
    [
        512,
        True,
        None,
        "",
        "512",
        "25%",
        "auto",
        "ram",
        "1GiB * 2",
        "-1MiB",
        "1XiB",
        "0",
        "0MiB",
        "0.1B",
        "1.GiB",
        ".5GiB",
    ]
    + ["1GiB\n2", "1,5GiB", "1e3MiB", "8388609000TiB", "\u0661GiB", "1\u212ai"],
)
def test_all_else_is_left_to_the_grammar(text: object) -> None:
    assert literal_bytes(text) == 0


@pytest.mark.parametrize("share", [HEADROOM, KEEP_FREE, Share(33, "ram", 3 * 2**19)])
@pytest.mark.parametrize(
    "amount", [0, 1, 19, 2**20 + 1, 128 * 2**20, 20 * 256 * 2**20, 20 * 256 * 2**20 + 39, 2**45 + 7]
)
def test_a_default_is_what_its_expression_says(share: Share, amount: int) -> None:
    names = {share.of: Quantity(amount, BYTES)}
    assert share.floor(amount) == size_in_bytes("option", share.expression(), names)


def test_the_defaults_as_they_are_documented() -> None:
    assert HEADROOM.expression() == "max(ram * 5%, 128MiB)"
    assert KEEP_FREE.expression() == "max(disk_total * 5%, 256MiB)"
