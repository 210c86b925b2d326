# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""fstab.

Fails when one byte that is not of our line changes: a comment, an ending, a tab, the blanks between somebody's fields;
when our line ends up twice or glued to another, or when a path with blanks is not found again.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import decode
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import (
    Entry,
    Line,
    encode,
    parse_fstab,
    replace_swap_entry,
    swap_entries,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SAMPLE = """\
# /etc/fstab: static file system information.
#
UUID=0a1b-2c3d\t/boot/efi vfat  umask=0077 0\t1
LABEL=root   /   ext4  errors=remount-ro,noatime  0  1

#/swapfile none swap sw 0 0
/swapfile\tnone swap sw,pri=10 0 0
/dev/mapper/vg-swap none swap defaults
/srv/a\\040b /mnt none bind
"""
OURS = "/swapfile none swap sw,pri=5,nofail 0 0"


def is_ours(entry: Entry) -> bool:
    return entry.spec == "/swapfile"


def replaced(text: str, new_line: str | None = OURS) -> str:
    return replace_swap_entry(parse_fstab(text), is_ours, new_line)


def test_entries() -> None:
    entries = [line.entry for line in parse_fstab(SAMPLE) if line.entry]
    assert entries == [
        Entry("UUID=0a1b-2c3d", "/boot/efi", "vfat", ("umask=0077",), 0, 1),
        Entry("LABEL=root", "/", "ext4", ("errors=remount-ro", "noatime"), 0, 1),
        Entry("/swapfile", "none", "swap", ("sw", "pri=10"), 0, 0),
        Entry("/dev/mapper/vg-swap", "none", "swap", ("defaults",), 0, 0),
        Entry("/srv/a b", "/mnt", "none", ("bind",), 0, 0),
    ]
    assert swap_entries(parse_fstab(SAMPLE)) == (entries[2], entries[3])


@pytest.mark.parametrize(
    ("raw", "entry"),
    [
        ("  /s none swap sw 0 0", Entry("/s", "none", "swap", ("sw",), 0, 0)),
        ("/s swap swap defaults 0 0\r\n", Entry("/s", "swap", "swap", ("defaults",), 0, 0)),
        ("/s none swap\n", Entry("/s", "none", "swap", (), 0, 0)),
        ("/s none swap\r\n", Entry("/s", "none", "swap", (), 0, 0)),
        ("/s none swap sw 1 2 three\n", Entry("/s", "none", "swap", ("sw",), 1, 2)),
        ("/s none swap sw # mine\n", Entry("/s", "none", "swap", ("sw",), 0, 0)),
        ("/s none swap sw,,x 0 0\n", Entry("/s", "none", "swap", ("sw", "x"), 0, 0)),
        ("/s none swap sw \u0661 99999999999\n", Entry("/s", "none", "swap", ("sw",), 0, 0)),
        ("/a\\040b\\011c\\134d none swap sw\n", Entry("/a b\tc\\d", "none", "swap", ("sw",), 0, 0)),
        ("/no\u00a0blank\u2028here none swap sw\n", Entry("/no\u00a0blank\u2028here", "none", "swap", ("sw",), 0, 0)),
        ("/form\x0cfeed none swap sw\n", Entry("/form\x0cfeed", "none", "swap", ("sw",), 0, 0)),
        ("# /s none swap sw 0 0\n", None),
        ("\t #/s none swap sw 0 0\n", None),
        ("\n", None),
        (" \t \r\n", None),
        ("/s none\n", None),
        ("garbage\n", None),
    ],
)
def test_a_line(raw: str, entry: Entry | None) -> None:
    assert parse_fstab(raw) == (Line(raw, entry),)


def test_an_empty_file_has_no_line() -> None:
    assert parse_fstab("") == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{OURS}\n"),
        ("a b c", f"a b c\n{OURS}\n"),
        ("a b c\n", f"a b c\n{OURS}\n"),
        ("a b c\r\nd e f", f"a b c\r\nd e f\r\n{OURS}\r\n"),
        ("a b c\r\nd e f\ng h i\n", f"a b c\r\nd e f\ng h i\n{OURS}\n"),
        ("a b c\r\nd e f\r\ng h i\n", f"a b c\r\nd e f\r\ng h i\n{OURS}\r\n"),
        ("/swapfile none swap sw 0 0", OURS),
        ("/swapfile none swap sw 0 0\r\na b c\n", f"{OURS}\r\na b c\n"),
        ("/swapfile swap swap sw\na b c\n/swapfile none swap sw", f"{OURS}\na b c\n"),
        ("/swapfile none swap sw\n\n/swapfile none swap x\n#e\n/swapfile none swap y\n", f"{OURS}\n\n#e\n"),
        ("#/swapfile none swap sw\n", f"#/swapfile none swap sw\n{OURS}\n"),
        ("/swapfile /mnt ext4 loop\n", f"/swapfile /mnt ext4 loop\n{OURS}\n"),
        (f"{OURS}\n", f"{OURS}\n"),
    ],
)
def test_replacing(before: str, after: str) -> None:
    assert replaced(before) == after
    assert replaced(after) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("a b c", "a b c"),
        ("/swapfile none swap sw", ""),
        ("a b c\r\n/swapfile none swap sw\r\nd e f", "a b c\r\nd e f"),
        ("/swapfile none swap sw\na b c\n/swapfile none swap sw\n", "a b c\n"),
        ("#/swapfile none swap sw\n", "#/swapfile none swap sw\n"),
    ],
)
def test_removing(before: str, after: str) -> None:
    assert replaced(before, None) == after


