# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where bad input gets by, or where its error does not name option, value and what would do."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import Algorithm, parse_algorithms


def test_names_and_parameters():
    items = ["lzo-rle", {"name": "zstd", "params": {"level": 3, "dict": "/etc/zram.dict"}}]
    assert parse_algorithms(items) == (Algorithm("lzo-rle"), Algorithm("zstd", ("dict=/etc/zram.dict", "level=3")))


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([], "empty"),
        (["zstd; reboot"], "'zstd; reboot'"),
        (["zstd\n"], "zstd"),
        ([3], "3"),
        ([{"params": {}}], "params"),
        ([{"name": "zstd", "level": 3}], "level"),
        ([{"name": "zstd", "params": "level=3"}], "'level=3'"),
        ([{"name": "zstd", "params": {"level": "3 dict=/x"}}], "level=3 dict=/x"),
        ([{"name": "zstd", "params": {"dict": "relative"}}], "dict=relative"),
        ([{"name": "zstd", "params": {"level": "$(reboot)"}}], r"\$\(reboot\)"),
    ],
)
def test_bad_algorithms(items, found):
    with pytest.raises(HighwaterError, match="^algorithm: .*%s.*write" % found):
        parse_algorithms(items)
