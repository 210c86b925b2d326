# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compaction that recurs, as the resource of module compaction: by the kernel itself, else by a timer.

A kernel with vm.compaction_proactiveness compacts in the background, but it looks at huge pages only: for blocks of
another order it does nothing (fragmentation_score_zone() of mm/compaction.c), so that these take the timer everywhere.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.compaction import timer as units
from ansible_collections.highwater.memory.plugins.module_utils.compaction.state import REMEMBERED, forget
from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.container import inside
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import SYSTEMD, init_system
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Call, Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.timer import (
    Timer,
    Wanted,
    observe_timer,
    refuse_bad_calendar,
    without_systemd,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.core.zipapp import Zipapp, observe_zipapp
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import parse_buddyinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from ansible_collections.highwater.memory.plugins.module_utils.vm import state as vm_state
from ansible_collections.highwater.memory.plugins.module_utils.vm import sysctl
from ansible_collections.highwater.memory.plugins.module_utils.vm.spec import Spec as VmSpec

FILE = "/etc/sysctl.d/90-highwater-compaction.conf"
SETTING = "compaction_proactiveness"
KERNEL, TIMER = "kernel", "timer"  # who compacts
# fragmentation_score_wmark() of mm/compaction.c: the kernel begins where more than 110 - proactiveness per cent of free
# memory are in pieces that are too small, and ends ten below that.
KERNEL_BEGINS = 110
_HUGE_ORDER = 9  # where the kernel has no huge pages at all, and compacts for what they would be (PMD_ORDER)


class State(NamedTuple):
    """A host before or after.

    vm:            what vm_sysctl sees, with our file.
    other_owner:   the file of vm_sysctl's that has the kernel's setting already; None where none has.
    huge_order:    of a huge page, which is what the kernel's own compaction is about.
    highest_order: of the largest block that this kernel keeps.
    init:          what the host boots by.
    remembered:    whether it is written down when nodes were compacted.
    """

    vm: vm_state.State
    other_owner: Optional[str]
    timer: Timer
    program: Zipapp
    huge_order: int
    highest_order: int
    init: Optional[str]
    remembered: bool


class Spec(NamedTuple):
    """What is to be.

    by:    KERNEL, TIMER, or None for neither.
    vm:    what vm_sysctl makes of it; None where the setting is left to its other owner.
    timer: None where none is to be; now: whether it is to run at once.
    """

    by: Optional[str]
    vm: Optional[VmSpec]
    timer: Optional[Wanted]
    now: bool


def observe(host: Host, params: Mapping[str, Any]) -> State:
    """Read the host. HighwaterError for a threshold or a schedule that is none."""
    if not 0 <= params["threshold"] <= 1:  # nan is neither
        raise HighwaterError("threshold: %s is no part of free memory: write 0.0 to 1.0" % params["threshold"])
    timer = observe_timer(host, units.UNIT)
    if params["schedule"] and params["state"] == "present":
        refuse_bad_calendar(host, "schedule", params["schedule"], timer.timer)
    return State(
        vm=sysctl.observe(host, _vm_params(params, params["state"])),
        other_owner=_other_owner(host),
        timer=timer,
        program=observe_zipapp(host),
        huge_order=_huge_order(host),
        highest_order=max(len(zone.blocks) for zone in parse_buddyinfo(host.must_read("/proc/buddyinfo"))) - 1,
        init=init_system(host, params["apply"] == "next_boot"),
        remembered=host.exists(REMEMBERED),
    )


def _other_owner(host: Host) -> str | None:
    files = (name for name in record.remembered(host, vm_state.KIND) if name != FILE)
    return next(
        (name for name in files if SETTING in record.recall(host, vm_state.KIND, name).get("settings", ())), None
    )


def _huge_order(host: Host) -> int:
    text = host.read("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
    size = int(text) if text else parse_meminfo(host.must_read("/proc/meminfo")).get("Hugepagesize", 0)
    return (size // os.sysconf("SC_PAGE_SIZE")).bit_length() - 1 if size else _HUGE_ORDER


def _vm_params(params: Mapping[str, Any], state: str) -> dict[str, Any]:
    """The options of vm_sysctl that set the kernel's own compaction, or give back what it was."""
    return {
        "settings": {SETTING: proactiveness(params["threshold"])} if state == "present" else {},
        "profiles": [],
        "expect_huge_pages": None,
        "expect_swap": [],
        "state": state,
        "exclusive": False,
        "file": FILE,
        "unknown": "fail",
        "force": False,
        "persistent": params["persistent"],
        "apply": params["apply"],
    }


def proactiveness(threshold: float) -> int:
    """The value with which the kernel begins to compact at that unusable index."""
    return min(max(KERNEL_BEGINS - round(threshold * 100), 1), 100)


def resolve(params: Mapping[str, Any], state: State) -> Spec:
    """Raises HighwaterError for bad input, Unsupported where neither the kernel nor a timer can do it."""
    if params["state"] == "absent":
        return Spec(None, sysctl.resolve(_vm_params(params, "absent"), state.vm), None, params["apply"] == "now")
    if not 1 <= params["order"] <= state.highest_order:
        raise HighwaterError(
            "order: %d is no block that this kernel makes from smaller ones: write 1 to %d"
            % (params["order"], state.highest_order)
        )
    if state.vm.container and params["apply"] == "now":
        raise Unsupported(
            "memory cannot be compacted in %s: it belongs to the machine whose kernel this is, so run it "
            "there" % inside(state.vm.container),
            reason="container",
            container=state.vm.container,
        )
    now = params["apply"] == "now"
    if state.vm.live.get(SETTING) is not None and params["order"] == state.huge_order:
        vm = None if state.other_owner else sysctl.resolve(_vm_params(params, "present"), state.vm)
        return Spec(KERNEL, vm, None, now)
    _refuse_timer(params, state)
    asked = units.wanted(params["order"], params["threshold"], params["schedule"], state.program.interpreter)
    return Spec(TIMER, sysctl.resolve(_vm_params(params, "absent"), state.vm), asked, now)


def _refuse_timer(params: Mapping[str, Any], state: State) -> None:
    """Where a timer is needed, and cannot be or is not asked for."""
    if not params["schedule"]:
        why = "it has no vm.%s" % SETTING
        if state.vm.live.get(SETTING) is not None:
            why = "only for huge pages, which are of order %d" % state.huge_order
        raise Unsupported(
            "schedule: this host's kernel does not compact by itself for blocks of order %d (%s): say when a timer is "
            "to do it, such as hourly" % (params["order"], why),
            reason="schedule",
        )
    if not params["persistent"]:
        raise HighwaterError(
            "persistent: a timer is there for every boot: write persistent: true, or use memory_compact to do it once"
        )
    if state.init != SYSTEMD:
        raise without_systemd("schedule")


def plan(spec: Spec, state: State) -> Plan:
    """The program and its timer, or neither; the kernel's setting, or what it was."""
    vm = sysctl.plan(spec.vm, state.vm) if spec.vm else ()
    if spec.timer:
        return units.present_steps(state.timer, state.program, spec.timer, spec.now) + vm
    why = "the kernel does it by itself" if spec.by else "nothing is to recur"
    return vm + units.absent_steps(state.timer, state.program, why, spec.now) + _forget_steps(spec, state, why)


def _forget_steps(spec: Spec, state: State, why: str) -> Plan:
    """What runs have written down goes after the last of them; it is in /run, which no boot begins with."""
    if spec.by or not spec.now or not state.remembered:
        return ()
    return (Step("remove %s" % REMEMBERED, why, Call(forget)),)


def managed(state: State) -> dict[str, Any]:
    """The kernel's setting, our file, and the units by lines."""
    return dict(sysctl.managed(state.vm), **_units(state, state.timer.service, state.timer.timer))


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """managed() as it will be."""
    vm = sysctl.wanted(spec.vm, state.vm) if spec.vm else sysctl.managed(state.vm)
    texts = (spec.timer.service, spec.timer.timer) if spec.timer else (None, None)
    return dict(vm, **_units(state, *texts))


def _units(state: State, service: Optional[str], timer: Optional[str]) -> dict[str, Any]:
    paths = ((state.timer.service_path, service), (state.timer.timer_path, timer))
    return {path: None if text is None else text.splitlines() for path, text in paths}


def result(spec: Spec, state: State) -> dict[str, Any]:
    """by, proactiveness, timer."""
    live = spec.vm.live.get(SETTING) if spec.vm else None
    number = live or state.vm.live.get(SETTING)
    return {
        "by": spec.by,
        "proactiveness": None if number is None else int(number),
        "timer": units.UNIT + ".timer" if spec.timer else None,
    }


def warnings(spec: Spec, state: State) -> list[str]:
    """What vm_sysctl warns of, and another owner of the setting."""
    if spec.vm is None:
        return [
            "vm.%s is set by %s, which also belongs to this collection, and stays %s: take it out there, or leave this "
            "out" % (SETTING, state.other_owner, state.vm.live.get(SETTING))
        ]
    said: list[str] = sysctl.warnings(spec.vm, state.vm)
    return said