@pytest.mark.parametrize("line", ["a\nb", "a\n", "a\r", "\n"])
def test_a_line_of_ours_is_one_line(line: str) -> None:
    with pytest.raises(ValueError, match="is not one line"):
        replaced("", line)


def test_only_swap_entries_are_asked_about() -> None:
    everything_else = [line.raw for line in parse_fstab(SAMPLE) if not (line.entry and line.entry.vfstype == "swap")]
    assert replace_swap_entry(parse_fstab(SAMPLE), lambda entry: True, None) == "".join(everything_else)


# --- random files ----------------------------------------------------------------------------------------------------

FIELD = st.text(st.characters(exclude_characters=" \t\n\r", exclude_categories=["Cs"]), min_size=1, max_size=8)
GAP = st.text(" \t", min_size=1, max_size=3)
FOREIGN = st.one_of(
    st.just(""),
    st.text(" \t", max_size=4),
    FIELD.map("# {}".format),
    st.just("#/swapfile none swap sw 0 0"),
    FIELD,
    st.lists(st.tuples(FIELD, GAP), min_size=3, max_size=7).map(lambda pairs: "".join(a + b for a, b in pairs)),
    st.just("/dev/sdb2\tnone\tswap sw 0 0"),
)
MINE = st.sampled_from(["/swapfile none swap sw 0 0", " /swapfile\tswap swap defaults", "/swapfile none swap"])
BODY = st.one_of(st.tuples(FOREIGN, st.just(False)), st.tuples(MINE, st.just(True)))
ENDING = st.sampled_from(["\n", "\n", "\r\n"])


class File(NamedTuple):
    text: str
    lines: list[tuple[str, bool]]  # raw, and whether it is ours


def _file(drawn: list[tuple[tuple[str, bool], str]], cut: bool) -> File:
    """The file of those bodies and endings, the last ending left off where cut."""
    lines = [(body + ending, ours) for (body, ours), ending in drawn]
    if cut and drawn:
        lines[-1] = drawn[-1][0]
    return File("".join(raw for raw, _ours in lines), lines)


FILES = st.builds(_file, st.lists(st.tuples(BODY, ENDING), max_size=9), st.booleans())


@given(st.text())
def test_any_text_survives(text: str) -> None:
    assert "".join(line.raw for line in parse_fstab(text)) == text


@settings(max_examples=300)
@given(FILES)
def test_everything_but_ours_survives(file: File) -> None:
    text, lines = file
    foreign = [line for line, ours in lines if not ours]
    removed = replaced(text, None)
    assert removed == "".join(foreign)
    after = replaced(text)
    found = [line.raw for line in parse_fstab(after)]
    ours = [n for n, line in enumerate(found) if line.rstrip("\r\n") == OURS]
    assert len(ours) == 1
    del found[ours[0]]
    # A last line that lacked its newline got one, and only where ours was appended to it.
    assert "".join(found) in ("".join(foreign), "".join(foreign) + "\n", "".join(foreign) + "\r\n")
    assert replaced(after) == after


@settings(max_examples=300)
@given(FILES)
def test_ours_takes_the_place_of_the_first(file: File) -> None:
    text, lines = file
    places = [n for n, (_line, ours) in enumerate(lines) if ours]
    if places:
        after = parse_fstab(replaced(text))
        assert after[places[0]].entry == Entry("/swapfile", "none", "swap", ("sw", "pri=5", "nofail"), 0, 0)
        assert after[: places[0]] == parse_fstab(text)[: places[0]]


@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1))
def test_any_path_is_found_again(path: str) -> None:
    assert decode(encode(path)) == path
    (entry,) = swap_entries(parse_fstab(f"/{encode(path)} none swap sw 0 0\n"))
    assert entry.spec == "/" + path
