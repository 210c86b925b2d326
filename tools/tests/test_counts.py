# SPDX-License-Identifier: GPL-3.0-or-later
"""What test programs print, and what we read in it."""

from __future__ import annotations

import counts
import pytest
from counts import Counts

UNITS = """\
Unit test modules with Python 3.8
1 passed in 0.10s
Unit test module_utils with Python 3.8
======== 2 failed, 117 passed, 1 skipped, 1 xfailed, 1 error in 61.20s (0:01:01) ========
"""

NAMED = """\
tests/test_it.py::test_outcome[echo 3 passed, 2 failed in 0.1s; exit 1-3-2] PASSED [ 50%]
tests/test_it.py::test_outcome[echo 3 passed in 0.1s-3-0-] PASSED [100%]
============================= 2 passed in 0.52s =============================
"""

SANITY = """\
Running sanity test "compile" on Python 3.8
Running sanity test "compile" on Python 3.13
WARNING: Skipping sanity test "compile" on Python 3.9 because it could not be found.
Running sanity test "pylint"
ERROR: Found 1 pylint issue(s) which need to be resolved:
"""

INTEGRATION = """\
Running swapfile integration test role
Running zram_device integration test role
"""

MOLECULE = """\
INFO     [default > verify] Executed: Successful
DETAILS
default > create: Executed: Successful
default > side_effect: Executed: Missing playbook (Remove from test_sequence to suppress)
default > verify: Executed: Successful
"""


@pytest.mark.parametrize(
    ("counter", "text", "code", "expected"),
    [
        (counts.one, "", 0, Counts(1, 0)),
        (counts.one, "", 3, Counts(0, 1)),
        (counts.pytest, UNITS, 1, Counts(118, 3, 2)),
        (counts.pytest, NAMED, 0, Counts(2, 0)),
        (counts.pytest, "\x1b[32m\x1b[1m3 passed\x1b[0m\x1b[32m in 0.10s\x1b[0m", 0, Counts(3, 0)),
        (counts.pytest, "\x1b[31m===== \x1b[31m\x1b[1m1 failed\x1b[0m\x1b[31m in 0.10s\x1b[0m", 1, Counts(0, 1)),
        (counts.pytest, "no tests ran in 0.01s", 5, Counts()),
        (counts.pytest, "I passed 3 passed doors", 0, Counts()),
        (counts.sanity, SANITY, 0, Counts(3, 0)),
        (counts.sanity, SANITY + "FATAL: The 1 sanity test(s) listed below (out of 3) failed.", 1, Counts(2, 1)),
        (counts.sanity, "WARNING: All targets skipped.", 0, Counts()),
        (counts.integration, INTEGRATION, 0, Counts(2, 0)),
        (counts.integration, INTEGRATION + "The 2 integration test(s) listed below (out of 2)", 1, Counts(0, 2)),
        (counts.integration, "WARNING: Excluding tests marked destructive", 0, Counts()),
        (counts.molecule, MOLECULE, 0, Counts(2, 1)),
        (counts.molecule, MOLECULE + "default > converge: Executed: Failed (code 2)", 1, Counts(2, 1)),
    ],
)
def test_counting(counter: counts.Counter, text: str, code: int, expected: Counts) -> None:
    assert counter(text, code) == expected


def test_the_closing_line() -> None:
    assert str(counts.total([Counts(1), Counts(2, 1)])) == "3 passed, 1 failed"
    assert str(counts.total([Counts(1), Counts(0, 0, 2)])) == "1 passed, 0 failed, 2 skipped"
