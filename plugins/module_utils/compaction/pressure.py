# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a machine is short of memory at this moment: to move pages about would then be one work more."""

from __future__ import annotations

import time
from typing import Callable

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.parse.pressure import parse_pressure
from ansible_collections.highwater.memory.plugins.module_utils.parse.vmstat import parse_vmstat

PSI = "/proc/pressure/memory"
MOST_PERCENT = 10.0  # of the last ten seconds in which some task waited for memory
SAMPLE = 1.0  # seconds
# Without PSI: allocations that had to wait, and pages that the background reclaim has looked at.
COUNTERS = ("allocstall", "pgscan_kswapd")


def pressure(host: Host, sleep: Callable[[float], None] = time.sleep) -> str | None:
    """What shows that memory is short, in words; None where nothing does. Takes a second without PSI."""
    try:
        text = host.read(PSI)
    except OSError:  # psi=0: the file is there and cannot be read
        text = None
    if text is not None:
        some = parse_pressure(text).some.avg10
        return "tasks waited for memory in %.0f %% of the last ten seconds" % some if some > MOST_PERCENT else None
    before = _counters(host)
    sleep(SAMPLE)
    stalls, scanned = (after - then for after, then in zip(_counters(host), before))
    if stalls:
        return "%d allocations had to wait for reclaim within a second" % stalls
    return "kswapd looked at %d pages within a second" % scanned if scanned else None


def _counters(host: Host) -> tuple[int, ...]:
    """The sums over zones, which older kernels count apart: allocstall_normal, allocstall_movable ..."""
    found = parse_vmstat(host.must_read("/proc/vmstat"))
    return tuple(sum(found[name] for name in found if name.startswith(counter)) for counter in COUNTERS)
