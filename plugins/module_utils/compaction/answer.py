# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What memory_compact answers."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.compaction.state import State
from ansible_collections.highwater.memory.plugins.module_utils.compaction.work import Done, compact
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import error_facts
from ansible_collections.highwater.memory.plugins.module_utils.memory.fragmentation import (
    free_pages,
    suitable_blocks,
    unusable_index,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies


def answer(params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """One pass; ``changed`` is whether something was compacted, in check mode whether it would be."""
    try:
        done = compact(params, host, check_mode)
    except Unsupported as error:
        if params["on_unsupported"] != "skip":
            raise
        facts = error_facts(error, host)
        return dict(facts, changed=False, actions=[], msg=error.message, warnings=[error.message])
    order = done.request.order
    return {
        "changed": bool(done.compacted),
        "actions": [
            "compact node %d (unusable index of order %d: %s)" % (verdict.node, order, verdict.why)
            for verdict in done.verdicts
            if verdict.compact
        ],
        "order": order,
        "nodes": [{"node": one.node, "compacted": one.compact, "why": one.why} for one in done.verdicts],
        "zones": zones(done),
        "diff": {"before": {"compacted": []}, "after": {"compacted": list(done.compacted)}},
        "warnings": [],
    }


def zones(done: Done) -> list[dict[str, Any]]:
    """The index of each zone of the nodes that were meant, before and after; after is null in check mode."""
    meant = [verdict.node for verdict in done.verdicts]
    untouched = done.before if not done.compacted else None
    after = done.after or untouched
    order = done.request.order
    return [
        {
            "node": zone.node,
            "zone": zone.zone,
            "before": _figures(zone, order),
            "after": _figures(_same(after, zone), order),
        }
        for zone in done.before.zones
        if zone.node in meant
    ]


def _same(state: Optional[State], zone: Buddies) -> Buddies | None:
    of_node = state.of_node(zone.node) if state else ()
    return next((one for one in of_node if one.zone == zone.zone), None)


def _figures(zone: Optional[Buddies], order: int) -> dict[str, Any] | None:
    if zone is None:
        return None
    return {
        "unusable_index": unusable_index(zone.blocks, order),
        "usable_blocks": suitable_blocks(zone.blocks, order),
        "free_pages": free_pages(zone.blocks),
    }
