# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What memory_info answers (see core/runner.py): one look or two, and what was asked for of them."""

from __future__ import annotations

import math
import time
from typing import Any, Iterable

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.memory.arguments import CHEAP
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import observe
from ansible_collections.highwater.memory.plugins.module_utils.memory.subsets import SUBSETS

LONGEST = 3600.0  # seconds
MOVING = ("vmstat", "pressure")  # what grows, and so is looked at twice


def memory_info(params: dict[str, Any], host: Host, _check_mode: bool) -> dict[str, Any]:
    """The subsets that were asked for; nothing is changed. Raises HighwaterError, ParseError and OSError."""
    seconds = _seconds(params)
    wanted = _wanted(params["gather"])
    sources = {source for name in wanted for source in SUBSETS[name].sources}
    before = observe(host, sources.intersection(MOVING)) if seconds else None
    traced = _wait(params, host, seconds)
    sample = Sample(observe(host, sources), before)
    memory: dict[str, Any] = {name: SUBSETS[name].show(host, sample) for name in wanted}
    memory["sample"] = round(sample.seconds, 3) if before else None
    if params["trace"]:
        memory["trace"] = traced
    return {"changed": False, "memory": memory, "warnings": []}


def _seconds(params: dict[str, Any]) -> float:
    """How long to look. Raises HighwaterError."""
    seconds = float(params["sample"])
    if not 0 <= seconds <= LONGEST or math.isnan(seconds):
        raise HighwaterError("sample: %g is out of range: write seconds from 0 to %d" % (seconds, LONGEST))
    if params["trace"] and not seconds:
        raise HighwaterError("trace: true counts over some time: write sample: 10, say, beside it")
    return seconds


def _wanted(asked: Iterable[str]) -> list[str]:
    """The names of the subsets, each once, in the order in which they are returned."""
    names = set(asked)
    return [name for name, subset in SUBSETS.items() if name in names or (CHEAP in names and not subset.opt_in)]


def _wait(params: dict[str, Any], host: Host, seconds: float) -> dict[str, Any] | None:
    """Let the time pass, and count meanwhile where that is asked for."""
    if not params["trace"]:
        if seconds:
            time.sleep(seconds)
        return None
    from ansible_collections.highwater.memory.plugins.module_utils.memory import trace  # as subsets.py has it

    return trace.watch(host, seconds)
