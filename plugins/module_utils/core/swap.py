# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swap areas of the running kernel: what is on. room.py says whether one may go off, and swap_off.py how it does."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Callable

from ansible_collections.highwater.memory.plugins.module_utils.core.areas import swap_areas
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Share
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.cgroup import Cgroup

HEADROOM = Share(5, "ram", 128 * 2**20)
DEFAULT_HEADROOM = HEADROOM.expression()
LITTLE, SETTLES = 2**24, 10.0  # bytes; seconds
NOTE = "/run/highwater-memory.swapoff"  # of a swapoff that outlasts the call that began it, see swap_off.py


def _no_cgroups() -> tuple[Cgroup, ...]:
    return ()


class Memory(NamedTuple):
    """What the guards reckon with, all in bytes.

    strict:  vm.overcommit_memory is 2.
    anon:    anonymous memory that is in RAM, which could be swapped out.
    cgroups: gives the groups with a limit; a walk over all groups of the host, which only a guard takes that needs it.
    leaving: the path of an area that an earlier call has begun to swap off, after all guards; empty for none.
    """

    total: int
    available: int
    committed: int
    commit_limit: int
    strict: bool
    areas: tuple[SwapArea, ...]
    anon: int = 0
    cgroups: Callable[[], tuple[Cgroup, ...]] = _no_cgroups
    leaving: str = ""

    def area(self, path: str) -> SwapArea | None:
        """The swap area that is on at path, None where none is."""
        return next((area for area in self.areas if area.path == path), None)


def observe_memory(host: Host) -> Memory:
    """Read /proc/meminfo, /proc/swaps and the overcommit mode."""
    meminfo = parse_meminfo(host.must_read("/proc/meminfo"))
    return Memory(
        total=meminfo["MemTotal"],
        available=meminfo.get("MemAvailable", meminfo["MemFree"]),  # 3.14 and later have MemAvailable
        committed=meminfo["Committed_AS"],
        commit_limit=meminfo["CommitLimit"],
        strict=(host.read("/proc/sys/vm/overcommit_memory") or "0").strip() == "2",
        areas=swap_areas(host),
        anon=meminfo.get("AnonPages", 0),
        cgroups=partial(_limited_cgroups, host),
        leaving=_leaving(host) if host.exists(NOTE) else "",
    )


def settled_memory(host: Host, memory: Memory) -> Memory:
    """The same with what is available once that is more than a little, or ten seconds later: when a swapoff has just
    ended, MemAvailable is 0 for a moment, since the kernel is still making room (measured on 512 MiB).
    """
    end = time.monotonic() + SETTLES
    while memory.available < LITTLE and time.monotonic() < end:
        time.sleep(0.5)
        now = observe_memory(host)
        memory = memory._replace(available=now.available, anon=now.anon)
    return memory


def _limited_cgroups(host: Host) -> tuple[Cgroup, ...]:
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.core.cgroup import limited_cgroups

    return limited_cgroups(host)


def _leaving(host: Host) -> str:
    from ansible_collections.highwater.memory.plugins.module_utils.core import swap_off

    begun = swap_off.noted(host)
    return begun.path if begun and swap_off.is_going(host, begun.path) else ""


class SwapOff(NamedTuple):
    """The action that swaps an area off (see swap_off.py)."""

    path: str

    def perform(self, host: Host) -> None:
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.core import swap_off

        swap_off.swap_off(host, self.path)
