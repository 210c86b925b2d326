# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is dirty is written, by sync(2), in slices: a disk may take minutes for it, and the call cannot be put down.

So a process of its own makes the call, and stays where the slice is over; the next call waits for that one.
"""

from __future__ import annotations

import os
import time
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Progress
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo

TURN = 0.1  # seconds
WORK = "writing what is dirty"


def write_all(host: Host) -> Optional[dict[str, Any]]:
    """Have all written; how far it is, for the next call to go on from, where the slice was over before. Else None."""
    if host.slice.end is None:
        os.sync()
        return None
    earlier = (host.slice.resume or {}).get("sync")
    began, dirty = time.monotonic(), _dirty(host)
    known = earlier or dict(_begun(), total=dirty)
    while _is_alive(known):
        time.sleep(TURN)
        rate = (dirty - _dirty(host)) / (time.monotonic() - began)
        left = _dirty(host)
        if host.slice.is_over(left / rate if rate > 0 else float("inf")):
            total = max(known["total"], left)
            return dict(Progress(WORK, total - left, total, max(rate, 0.0))._asdict(), resume={"sync": known})
    return None


def _dirty(host: Host) -> int:
    """Bytes that are not written yet, or being written."""
    memory = parse_meminfo(host.must_read("/proc/meminfo"))
    return memory["Dirty"] + memory["Writeback"]


def _begun() -> dict[str, Any]:
    """A process that makes the call, and that nobody has to wait for: its number, and when it began."""
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            os.sync()
        finally:
            os._exit(0)
    return {"pid": pid, "begun": _stat(pid)[1]}


def _is_alive(known: dict[str, Any]) -> bool:
    """Whether the process is still at it. Another may have its number by now."""
    state, begun = _stat(known["pid"])
    if state == "Z":  # of this very call
        os.waitpid(known["pid"], 0)
    return state not in ("", "Z", "X") and begun == known["begun"]


def _stat(pid: int) -> tuple[str, str]:
    """State and moment of its beginning, as proc_pid_stat(5) has them; empty where there is none."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    return fields[0], fields[19]
