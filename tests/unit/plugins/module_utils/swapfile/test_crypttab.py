# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where crypttab loses somebody else's line, or does not say of our swapfile what was asked for."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table, make_line
from hypothesis import given
from hypothesis import strategies as st

OURS = "highwater-swapfile /swapfile /dev/urandom swap,plain,cipher=aes-xts-plain64,size=512,sector-size=4096,nofail"
HOME = "home UUID=1f /etc/key luks\n"


def table(text):
    return Table(text, "/swapfile")


def test_line():
    assert make_line("/swapfile", nofail=True) == OURS
    assert make_line("/swapfile", nofail=False) == OURS[: -len(",nofail")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, OURS + "\n"),
        ("", OURS + "\n"),
        (HOME, HOME + OURS + "\n"),
        (HOME.rstrip(), HOME + OURS + "\n"),
        ("# a\r\nb /c\r\n", "# a\r\nb /c\r\n" + OURS + "\r\n"),
        ("mine /swapfile /dev/urandom swap\n" + HOME, OURS + "\n" + HOME),
        ("highwater-swapfile /old /dev/urandom swap\n", OURS + "\n"),
        (OURS + "\n" + HOME + OURS + "\n", OURS + "\n" + HOME),
    ],
)
def test_our_line_in(before, after):
    assert table(before).with_line(OURS) == after
    assert table(after).with_line(OURS) == after


@pytest.mark.parametrize("there", [OURS + "\n", OURS.replace(" ", "\t  ") + "\r\n", OURS + " # by hand"])
def test_a_line_that_says_so_stays(there):
    assert table(HOME + there).with_line(OURS) == HOME + there


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, None), (HOME, HOME), (HOME + OURS, HOME), (OURS + "\n" + HOME, HOME), ("#" + OURS, "#" + OURS)],
)
def test_our_line_out(before, after):
    assert table(before).with_line(None) == after


def test_names_of_the_device():
    found = table(HOME + "mine /swapfile /dev/urandom swap\n")
    assert found.names() == ("highwater-swapfile", "mine")
    assert found.raw() == ("mine /swapfile /dev/urandom swap",)


LUKS = "data /swapfile none luks\n"


@pytest.mark.parametrize(
    "line",
    [
        LUKS,
        "data /swapfile /etc/key\n",
        "data /swapfile /dev/urandom tmp\n",
        "highwater-swapfile /swapfile none luks\n",
        "data /./swapfile none luks\n",
        "highwater-swapfile UUID=1f /etc/key luks\n",
    ],
)
def test_a_line_that_says_nothing_of_swap_is_not_about_ours(line):
    """Fails where such a line would be taken out, given back, or believed to say that the file is swap."""
    found = table(HOME + line)
    assert found.entries() == ()
    assert not found.vouches()
    assert found.with_line(None) == HOME + line
    assert found.with_line(OURS) == HOME + line + OURS + "\n"
    assert [entry.name for entry in found.others()] == [line.split()[0]]
    assert found.names() == ("highwater-swapfile",)


@pytest.mark.parametrize(
    ("line", "vouches"),
    [
        (OURS, True),
        (OURS.replace(" /swapfile", " //swapfile"), True),
        ("mine /swapfile /dev/urandom swap", True),
        ("highwater-swapfile /swapfile /dev/urandom plain", True),
        ("highwater-swapfile /old /dev/urandom swap", False),
        (HOME, False),
    ],
)
def test_what_says_that_the_file_is_swap(line, vouches):
    """Fails where another file's line, or one without swap, would do; or where a line of ours would not."""
    assert table(line).vouches() is vouches
    assert table(line).others() == ()


OTHERS = st.lists(st.sampled_from([HOME, "# text\n", "\n", "  x /y\t-\r\n", "swapfile /z none swap\n", "z\n", LUKS]))


@given(OTHERS, OTHERS)
def test_others_survive(before, behind):
    text = "".join(before) + OURS + "\n" + "".join(behind)
    assert table(text).with_line(None) == "".join(before + behind)
    assert table(text).with_line(OURS) == text
