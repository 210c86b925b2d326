# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swap areas of the running kernel: what is on, whether one may go off, and how it goes off."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea, parse_swaps

DEFAULT_HEADROOM = "max(ram * 5%, 128MiB)"
# Of the memory that a zram gives back only this much is counted on: the pool frees by page, not by object.
ZRAM_GIVES_BACK = 0.8
SWAPOFF_TIMEOUT = 3600.0  # a slow disk brings back some 20 MiB/s
SWAPOFF_NO_MEMORY = 2  # swapoff(8), util-linux 2.36 and later


class Memory(NamedTuple):
    """What the guards reckon with, all in bytes; ``strict`` is vm.overcommit_memory 2."""

    total: int
    available: int
    committed: int
    commit_limit: int
    strict: bool
    areas: tuple[SwapArea, ...]

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
    )


def swap_areas(host: Host) -> tuple[SwapArea, ...]:
    """The areas that are on; none in a kernel without swap, which has no such file."""
    text = host.read("/proc/swaps")
    return () if text is None else parse_swaps(text)


def refuse_without_room(
    memory: Memory, path: str, headroom: int, gives_back: int = 0, bridge: int = 0, deferrable: bool = True
) -> None:
    """Raise HighwaterError where the pages of the area at path would not fit once it is off.

    headroom:   bytes that must stay available afterwards.
    gives_back: bytes of RAM that the area itself holds (a zram's mem_used_total) and frees.
    bridge:     bytes of swap that will be on before it goes off, beside what is on now.
    deferrable: whether apply: next_boot is a way out that the message may name.
    An area that is off needs nothing.
    """
    area = memory.area(path)
    if area is None:
        return
    elsewhere = bridge + sum(other.size - other.used for other in memory.areas if other.path != path)
    left = memory.available + int(gives_back * ZRAM_GIVES_BACK) + elsewhere - area.used
    if area.used and left < headroom:
        raise HighwaterError(
            "swapping off %s would bring %s back and leave %s of memory and other swap (now available: %s, free on "
            "other swap: %s), less than headroom: %s: %s"
            % (
                path,
                format_size(area.used),
                format_size(max(left, 0)),
                format_size(memory.available),
                format_size(elsewhere),
                format_size(headroom),
                "free memory first, lower headroom, or use apply: next_boot"
                if deferrable
                else "free memory first, or lower headroom",
            ),
            reason="headroom",
        )
    if memory.strict and memory.committed > memory.commit_limit - area.size + bridge:
        raise HighwaterError(
            "swapping off %s would put the commit limit at %s, below the %s that are committed "
            "(vm.overcommit_memory is 2): %s"
            % (
                path,
                format_size(memory.commit_limit - area.size + bridge),
                format_size(memory.committed),
                "use apply: next_boot, or raise vm.overcommit_ratio first"
                if deferrable
                else "raise vm.overcommit_ratio first",
            ),
            reason="headroom",
        )


def without(memory: Memory, path: str, headroom: int, gives_back: int = 0) -> Memory:
    """The memory once the area at path is off, for the guard of the next one that goes: what RAM has no room for
    beside headroom is swapped out to the other areas, those of higher priority first. gives_back: as above.
    """
    area = memory.area(path)
    if area is None:
        return memory
    available = memory.available + int(gives_back * ZRAM_GIVES_BACK) - area.used
    left = []
    for other in sorted(memory.areas, key=lambda one: -one.priority):
        if other.path != path:
            taken = min(max(headroom - available, 0), other.size - other.used)
            available += taken
            left.append(other._replace(used=other.used + taken))
    return memory._replace(available=max(available, 0), commit_limit=memory.commit_limit - area.size, areas=tuple(left))


class SwapOff(NamedTuple):
    """The action that swaps an area off, in a process and, with systemd, a unit of its own.

    A global OOM kill takes the swapoff first, and systemd 252 and later end the whole session scope in which one
    happened: with OOMPolicy=continue it is only the swapoff that ends, and the area is put back by the kernel.
    """

    path: str

    def perform(self, host: Host) -> None:
        argv: tuple[str, ...] = ("swapoff", self.path)
        if runs_systemd(host):
            argv = ("systemd-run", "--wait", "--pipe", "--quiet", "--collect", "-p", "OOMPolicy=continue") + argv
        done = host.run(*argv, check=False, timeout=SWAPOFF_TIMEOUT)
        if done.status == SWAPOFF_NO_MEMORY:
            raise HighwaterError(
                "the kernel had not enough memory to swap off %s, which is still on: free memory, "
                "or use apply: next_boot" % self.path,
                reason="headroom",
            )
        if done.status != 0:
            raise HighwaterError(
                "swapoff %s: %s" % (self.path, done.err.strip() or "exit status %d" % done.status),
                reason="command_failed",
            )
