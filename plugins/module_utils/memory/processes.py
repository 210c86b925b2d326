# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes that hold most memory, in RAM and in swap, as /proc/PID/status has it."""

from __future__ import annotations

import errno
import re
from typing import Any, Iterable

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

SHOWN = 10
_AMOUNT = re.compile(r"^(VmRSS|VmSwap):\s*(\d+) kB$", re.MULTILINE | re.ASCII)


def largest(host: Host) -> dict[str, Any]:
    """Two lists; a process that holds nothing of the one kind is not in its list. Kernel threads hold nothing."""
    rows = list(_rows(host))
    return {"by_" + kind: _top(rows, kind) for kind in ("rss", "swap")}


def _top(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return sorted((row for row in rows if row[kind]), key=lambda row: (-row[kind], row["pid"]))[:SHOWN]


def _rows(host: Host) -> Iterable[dict[str, Any]]:
    for name in host.listdir("/proc"):
        status = _status(host, name) if name.isdigit() else None
        if status:
            amounts = {kind: int(number) * 1024 for kind, number in _AMOUNT.findall(status)}
            # As a terminal could show it: a process chooses its own name, of any bytes.
            command = status.partition("\n")[0].partition("\t")[2].encode("utf-8", "surrogateescape")
            yield {
                "pid": int(name),
                "command": command.decode("utf-8", "replace"),
                "rss": amounts.get("VmRSS", 0),
                "swap": amounts.get("VmSwap", 0),
            }


def _status(host: Host, pid: str) -> str | None:
    try:
        return host.read("/proc/%s/status" % pid)
    except OSError as error:
        if error.errno != errno.ESRCH:  # ended while it was read
            raise
        return None
