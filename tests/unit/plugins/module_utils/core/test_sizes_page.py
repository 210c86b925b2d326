# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where docs/sizes.md says of an expression that it comes to something else than it does, or names a unit or a
function that there is not.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import UNITS
from ansible_collections.highwater.memory.plugins.module_utils.core.size import FUNCTIONS, machine_names, size_in_bytes

GIB = 2**30
PAGE = (Path(__file__).parents[5] / "docs/sizes.md").read_text(encoding="utf-8")
NAMES = machine_names(8 * GIB, 4 * GIB, 4, disk_free=50 * GIB, disk_total=100 * GIB)
COMES_TO = re.findall(r"(?m)^\| `(.+)` \| (\d+) \|$", PAGE)


def test_there_are_some():
    assert len(COMES_TO) > 5


@pytest.mark.parametrize(("expression", "size"), COMES_TO)
def test_comes_to(expression, size):
    assert size_in_bytes("size", expression, NAMES) == int(size)


def test_all_units_and_functions_are_told_of():
    words = {word.lower() for word in re.findall(r"[A-Za-z]+", " ".join(re.findall(r"`(.+?)`", PAGE)))}
    assert set(UNITS) - {"b"} <= words
    assert set(FUNCTIONS) <= words
    assert all("`%s`" % name in PAGE for name in NAMES)
