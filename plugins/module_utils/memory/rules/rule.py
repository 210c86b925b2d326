# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule is: when it speaks, and in which words."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample

CRITICAL, WARNING, INFO = SEVERITIES = ("critical", "warning", "info")  # the worst first

# Over a shorter time a rate says little: a single burst is no state.
LEAST_SECONDS = 5.0

Case = Mapping[str, Any]


class Rule(NamedTuple):
    """One thing that can be wrong.

    name:     a fixed word, by which roles and people decide.
    when:     gives the cases that there are, none where the rule is silent: figures by name, for the words.
              ``severity`` and ``subject`` in a case count instead of the rule's. It reads nothing, and is silent about
              what was not read.
    finding, evidence, advice: templates of str.format over a case; ``{free:size}`` is an amount in bytes for a reader.
    source:   where the rule and its thresholds come from; "judgement" where nobody else has said so.
    """

    name: str
    severity: str
    subject: str
    when: Callable[[Sample], Iterable[Case]]
    finding: str
    evidence: str
    advice: str
    source: str


def rated(sample: Sample) -> bool:
    """Whether a rate may be judged."""
    return sample.seconds >= LEAST_SECONDS


def grown(sample: Sample, name: str) -> int:
    """What a counter has grown by in a sample that may be judged; 0 where nothing can be said."""
    return (sample.grown(name) or 0) if rated(sample) else 0


def memory(sample: Sample, name: str) -> int:
    """A value of /proc/meminfo; 0 where it was not read or this kernel has none."""
    return (sample.now.meminfo or {}).get(name, 0)


def available(sample: Sample) -> int:
    """Memory that programs can still have; kernels before 3.14 do not say it, so there it is what is free."""
    return memory(sample, "MemAvailable" if "MemAvailable" in (sample.now.meminfo or {}) else "MemFree")


def setting(sample: Sample, name: str) -> int | None:
    """A vm setting; None where it was not read or this kernel has none."""
    return (sample.now.settings or {}).get(name)
