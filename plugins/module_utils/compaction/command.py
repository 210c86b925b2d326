# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the timer of role compaction runs: memory_compact without Ansible, and a line with figures for the journal."""

from __future__ import annotations

import argparse

from ansible_collections.highwater.memory.plugins.module_utils.commands import say
from ansible_collections.highwater.memory.plugins.module_utils.compaction.arguments import ORDER, THRESHOLD
from ansible_collections.highwater.memory.plugins.module_utils.compaction.work import Done, compact, zone_words
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

NAME = "memory-compact"


def compact_command(words: list[str]) -> int:
    """Compact where it helps; the exit status. Raises HighwaterError and OSError."""
    parser = argparse.ArgumentParser(prog=NAME, description="Compact memory where that helps.")
    parser.add_argument("--order", type=int, default=ORDER, help="of blocks that are wanted (default: %(default)s)")
    parser.add_argument(
        "--threshold", type=float, default=THRESHOLD, help="unusable index above which (default: %(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="only say what would be done")
    asked = parser.parse_args(words)
    params = {
        "order": asked.order,
        "threshold": asked.threshold,
        "nodes": None,
        "min_interval": "0s",  # the calendar of the timer says when
        "skip_under_pressure": True,
    }
    say(line(compact(params, Host(), asked.check)))
    return 0


def line(done: Done) -> str:
    """One line: each node, what was done there, and its figures."""
    order = done.request.order
    return "order %d: %s" % (order, "; ".join(_node(done, *verdict) for verdict in done.verdicts))


def _node(done: Done, node: int, compacted: bool, why: str) -> str:
    if not compacted:
        return "node %d left alone (%s)" % (node, why)
    if done.after is None:
        return "node %d would be compacted (%s)" % (node, why)
    after = {zone.zone: zone for zone in done.after.of_node(node)}
    order = done.request.order
    figures = (
        "%s %s -> %s" % (zone.zone, zone_words(zone, order), zone_words(after[zone.zone], order))
        for zone in done.before.of_node(node)
        if zone.zone in after
    )
    return "node %d compacted, unusable index (and blocks) before -> after: %s" % (node, ", ".join(figures))
