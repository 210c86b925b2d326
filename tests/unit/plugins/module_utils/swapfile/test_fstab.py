# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an entry about the swapfile is overlooked, one about something else is taken, or one that says the same
is written again."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.fstab import Table, make_line
from hypothesis import given, settings
from hypothesis import strategies as st

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


# -- back to what was ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ours_is_in"),
    [
        (None, OURS + "\n"),
        ("", OURS + "\n"),
        ("# last without an end", "# last without an end\n" + OURS + "\n"),
        ("a\r\nb\r\nc", "a\r\nb\r\nc\r\n" + OURS + "\r\n"),
        ("\n/my\\040swap swap swap defaults\n\nLABEL=big none swap sw\n\n", "\n" + OURS + "\n\n\n"),
        ("LABEL=big none swap sw", OURS),
        ("# a\nLABEL=big none swap sw\n/my\\040swap none swap sw", "# a\n" + OURS + "\n"),
    ],
)
def test_all_comes_back_as_it_was(text, ours_is_in):
    before = Table(text, PATH, TAGS)
    after = before._replace(text=before.with_line(OURS))
    assert after.text == ours_is_in
    assert after.given_back(before.before(), lines_too=True) == text


def test_what_others_wrote_in_the_meantime_stays():
    before = Table("# one\n/my\\040swap none swap sw 0 0\n# two\nLABEL=big none swap sw 0 0", PATH, TAGS)
    after = before._replace(text="# new\n" + before.with_line(OURS).replace("# one", "# changed") + "/dev/sdb / ext4\n")
    assert after.given_back(before.before(), lines_too=True) == (
        "# new\n# changed\n/my\\040swap none swap sw 0 0\n# two\nLABEL=big none swap sw 0 0\n/dev/sdb / ext4\n"
    )
    assert after.given_back(before.before(), lines_too=False) == "# new\n# changed\n# two\n/dev/sdb / ext4\n"


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["", "#", "# /my\\040swap none swap sw 0 0", "\t", "/my\\040swap none swap", "LABEL=big x swap"]
        ),
        st.sampled_from(
            [OURS, "UUID=1 / ext4 defaults 0 1", "/dev/vda2 none swap sw 0 0", "\ufeffLABEL=big none swap sw"]
        ),
        st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=30),
    ),
    max_size=12,
)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(LINES, st.lists(st.sampled_from(["\n", "\r\n"]), min_size=12, max_size=12), st.booleans(), st.booleans())
def test_random_files_survive(lines, endings, ended, missing):
    """Present changes no line but ours, absent leaves none of it, and giving all back gives the same bytes."""
    text = "".join(line + ending for line, ending in zip(lines, endings))
    if not ended:
        text = text[:-1]
    before = Table(None if missing and not text else text, PATH, TAGS)
    after = before._replace(text=before.with_line(OURS))
    assert after.says(OURS)
    others = others_of(before)
    ended = [*others[:-1], *(line + ending_of(after.text) for line in others[-1:])]  # ours would be glued to it
    assert others_of(after) in (others, ended)
    assert after.given_back(before.before(), lines_too=True) == before.text
    assert "".join(others) == (after.given_back(before.before(), lines_too=False) or "")


def ending_of(text):
    return "\r\n" if text.endswith("\r\n") else "\n"


def others_of(table):
    entries = table.entries()
    return [line.raw for line in table.lines() if line.entry not in entries]


@pytest.mark.parametrize("spec", ["//swapfile", "/./swapfile", "/.//swapfile"])
def test_the_path_in_another_way(spec):
    """Fails where that line is not known as the swapfile's: a second one would be put beside it."""
    theirs = "%s none swap sw 0 0\n" % spec
    ours = make_line("/swapfile", 10, True, "none")
    table = Table(theirs, "/swapfile")
    assert len(table.entries()) == 1
    assert table.with_line(ours) == ours + "\n"
    assert table.with_line(None) == ""


@pytest.mark.parametrize("path", ['/a"b', '/"', "/a'b", "/a#b", "/#", "/a\\b", "/a=b", "/UUID=1"])
def test_signs_in_a_path(path):
    """Fails where the line that was just written is not known again: each run would put another one beside it."""
    ours = make_line(path, 10, True, "none")
    table = Table(OTHERS + ours + "\n", path)
    assert table.says(ours)
    assert table.with_line(None) == OTHERS


@pytest.mark.parametrize("spec", ["/a/../swapfile", "swapfile", "/swap", "/swapfile.old"])
def test_other_paths_stay_others(spec):
    """Fails where more is made of a path than it says: `..` after a link leads elsewhere."""
    assert Table("%s none swap sw 0 0\n" % spec, "/swapfile").entries() == ()
