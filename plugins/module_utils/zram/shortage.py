# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A size that the kernel refuses may only lack memory for a moment.

Linux allocates an algorithm's tables when the size is written: where the kernel is not preemptible with GFP_ATOMIC, and
in pieces of several pages, which full memory does not have before it is reclaimed and compacted. zstd answers that with
EINVAL, as it does parameters that it does not take (backend_zstd.c), so nothing tells the one from the other but time.
"""

from __future__ import annotations

import errno
import time

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Write

PAUSES = (0.2, 1.0, 2.0)  # seconds before each further attempt
MAY_PASS = (errno.EINVAL, errno.ENOMEM)
COMPACT = "/proc/sys/vm/compact_memory"


def try_again(host: Host, writes: tuple[Write, ...], refusal: OSError) -> None:
    """Write all of it again, after a while in which the kernel compacts memory: what comes before the size may be gone,
    since Linux 6.11 forgets most of it with a size that it refuses. OSError, the last one, where that stays refused.
    """
    for pause in PAUSES:
        if refusal.errno not in MAY_PASS:
            break
        _compact(host)
        time.sleep(pause)
        try:
            for write in writes:
                write.perform(host)
            return
        except OSError as error:
            refusal = error
    raise refusal


def _compact(host: Host) -> None:
    try:
        if host.exists(COMPACT):
            host.write_kernel(COMPACT, "1")
    except OSError:  # it only helps
        pass


def words(refusals: list[OSError]) -> str:
    """What to do beside choosing another algorithm; empty where it cannot be memory that lacks."""
    if any(error.errno in MAY_PASS for error in refusals):
        return "free memory, which it may lack for that and says no other way, or "
    return ""
