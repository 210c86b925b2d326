# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What can go wrong, as one sentence for a person."""

from __future__ import annotations


class LabError(Exception):
    """Says what was found and what would do; printed as it is, without a traceback.

    `evidence` is text to show below the sentence: the end of a console, the end of a log.
    """

    def __init__(self, sentence: str, evidence: str = "") -> None:
        super().__init__(sentence)
        self.evidence = evidence


class Stopped(Exception):
    """Ctrl-C or SIGTERM came; raised by the next wait, so that `finally` clauses clean up."""


def tail(text: str, lines: int = 20) -> str:
    """The last lines of a log, without the control characters a console is full of."""
    printable = "".join(c for c in text if c == "\n" or c.isprintable())
    return "\n".join(printable.rstrip().splitlines()[-lines:])
