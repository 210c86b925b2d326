# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mount unit of the distribution's own (Debian's tmp.mount) is kept from mounting where a filesystem of ours is."""

from __future__ import annotations

import os

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Link, Unlink
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import UNITS, unit_of
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import MASK
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import State


def mask_steps(wanted: Filesystem | None, state: State, persistent: bool) -> Plan:
    """Keep a unit of the distribution's own (Debian's tmp.mount) from mounting at the same place at boot; what was kept
    from it before and need not be any more is given back."""
    place, had = state.mount_point, state.record.get("filesystem") or {}
    if wanted is None or place is None or not persistent or had.get("mount_point", place.path) != place.path:
        back = unmask_steps(state, "nothing else is mounted there any more")
    else:
        back = ()
    if wanted is None or place is None or not persistent or not place.vendor or place.masked:
        return back
    unit, link = unit_of(place.path, "mount"), _mask(place.path)
    return back + (
        Step(
            "mask %s" % unit,
            "%s would mount at %s as well" % (place.vendor, place.path),
            Link(link, MASK),
            (Unlink(link),),
        ),
    )


def unmask_steps(state: State, why: str) -> Plan:
    """Give back what mask_steps() has taken, as the record has it, unless it is somebody's own unit by now."""
    if not state.masked:
        return ()
    link = _mask(state.record["filesystem"]["mount_point"])
    return (Step("unmask %s" % os.path.basename(link), why, Unlink(link), (Link(link, MASK),)),)


def _mask(place: str) -> str:
    return "%s/%s" % (UNITS, unit_of(place, "mount"))
