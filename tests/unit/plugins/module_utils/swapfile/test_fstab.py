# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an entry about the swapfile is overlooked, one about something else is taken, or one that says the same
is written again."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.fstab import Table, make_line

PATH = "/my swap"
TAGS = ("UUID=6F0E4C1A-77b1-4ad3-9d0a-7f3f1e1f6f56", "LABEL=big")
OURS = make_line(PATH, 10, True, "none")
OTHERS = "# /my\\040swap none swap sw 0 0\nUUID=1 / ext4 defaults 0 1\n/dev/vda2 none swap sw 0 0\n"


def table(*lines):
    return Table(OTHERS + "".join(line + "\n" for line in lines), PATH, TAGS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((10, True, "none"), r"/my\040swap none swap sw,pri=10,nofail 0 0"),
        ((None, False, "none"), r"/my\040swap none swap sw 0 0"),
        ((0, True, "once"), r"/my\040swap none swap sw,pri=0,nofail,discard=once 0 0"),
        ((None, True, "both"), r"/my\040swap none swap sw,nofail,discard 0 0"),
    ],
)
def test_make_line(options, expected):
    assert make_line(PATH, *options) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (OURS, True),
        (r"/my\040swap	none	swap	nofail,pri=10", True),
        (r"/my\040swap none swap defaults,pri=10,nofail 0 0", True),
        (r"/my\040swap swap swap sw,pri=10,nofail 0 0", False),
        (r"/my\040swap none swap sw,pri=1,nofail 0 0", False),
        (r"/my\040swap none swap sw,pri=10,nofail,noauto 0 0", False),
        ("UUID=6f0e4c1a-77b1-4ad3-9d0a-7f3f1e1f6f56 none swap sw,pri=10,nofail 0 0", False),
    ],
)
def test_says(line, expected):
    assert table(line).says(OURS) is expected


def test_twice_is_not_what_one_line_says():
    assert not table(OURS, OURS).says(OURS)


@pytest.mark.parametrize(
    "line",
    [
        r"/my\040swap swap swap defaults",
        'UUID="6f0e4c1a-77b1-4ad3-9d0a-7f3f1e1f6f56" none swap sw 0 0',
        "LABEL=big none swap sw 0 0",
    ],
)
def test_every_way_to_name_it_is_found_and_replaced(line):
    assert table(line).with_line(OURS) == OTHERS + OURS + "\n"
    assert table(line, OURS, line).with_line(None) == OTHERS


def test_what_others_wrote_stays():
    for line in ("LABEL=BIG none swap sw 0 0", "/my none swap sw 0 0", "/my\\040swap /mnt ext4 loop 0 0"):
        assert table(line).with_line(OURS) == OTHERS + line + "\n" + OURS + "\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [("sw", None), ("discard", "both"), ("discard=once", "once"), ("pri=1,discard=pages", "pages")],
)
def test_discard(options, expected):
    assert table(r"/my\040swap none swap %s 0 0" % options).discard() == expected
