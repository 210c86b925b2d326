# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What memory_compact sees of a host: its nodes, their free blocks, and when they were compacted last."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.container import container, inside
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies, parse_buddyinfo

NODES = "/sys/devices/system/node"
WHOLE_MACHINE = "/proc/sys/vm/compact_memory"
# When nodes were compacted, in seconds since the boot: /run is empty after one.
FOLDER = "/run/highwater-memory"
REMEMBERED = FOLDER + "/compacted.json"


class State(NamedTuple):
    """A host before or after.

    triggers: by node the file whose writing compacts it. A kernel without nodes is one, and its file is the machine's.
    zones:    free blocks, of zones that have memory.
    last:     by node the seconds since it was compacted by us; None where that was never, in this boot.
    """

    triggers: Mapping[int, str]
    zones: tuple[Buddies, ...]
    last: Mapping[int, Optional[float]]

    def of_node(self, node: int) -> tuple[Buddies, ...]:
        """The zones of one node."""
        return tuple(zone for zone in self.zones if zone.node == node)

    @property
    def highest_order(self) -> int:
        """The largest block that this kernel keeps is 2 to this power of pages."""
        return max(len(zone.blocks) for zone in self.zones) - 1


def observe(host: Host) -> State:
    """Read the host. Unsupported where nothing can be compacted: in a container, without CONFIG_COMPACTION."""
    zones = parse_buddyinfo(host.must_read("/proc/buddyinfo"))
    triggers = _triggers(host, zones)
    kind = container(host)
    if kind or not all(os.access(host.path(path), os.W_OK) for path in triggers.values()):
        raise Unsupported(
            "memory cannot be compacted in %s: it belongs to the machine whose kernel this is, so run it "
            "there" % inside(kind or "/proc/sys and /sys are read-only"),
            reason="container",
            container=kind,
        )
    if not triggers:
        raise Unsupported(
            "this kernel has neither %s nor %s/node0/compact: take one that is built with CONFIG_COMPACTION"
            % (WHOLE_MACHINE, NODES),
            reason="feature",
        )
    remembered = _remembered(host)
    now = since_boot()
    last = {node: now - remembered[node] if node in remembered else None for node in triggers}
    return State(triggers, zones, last)


def _triggers(host: Host, zones: tuple[Buddies, ...]) -> dict[int, str]:
    """Nodes with memory; without folders for nodes the one file for the whole machine."""
    found = {zone.node: "%s/node%d/compact" % (NODES, zone.node) for zone in zones}
    if all(host.exists(path) for path in found.values()):
        return found
    return dict.fromkeys(found, WHOLE_MACHINE) if host.exists(WHOLE_MACHINE) else {}


def _remembered(host: Host) -> dict[int, float]:
    """What remember() wrote; nothing where that is damaged, since it only keeps us from doing the same again."""
    try:
        found = json.loads(host.read(REMEMBERED) or "{}")
        return {int(node): float(moment) for node, moment in found.items() if re.match(r"\d+\Z", node)}
    except (ValueError, TypeError, AttributeError):
        return {}


def remember(host: Host, nodes: tuple[int, ...]) -> None:
    """Write down that these nodes have been compacted just now."""
    moments = _remembered(host)
    moments.update(dict.fromkeys(nodes, since_boot()))
    host.make_folder(FOLDER)
    host.install(REMEMBERED, json.dumps(moments, sort_keys=True) + "\n", 0o600)


def forget(host: Host) -> None:
    """Take away what remember() wrote, and its folder where nothing else is in it."""
    host.remove(REMEMBERED)
    host.remove_empty_folders(FOLDER, os.path.dirname(FOLDER))


def since_boot() -> float:
    """Seconds since the boot, of suspension too: no change of the clock keeps a node from being compacted."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
