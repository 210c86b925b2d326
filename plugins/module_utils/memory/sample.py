# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two looks at a host some seconds apart, and what grew between them."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import State

# Of the kernel's counters those that vmstat returns. The kernel counts stalls by zone: allocstall is their sum.
COUNTERS = (
    "allocstall",
    "compact_stall",
    "compact_fail",
    "compact_success",
    "compact_daemon_wake",
    "kswapd_low_wmark_hit_quickly",
    "kswapd_high_wmark_hit_quickly",
    "pageoutrun",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "pswpin",
    "pswpout",
    "workingset_refault_anon",
    "workingset_refault_file",
    "pgfault",
    "pgmajfault",
    "thp_fault_alloc",
    "thp_fault_fallback",
    "zswpin",
    "zswpout",
    "oom_kill",
)
_BY_ZONE = "allocstall"


class Sample(NamedTuple):
    """before: the first look, None where one was all that was asked for; now: the last."""

    now: State
    before: Optional[State] = None

    @property
    def seconds(self) -> float:
        """How long it was; 0.0 for a single look."""
        return self.now.moment - self.before.moment if self.before else 0.0

    def total(self, name: str) -> int | None:
        """A counter since boot; None where the kernel has none."""
        return _counted(self.now, name)

    def grown(self, name: str) -> int | None:
        """What a counter has grown by; None for a single look."""
        was, now = _counted(self.before, name), _counted(self.now, name)
        return None if was is None or now is None else max(now - was, 0)

    def rate(self, name: str) -> float | None:
        """The same a second, to two decimals."""
        grown = self.grown(name)
        return None if grown is None else round(grown / self.seconds, 2)

    def waited(self, resource: str, kind: str) -> float | None:
        """Percent of the sample for which tasks waited (kind as in Pressure); None without pressure or a sample."""
        was, now = (_total(state, resource, kind) for state in (self.before, self.now))
        if was is None or now is None:
            return None
        return round(min((now - was) / self.seconds / 1e4, 100.0), 2)


def _counted(state: Optional[State], name: str) -> int | None:
    if state is None or state.vmstat is None:
        return None
    if name == _BY_ZONE:
        found = [count for counter, count in state.vmstat.items() if counter.startswith(_BY_ZONE)]
        return sum(found) if found else None
    return state.vmstat.get(name)


def _total(state: Optional[State], resource: str, kind: str) -> int | None:
    pressure = state.pressure.get(resource) if state and state.pressure else None
    share = getattr(pressure, kind) if pressure else None
    return None if share is None else int(share.total)
