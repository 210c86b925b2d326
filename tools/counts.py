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
    # From the line's beginning: the name of a test may say "2 failed in 0.1s", too.
    closing = re.findall(r"^(?:=+ |\x1b\[[\d;]*m)*\d+ \w+.* in [\d.]+s\b.*$", text, re.MULTILINE)

    def number(words: str) -> int:
        return sum(int(n) for line in closing for n in re.findall(rf"(\d+) (?:{words})\b", line))

    return Counts(number("passed|xpassed"), number("failed|errors?"), number("skipped|xfailed"))


def sanity(text: str, _code: int) -> Counts:
    """One for each sanity test and Python version that `ansible-test sanity` ran."""
    return ansible_test(text, r'Running sanity test ".*')


def integration(text: str, _code: int) -> Counts:
    """One for each target that `ansible-test integration` ran."""
    return ansible_test(text, r"Running \S+ integration test (?:role|script)")


def ansible_test(text: str, ran: str) -> Counts:
    """What ran is announced line by line, what failed is listed at the end."""
    announced = len(set(re.findall(f"^{ran}", text, re.MULTILINE)))
    listed = re.search(r"The (\d+) \w+ test\(s\) listed below", text)
    failed = int(listed[1]) if listed else 0
    return Counts(announced - failed, failed)


def molecule(text: str, code: int) -> Counts:
    """One for each action of a scenario's sequence, from the list at the end.

    An action without a playbook is "missing" to molecule and no error; where the rest went well it is one to us,
    because it is in the sequence and did not happen.
    """
    done = re.findall(r"^\S+ > \w+: Executed: (\w+)", text, re.MULTILINE)
    missing = done.count("Missing") if code == 0 else 0
    return Counts(done.count("Successful"), done.count("Failed") + missing)
