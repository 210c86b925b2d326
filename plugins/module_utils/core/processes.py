# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other processes, by proc(5). Each may end at any moment, which is no error here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host


def pids(host: Host) -> list[int]:
    """All that are seen from here, in order."""
    return sorted(int(entry) for entry in host.listdir("/proc") if entry.isdigit())


def descriptors(host: Host, pid: int) -> list[int]:
    """What a process has open, in order; empty where it has ended or is not ours to look into."""
    try:
        return sorted(int(number) for number in host.listdir("/proc/%d/fd" % pid))
    except OSError:
        return []


def of_process(host: Host, pid: int, name: str) -> str:
    """The text of a file of its folder ("mountinfo"); empty where it has ended (ESRCH)."""
    try:
        return host.read("/proc/%d/%s" % (pid, name)) or ""
    except OSError:
        return ""


def command(host: Host, pid: int) -> str:
    """The name of a process; empty where it has ended."""
    return of_process(host, pid, "comm").rstrip("\n")


def described(host: Host, pid: int) -> str:
    """``nginx (process 811)``, for messages."""
    return "%s (process %d)" % (command(host, pid) or "a process", pid)
