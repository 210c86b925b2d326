# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts tests in what test programs print: pure functions from text and exit code to numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Counts(NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


# From what a program printed and its exit code.
Counter = Callable[[str, int], Counts]


def total(all_counts: list[Counts]) -> Counts:
    passed, failed, skipped = (sum(numbers) for numbers in zip(*all_counts, strict=True))
    return Counts(passed, failed, skipped)


def one(_text: str, code: int) -> Counts:
    """A program that only says yes or no."""
    return Counts(passed=1) if code == 0 else Counts(failed=1)


def pytest(text: str, _code: int) -> Counts:
    """The closing lines of pytest, which `ansible-test units` runs once for modules, module_utils and the rest each."""
    closing = re.findall(r"^.*\d+ \w+.* in [\d.]+s\b.*$", text, re.MULTILINE)

    def number(words: str) -> int:
        return sum(int(n) for line in closing for n in re.findall(rf"(\d+) (?:{words})\b", line))

    return Counts(number("passed|xpassed"), number("failed|errors?"), number("skipped|xfailed"))


def sanity(text: str, _code: int) -> Counts:
    """One for each sanity test and Python version that `ansible-test sanity` ran."""
    ran = len(re.findall(r'^Running sanity test "', text, re.MULTILINE))
    failed = re.search(r"The (\d+) sanity test\(s\) listed below", text)
    broken = int(failed[1]) if failed else 0
    return Counts(ran - broken, broken)


def integration(text: str, code: int) -> Counts:
    """One for each target that `ansible-test integration` ran. It stops at the first that fails."""
    ran = len(re.findall(r"^Running \S+ integration test (?:role|script)", text, re.MULTILINE))
    broken = min(ran, int(code != 0))
    return Counts(ran - broken, broken)


def molecule(text: str, code: int) -> Counts:
    """One for each task that a host carried out: `ok=` and `failed=` of Ansible's recaps."""
    passed = sum(map(int, re.findall(r"\bok=(\d+)\s+changed=", text)))
    failed = sum(map(int, re.findall(r"\bfailed=(\d+)\s+skipped=", text)))
    return Counts(passed, failed)
