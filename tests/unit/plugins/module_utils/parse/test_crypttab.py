# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a line of crypttab is misread, or where a byte of it is lost."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.crypttab import Entry, parse_crypttab
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a /dev/sda1 /key luks,discard\n", Entry("a", "/dev/sda1", "/key", ("luks", "discard"))),
        ("a\t/dev/sda1\t none\r\n", Entry("a", "/dev/sda1", "none", ())),
        ("a /f", Entry("a", "/f", "none", ())),
        (" a /f - ,swap,, # no comment\n", Entry("a", "/f", "none", ("swap",))),
        ("a UUID=1 x y z more\n", Entry("a", "UUID=1", "x", ("y",))),
        ("# a /f\n", None),
        ("\n", None),
        ("a\n", None),
    ],
)
def test_entry(line, expected):
    assert [found.entry for found in parse_crypttab(line)] == [expected]


@given(st.text(alphabet="a/ #\t\r\n\f\u2028\x1c"))
def test_nothing_is_lost(text):
    assert "".join(line.raw for line in parse_crypttab(text)) == text
