# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on what takes memory, and on what the kernel does when there is none: slab, sockets, OOM kills, overcommit."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import (
    CRITICAL,
    INFO,
    WARNING,
    Case,
    Rule,
    available,
    memory,
    setting,
)
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample

GIB = 2**30
STRICT = 2  # of vm.overcommit_memory


def _slab(sample: Sample) -> Iterable[Case]:
    ram, slab = memory(sample, "MemTotal"), memory(sample, "SUnreclaim")
    if slab > max(ram // 10, GIB):
        yield {"slab": slab, "percent": 100 * slab // ram, "ram": ram}


def _sockets(sample: Sample) -> Iterable[Case]:
    limits, pages = sample.now.tcp_mem or (), (sample.now.sockets or {}).get("TCP", {}).get("mem", 0)
    if len(limits) == 3 and pages > limits[1]:
        low, pressure, high = (limit * sample.now.page_size for limit in limits)
        yield {"used": pages * sample.now.page_size, "low": low, "pressure": pressure, "high": high}


def _killed_now(sample: Sample) -> Iterable[Case]:
    count = sample.grown("oom_kill")
    if count:
        yield {"count": count, "seconds": sample.seconds}


def _killed_before(sample: Sample) -> Iterable[Case]:
    count = (sample.total("oom_kill") or 0) - (sample.grown("oom_kill") or 0)
    if count > 0:
        yield {"count": count}


def _overcommit(sample: Sample) -> Iterable[Case]:
    committed, limit = memory(sample, "Committed_AS"), memory(sample, "CommitLimit")
    if setting(sample, "overcommit_memory") == STRICT and committed * 10 > limit * 9:
        yield {"committed": committed, "limit": limit, "available": available(sample)}


RULES = (
    Rule(
        "slab_large",
        WARNING,
        "slab",
        _slab,
        "the kernel's own objects take much memory that cannot be reclaimed",
        "SUnreclaim is {slab:size}, {percent} % of {ram:size}",
        "see which caches they are (gather: [slab]); a number that only grows is a leak of the kernel or a module",
        "judgement: a tenth of memory, and 1 GiB",
    ),
    Rule(
        "socket_buffers_large",
        WARNING,
        "sockets",
        _sockets,
        "buffers of TCP sockets are above the limit at which the kernel makes them smaller",
        "they take {used:size}; net.ipv4.tcp_mem is {low:size}, {pressure:size}, {high:size}",
        "find sockets whose data nobody reads (ss -tm), or raise net.ipv4.tcp_mem",
        "tcp(7), tcp_mem",
    ),
    Rule(
        "oom_kills_now",
        CRITICAL,
        "oom",
        _killed_now,
        "processes are being killed for want of memory",
        "{count} in the last {seconds:.0f} s",
        "see the kernel's log for who and by which limit (journalctl -k --grep oom); give the machine swap, or the "
        "control group more memory",
        "proc_vmstat(5), oom_kill",
    ),
    Rule(
        "oom_kills",
        INFO,
        "oom",
        _killed_before,
        "processes were killed for want of memory since boot",
        "{count} so far, in the whole machine or in a control group",
        "see the kernel's log for when, who and by which limit (journalctl -k --grep oom)",
        "proc_vmstat(5), oom_kill",
    ),
    Rule(
        "strict_overcommit",
        WARNING,
        "overcommit",
        _overcommit,
        "allocations will soon fail, whatever is free",
        "vm.overcommit_memory is 2 and {committed:size} of at most {limit:size} are committed, while {available:size} "
        "are available",
        "raise vm.overcommit_ratio, add swap, or set vm.overcommit_memory to 0",
        "Documentation/mm/overcommit-accounting.rst; 90 % are judgement",
    ),
)
