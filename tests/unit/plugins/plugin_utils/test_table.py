# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables for people. It would take a column that does not line up, or a line that is wider than the terminal, for these
to fail."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.plugin_utils import table as tables
from ansible_collections.highwater.memory.plugins.plugin_utils.table import listing, room, table


def test_columns_line_up_and_numbers_stand_right():
    assert table(("host", "percent", "why"), [("web1", "7 %", "a"), ("database2", "41 %", "")]) == [
        "host       percent  why",
        "─────────  ───────  ───",
        "web1           7 %  a",
        "database2     41 %",
    ]


def test_no_rows_leave_the_heading():
    assert table(("host",), []) == ["host", "────"]


def test_a_name_that_takes_too_much_has_a_line_to_itself():
    said = [("web1", "says this and that, and some"), ("a-very-long-name", "says more than that: a lot")]
    assert list(listing(said, 30)) == [
        "web1  says this and that, and",
        "      some",
        "a-very-long-name",
        "      says more than that: a",
        "      lot",
    ]


def test_where_there_is_no_room_at_all():
    """Somebody may say so by the filter's option. Fails where that is an error."""
    assert list(listing([("web1", "says this and that")], 0)) == ["web1", "    says this and that"]


@pytest.mark.parametrize(("said", "columns", "width"), [("", 79, 68), ("", 199, 188), ("120", 79, 108), ("x", 99, 88)])
def test_the_room_is_that_of_the_terminal(monkeypatch, said, columns, width):
    """columns: as Ansible knows them, one less than there are. Fails where a line and what is around it are wider."""
    monkeypatch.setenv("COLUMNS", said)
    monkeypatch.setattr(tables.Display(), "columns", columns)
    assert room() == width
