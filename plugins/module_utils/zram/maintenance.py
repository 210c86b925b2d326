# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What recurs on a device: idle pages written to the disk behind it, idle pages compressed a second time.

The kernel does neither by itself, nor can a run be stopped: its loops look at no signal. So each run has a limit, and
two never run at once on a device, which the kernel refuses (EAGAIN). What a run has moved is in its unit's log.
"""

from __future__ import annotations

import os
from typing import Any, Callable

from ansible_collections.highwater.memory.plugins.module_utils.core.age import age_in_seconds
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import SYSTEMD
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.timer import (
    CONFINED,
    Timer,
    Wanted,
    observe_timer,
    refuse_bad_calendar,
    wanted_timer,
    without_systemd,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

MAKER = "zram_device"
PAGE = os.sysconf("SC_PAGE_SIZE")
LOCK_SECONDS = 3600  # that a run waits for another one on the same device


class Kind(NamedTuple):
    """One sort of maintenance.

    word:  what its options begin with, and its units end with.
    needs: the option without which there is nothing to do.
    does:  its unit's description.
    stat:  the device's statistics that show what a run has moved.
    unit:  bytes in which the kernel counts its limit.
    """

    word: str
    needs: str
    does: str
    stat: str
    unit: int


WRITEBACK = Kind(
    "writeback", "writeback_device", "Write idle pages of /dev/%s to the disk behind it", "bd_stat", 4096
)  # 4 KiB whatever a page is
RECOMPRESS = Kind("recompress", "recompress", "Compress idle pages of /dev/%s a second time", "mm_stat", PAGE)
KINDS = (WRITEBACK, RECOMPRESS)

# A mount namespace of its own does no harm here, as nothing is swapped on; what it must be able to write is below /sys.
# Runs are taken apart by a lock on a file that the kernel makes with the device and takes away with it.
SERVICE = """\
[Unit]
Description={description}
Documentation=https://docs.kernel.org/admin-guide/blockdev/zram.html
After=highwater-{name}.service

[Service]
Type=oneshot
Environment=LC_ALL=C
# Nothing to do while the device is not set up.
ExecCondition=/bin/sh -c 'grep -qs "^[1-9]" {sys}/disksize'
# How it stands before.
ExecStart=cp {sys}/{stat} {run}/before
# Idle is what was not touched for {age}. A kernel that keeps no times knows only what the run before this one has seen.
ExecStart=/bin/sh -c 'echo {seconds} > {sys}/idle 2> {run}/no-times || true'
{work}# A kernel that keeps no times: what nobody touches from now on is idle in the next run.
ExecStart=/bin/sh -c 'test ! -s {run}/no-times || echo all > {sys}/idle'
# What was moved, for the log.
ExecStart=awk '{awk}' {run}/before {sys}/{stat}
RuntimeDirectory={unit}
IOSchedulingClass=idle
CapabilityBoundingSet=
ProtectHome=yes
PrivateTmp=yes
MemoryDenyWriteExecute=yes
{confined}SystemCallFilter=@system-service
"""

WRITEBACK_WORK = """\
# {limit} in a run, in the kernel's 4 KiB: it counts them down, and never up again.
ExecStart=/bin/sh -c 'echo 1 > {sys}/writeback_limit_enable'
ExecStart=/bin/sh -c 'echo {count} > {sys}/writeback_limit'
# Write. At the limit the kernel says EIO, and ENOSPC where the disk is full, which is the end of a run like any other.
# (/bin/echo, since the shell's own may not tell one error from the other.)
ExecStart={alone} '/bin/echo idle > {sys}/writeback 2> {run}/error \\
    || grep -qx 0 {sys}/writeback_limit || grep "No space" {run}/error || {{ cat {run}/error >&2; exit 1; }}'
