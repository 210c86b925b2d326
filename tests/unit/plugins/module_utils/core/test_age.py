# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an age is taken for another one, or where what is none gets by."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.age import age_in_seconds
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604800), (" 1 d ", 86400), ("1.5h", 5400), ("0s", 0)],
)
def test_ages(text, seconds):
    assert age_in_seconds("x", text) == seconds


@pytest.mark.parametrize("text", ["", "7", 7, "d", "-1d", "1w", "1d2h", "1D", "٣d", "1d\nx", ".5h", "1e3s"])
def test_what_is_no_age(text):
    with pytest.raises(HighwaterError, match=r"(?s)^older_than: .* is no age: write a number and a unit"):
        age_in_seconds("older_than", text)
