# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The step that changes our record of settings, in words that say of which: only where it changes is this imported."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry


def record_step(old: Entry, new: Entry, listed: Callable[[list[str]], str], write: Any, back: Any) -> Plan:
    """Nothing where the entry stays; listed: names in words; write, back: the actions that note new and old."""
    if new == old:
        return ()
    settings, settled = old.get("settings", {}), new.get("settings", {})
    named = [name for name, one in settled.items() if settings.get(name) != one] or _noted_beyond(old, new)
    if named:
        does = "remember what %s was before us" % listed(named)
        return (Step(does, "state: absent gives it back", write, (back,)),)
    gone = [name for name in settings if name not in settled] or _noted_beyond(new, old)
    does = "forget %s in our record" % listed(gone) if gone else "bring our record up to date"
    return (Step(does, "", write, (back,)),)


def _noted_beyond(entry: Entry, more: Entry) -> list[str]:
    """Names of which more says what was before us, or that the running kernel keeps ours, and entry does not."""
    parts = ((entry, more), (entry.get("left", {}), more.get("left", {})))
    return sorted({name for one, other in parts for name in set(other.get("before", ())) - set(one.get("before", ()))})
