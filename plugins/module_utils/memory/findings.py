# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong, or about to be: the rules, tried one after another, and what they say."""

from __future__ import annotations

import string
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.memory.rules import files, reclaim, swap, use, zram
from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import SEVERITIES, Case, Rule
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample

# A new rule is a row in one of these files.
RULES: tuple[Rule, ...] = swap.RULES + zram.RULES + reclaim.RULES + use.RULES + files.RULES


def of(sample: Sample) -> list[dict[str, Any]]:
    """The findings, the most severe first."""
    found = [_said(rule, case) for rule in RULES for case in rule.when(sample)]
    return sorted(found, key=lambda one: SEVERITIES.index(one["severity"]))


def _said(rule: Rule, case: Case) -> dict[str, Any]:
    words = _Words()
    return {
        "name": rule.name,
        "severity": case.get("severity", rule.severity),
        "subject": case.get("subject", rule.subject),
        "finding": words.vformat(rule.finding, (), case),
        "evidence": words.vformat(rule.evidence, (), case),
        "advice": words.vformat(rule.advice, (), case),
        "source": rule.source,
    }


class _Words(string.Formatter):
    """str.format, with a format for amounts in bytes."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec != "size":
            return str(super().format_field(value, format_spec))
        # Only where something is said: most hosts have nothing to say.
        from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size

        return format_size(value)
