# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Control groups whose memory is limited: what comes back from swap is charged to them, limit or no limit.

Version 2 only (Documentation/admin-guide/cgroup-v2.rst); version 1 counts memory and swap together in its memsw
files, so that what comes back changes nothing there.
"""

from __future__ import annotations

import re

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

ROOT = "/sys/fs/cgroup"


class Cgroup(NamedTuple):
    """A group with a limit; bytes.

    path:    below the root (``/system.slice/x.service``).
    limit:   memory.max, the group's own or that of one above it.
    held:    memory.current without the page cache, which goes before anything is killed.
    swapped: memory.swap.current.
    """

    path: str
    limit: int
    held: int
    swapped: int

    def excess(self, coming: int) -> int:
        """By how much it would be over its limit, with at most so many bytes of its pages coming back."""
        return max(0, self.held + min(self.swapped, coming) - self.limit)


def limited_cgroups(host: Host) -> tuple[Cgroup, ...]:
    """All groups with a limit of memory and pages in swap, those above before those below."""
    if not host.exists(ROOT + "/cgroup.controllers"):
        return ()
    found: list[Cgroup] = []
    waiting = [ROOT]
    while waiting:
        folder = waiting.pop()
        group = _read(host, folder)
        if group:
            found.append(group)
        waiting += [folder + "/" + name for name in host.subfolders(folder)]
    return tuple(sorted(found))


def _read(host: Host, folder: str) -> Cgroup | None:
    try:
        limit, swapped = (host.read("%s/memory.%s" % (folder, file)) for file in ("max", "swap.current"))
        if not limit or limit.strip() == "max" or not swapped or not int(swapped):
            return None
        held = int(host.read(folder + "/memory.current") or "0") - _cache(host.read(folder + "/memory.stat") or "")
    except OSError:  # the group ended while we looked (ENODEV)
        return None
    return Cgroup(folder[len(ROOT) :], int(limit), max(0, held), int(swapped))


def _cache(stat: str) -> int:
    return sum(int(number) for number in re.findall(r"(?m)^(?:active|inactive)_file (\d+)$", stat))


def over_limit(groups: tuple[Cgroup, ...], coming: int) -> tuple[Cgroup, ...]:
    """Those that would be over their limit; of a group and those below it only the one above."""
    over: list[Cgroup] = []
    for group in groups:
        if group.excess(coming) and not any(group.path.startswith(above.path + "/") for above in over):
            over.append(group)
    return tuple(over)