"""
RECOMPRESS_WORK = """\
# Compress, {limit} of pages in a run. Kernels before 6.10 do not know max_pages, and take all that is idle.
ExecStart={alone} 'echo type=idle{threshold} max_pages={count} > {sys}/recompress'
"""
# bd_stat: pages there now, read back, written, each ever; in 4 KiB. systemd wants a dollar doubled.
WRITEBACK_AWK = (
    "NR == 1 {{ before = $$3 }} END {{ moved = $$3 - before; print "
    '"{name}: wrote " moved " idle pages (" moved / 256 " MiB, at most {limit}) to the disk behind it, '
    'which holds " $$1 " pages (" $$1 / 256 " MiB) now" }}'
)
# mm_stat: bytes of data, and what they take compressed.
RECOMPRESS_AWK = (
    "NR == 1 {{ before = $$2 }} END {{ print "
    '"{name}: " int($$1 / 1024) " KiB of data take " int($$2 / 1024) " KiB compressed now, and took " '
    'int(before / 1024) " KiB before: " int((before - $$2) / 1024) " KiB less" }}'
)


def observe_maintenance(host: Host, name: str, params: dict[str, Any]) -> tuple[Timer, ...]:
    """The timers of a device as they stand. HighwaterError for a schedule that is no calendar expression."""
    timers = tuple(observe_timer(host, _unit(name, kind)) for kind in KINDS)
    for kind, timer in zip(KINDS, timers):
        schedule = params[kind.word + "_schedule"]
        if schedule and params["state"] == "present":
            refuse_bad_calendar(host, kind.word + "_schedule", schedule, timer.timer)
    return timers


def resolve_maintenance(
    params: dict[str, Any], name: str, init: str | None, size: Callable[[str], int]
) -> tuple[Wanted, ...]:
    """The timers asked for. HighwaterError for bad input, Unsupported where the host does not boot by systemd.

    init: what the host boots by; size: gives the bytes of an option that is a SIZE.
    """
    return tuple(
        _wanted(kind, params, name, size)
        for kind in KINDS
        if params[kind.word + "_schedule"] and _fits(kind, params, init)
    )


def _fits(kind: Kind, params: dict[str, Any], init: str | None) -> bool:
    option = kind.word + "_schedule"
    if not params.get(kind.needs):
        raise HighwaterError(
            "%s: %s has nothing to be done at these times: give %s as well, or leave the schedule out"
            % (option, params["name"], kind.needs)
        )
    if not params["persistent"]:
        raise HighwaterError(
            "%s: a timer is there for every boot: write persistent: true, or leave the schedule out" % option
        )
    if init != SYSTEMD:
        raise without_systemd(option)
    return True


def _wanted(kind: Kind, params: dict[str, Any], name: str, size: Callable[[str], int]) -> Wanted:
    unit, limit, age = _unit(name, kind), size(kind.word + "_limit"), params[kind.word + "_idle"].strip()
    values: dict[str, Any] = {
        "name": name,
        "unit": unit,
        "sys": "/sys/block/%s" % name,
        "run": "/run/%s" % unit,
        "stat": kind.stat,
        "confined": CONFINED,
        "description": kind.does % name,
        "age": age,
        "seconds": _seconds(kind.word + "_idle", age),
        "limit": format_size(limit),
        "count": max(limit // kind.unit, 1),
        "threshold": _threshold(params, size),
        "alone": "flock --timeout %d /sys/block/%s/disksize /bin/sh -c" % (LOCK_SECONDS, name),
    }
    work, awk = (WRITEBACK_WORK, WRITEBACK_AWK) if kind is WRITEBACK else (RECOMPRESS_WORK, RECOMPRESS_AWK)
    service = SERVICE.format(work=work.format(**values), awk=awk.format(**values), **values)
    return wanted_timer(unit, MAKER, values["description"], params[kind.word + "_schedule"], service)


def _seconds(option: str, age: str) -> int:
    seconds = int(age_in_seconds(option, age))
    if not seconds:
        raise HighwaterError("%s: %s is no time at all: write 1s or more" % (option, age))
    return seconds


def _threshold(params: dict[str, Any], size: Callable[[str], int]) -> str:
    if params["recompress_threshold"] is None:
        return ""
    asked, end = size("recompress_threshold"), PAGE // 4 * 3
    if asked > end:
        # From a little above this on a page counts as incompressible: zs_huge_class_size() of the kernel.
        raise HighwaterError(
            "recompress_threshold: %s is as good as a whole page: write %dB at most, or leave it out"
            % (params["recompress_threshold"], end)
        )
    return " threshold=%d" % asked


def _unit(name: str, kind: Kind) -> str:
    return "highwater-%s-%s" % (name, kind.word)
