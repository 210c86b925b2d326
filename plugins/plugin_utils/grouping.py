# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings that many hosts have in common, told once."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

from ansible_collections.highwater.memory.plugins.plugin_utils.fleet import Row, severity_place


class Group(NamedTuple):
    """One rule that has spoken, in one severity.

    title, advice: what all have in common; the advice is empty where each has its own.
    found:         host, and what is said of it, in the order of the rows.
    """

    severity: str
    title: str
    advice: str
    found: list[tuple[str, str]]

    @property
    def hosts(self) -> int:
        """On how many: a host may have it more than once."""
        return len({host for host, _said in self.found})


def groups(seen: Sequence[Row]) -> list[Group]:
    """By severity and rule: the worst first, then what most hosts have."""
    together: dict[tuple[str, str], list[tuple[str, Mapping[str, str]]]] = {}
    for row in seen:
        for one in row.findings:
            together.setdefault((one["severity"], one["name"]), []).append((row.host, one))
    told = [_group(severity, name, found) for (severity, name), found in together.items()]
    return sorted(told, key=lambda group: (severity_place(group.severity), -group.hosts))


def _group(severity: str, name: str, found: list[tuple[str, Mapping[str, str]]]) -> Group:
    """Where the words differ from host to host, the name of the rule stands for all."""
    findings, advices = ({one[key] for _host, one in found} for key in ("finding", "advice"))
    words = "{subject}: {evidence}" if len(findings) == 1 else "{finding}: {evidence}"
    words += "" if len(advices) == 1 else " → {advice}"
    return Group(
        severity,
        findings.pop() if len(findings) == 1 else name.replace("_", " "),
        advices.pop() if len(advices) == 1 else "",
        [(host, words.format(**one)) for host, one in found],
    )
