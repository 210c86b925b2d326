# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes are worth being compacted, and compacting them: pure but for compact()."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.compaction.pressure import pressure
from ansible_collections.highwater.memory.plugins.module_utils.compaction.state import State, observe, remember
from ansible_collections.highwater.memory.plugins.module_utils.core.age import age_in_seconds
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.memory.fragmentation import (
    free_pages,
    suitable_blocks,
    unusable_index,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies

# What compaction needs free to move pages to, in blocks of the order: compact_gap() of mm/internal.h.
GAP = 2


class Request(NamedTuple):
    """What is asked for; nodes None for all, min_interval in seconds."""

    order: int
    threshold: float
    nodes: Optional[tuple[int, ...]]
    min_interval: float
    skip_under_pressure: bool


class Verdict(NamedTuple):
    """Of one node: whether it is to be compacted, and why or why not."""

    node: int
    compact: bool
    why: str


class Done(NamedTuple):
    """What a run found and did; after is None where nothing was compacted, or only would be."""

    request: Request
    verdicts: tuple[Verdict, ...]
    before: State
    after: Optional[State]

    @property
    def compacted(self) -> tuple[int, ...]:
        """Nodes that were compacted, in check mode that would be."""
        return tuple(verdict.node for verdict in self.verdicts if verdict.compact)


def request(params: Mapping[str, Any], state: State) -> Request:
    """Raises HighwaterError for bad input."""
    order, threshold, nodes = params["order"], params["threshold"], params["nodes"]
    if not 1 <= order <= state.highest_order:
        raise HighwaterError(
            "order: %d is no block that this kernel makes from smaller ones: write 1 to %d"
            % (order, state.highest_order)
        )
    if not 0 <= threshold <= 1:  # nan is neither
        raise HighwaterError(
            "threshold: %s is no part of free memory: write 0.0 (where any of it is in smaller blocks) to 1.0 (never)"
            % params["threshold"]
        )
    unknown = sorted(set(nodes or ()) - set(state.triggers))
    if unknown:
        raise HighwaterError(
            "nodes: this machine has no node %d with memory: it has %s"
            % (unknown[0], ", ".join(map(str, sorted(state.triggers))))
        )
    return Request(
        order,
        threshold,
        None if nodes is None else tuple(nodes),
        age_in_seconds("min_interval", params["min_interval"]),
        params["skip_under_pressure"],
    )


def verdicts(asked: Request, state: State) -> tuple[Verdict, ...]:
    """Of each node that is meant, by what is free there and when it was compacted last."""
    nodes = sorted(state.triggers) if asked.nodes is None else sorted(set(asked.nodes))
    return tuple(_verdict(asked, state, node) for node in nodes)


def _verdict(asked: Request, state: State, node: int) -> Verdict:
    broken = [zone for zone in state.of_node(node) if unusable_index(zone.blocks, asked.order) > asked.threshold]
    if not broken:
        return Verdict(node, False, "no zone is above %g" % asked.threshold)
    usable = [zone for zone in broken if free_pages(zone.blocks) >= GAP << asked.order]
    said = ", ".join("%s %.3f" % (zone.zone, unusable_index(zone.blocks, asked.order)) for zone in usable or broken)
    if not usable:
        return Verdict(node, False, "%s, but less is free there than compaction needs to work in" % said)
    last = state.last[node]
    if last is not None and last < asked.min_interval:
        return Verdict(node, False, "%s, but it was compacted %d s ago" % (said, last))
    return Verdict(node, True, "%s, above %g" % (said, asked.threshold))


def compact(
    params: Mapping[str, Any], host: Host, check_mode: bool, short: Callable[[Host], Optional[str]] = pressure
) -> Done:
    """Look, judge, compact, and look again. short: says whether memory is short. Raises HighwaterError and OSError."""
    before = observe(host)
    asked = request(params, before)
    found = verdicts(asked, before)
    if asked.skip_under_pressure and any(verdict.compact for verdict in found):
        reason = short(host)
        if reason:
            found = tuple(_spared(verdict, reason) for verdict in found)
    done = Done(asked, found, before, None)
    if check_mode or not done.compacted:
        return done
    # One file may stand for several nodes.
    for path in dict.fromkeys(before.triggers[node] for node in done.compacted):
        host.write_kernel(path, "1")
    remember(host, done.compacted)
    return done._replace(after=observe(host))


def _spared(verdict: Verdict, reason: str) -> Verdict:
    return verdict._replace(compact=False, why="%s, but %s" % (verdict.why, reason)) if verdict.compact else verdict


def zone_words(zone: Buddies, order: int) -> str:
    """Its index and what can be had at once: ``0.930 (12 blocks)``."""
    return "%.3f (%d blocks)" % (unusable_index(zone.blocks, order), suitable_blocks(zone.blocks, order))
