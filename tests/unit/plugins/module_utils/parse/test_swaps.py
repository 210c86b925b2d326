# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""/proc/swaps.

Fails when a path does not come back as it was given to swapon (blanks, newlines, backslashes, letters beyond ASCII),
when an area that was unlinked looks like one that was not, or when sizes are not in bytes.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import encode
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea, parse_swaps
from hypothesis import given
from hypothesis import strategies as st

HEADING = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
# A file's name has no NUL and no slash; one that ends in " (deleted)" cannot be told from one that was.
PATHS = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=40)


def area(text: str) -> SwapArea:
    (found,) = parse_swaps(HEADING + text + "\n")
    return found


def test_no_swap() -> None:
    assert parse_swaps(HEADING) == ()


def test_a_zram_above_a_file() -> None:
    text = (
        HEADING
        + "/dev/zram0                              partition\t4194300\t\t102400\t\t100\n"
        + "/swapfile                               file\t\t2097148\t\t0\t\t-2\n"
    )
    assert parse_swaps(text) == (
        SwapArea("/dev/zram0", "partition", 4194300 * 1024, 102400 * 1024, 100, False),
        SwapArea("/swapfile", "file", 2097148 * 1024, 0, -2, False),
    )


@pytest.mark.parametrize(
    ("field", "path", "deleted"),
    [
        (r"/mnt/a\040b", "/mnt/a b", False),
        (r"/mnt/a\011b\012c\134d", "/mnt/a\tb\nc\\d", False),
        (r"/mnt/\134040", r"/mnt/\040", False),
        (r"/swapfile\040(deleted)", "/swapfile", True),
        ("/swapfile (deleted)", "/swapfile", True),
        (r"/a\040b\040(deleted)", "/a b", True),
        ("/deleted)", "/deleted)", False),
        (r"/x(deleted)", "/x(deleted)", False),
        ("/mnt/größe", "/mnt/größe", False),
        (r"/mnt/gr\303\266\303\237e", "/mnt/größe", False),
        (r"/mnt/\377", "/mnt/\udcff", False),
        ("/mnt/\udcff", "/mnt/\udcff", False),
        (r"/mnt/\9\04", r"/mnt/\9\04", False),
        (r"/mnt/\400", r"/mnt/\400", False),
        ("/mnt/x\\", "/mnt/x\\", False),
        ("/mnt/file", "/mnt/file", False),
    ],
)
def test_path(field: str, path: str, deleted: bool) -> None:
    assert area(f"{field} file 8 4 -2") == SwapArea(path, "file", 8192, 4096, -2, deleted)


@given(PATHS.filter(lambda path: not path.endswith(" (deleted)")), st.booleans(), st.integers(-9, 32767))
def test_every_path_comes_back(name: str, deleted: bool, priority: int) -> None:
    # As seq_file_path() writes it: these four and no others are escaped. The rest of what Python would call
    # a line's end or a blank is left as it is by the kernel.
    path = "/" + name
    field = encode(path + " (deleted)" if deleted else path)
    assert area(f"{field}\tfile\t\t8\t\t4\t\t{priority}") == SwapArea(path, "file", 8192, 4096, priority, deleted)


@pytest.mark.parametrize(
    ("malformed", "says"),
    [
        ("", "found '' where the heading"),
        ("/swapfile file 8 0 -2\n", "found '/swapfile file 8 0 -2' where the heading"),
        (HEADING + "/swapfile file 8 0\n", "found '/swapfile file 8 0'"),
        (HEADING + "/swapfile folder 8 0 -2\n", "found '/swapfile folder 8 0 -2'"),
        (HEADING + "/swapfile file 8k 0 -2\n", "found '/swapfile file 8k 0 -2' where a whole number"),
        (HEADING + "/swapfile file -8 0 -2\n", "where a whole number"),
        (HEADING + "/swapfile file 8 0 --2\n", "where a whole number"),
        (HEADING + "/swapfile file 8 0 -\n", "where a whole number"),
        (HEADING + "file 8 0 -2\n", "found 'file 8 0 -2'"),
    ],
)
def test_malformed(malformed: str, says: str) -> None:
    with pytest.raises(ParseError, match=f"^/proc/swaps: .*{says}"):
        parse_swaps(malformed)


def test_a_zram_that_was_turned_on_in_a_mount_namespace_of_its_own() -> None:
    """The kernel names it from the root of that devtmpfs: a unit with Private... or Protect... (seen on Linux 6.12)."""
    assert area("/zram0 partition 4 0 100").path == "/dev/zram0"
    assert area("/zram0 file 4 0 100").path == "/zram0"
    assert area("/zramx partition 4 0 100").path == "/zramx"
