# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Purges that recur, as the resource of module page_cache_rules: a timer for each rule, and the program they run.

Timers of rules that are not listed are left alone; only state: absent, of a rule or of all, takes one back.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Iterable, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import files_of_ours
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import SYSTEMD, init_system
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan
from ansible_collections.highwater.memory.plugins.module_utils.core.timer import (
    CONFINED,
    Timer,
    Wanted,
    observe_timer,
    off_steps,
    on_steps,
    refuse_bad_calendar,
    wanted_timer,
    without_systemd,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.core.zipapp import (
    PATH,
    Zipapp,
    command_line,
    observe_zipapp,
    zipapp_text,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.zipapp import off_steps as zipapp_off_steps
from ansible_collections.highwater.memory.plugins.module_utils.core.zipapp import on_steps as zipapp_on_steps
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import ARGUMENTS, FILES
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.command import words_of
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import asked

MAKER = "page_cache_rules"
PREFIX = "highwater-page-cache"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z", re.ASCII)
LONGEST_NAME = 60

RULE: dict[str, dict[str, Any]] = dict(
    ARGUMENTS,
    name={"type": "str", "required": True},
    state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    schedule={"type": "str"},  # for a rule that is present
)

# The program only reads, and asks the kernel to drop: below ProtectSystem=strict nothing can be written. It has to see
# what it is asked for, so that /home and /tmp are those of everybody. No MemoryDenyWriteExecute: Python before 3.12
# makes a callback when it imports ctypes.
SERVICE = """\
[Unit]
Description={description}
Documentation=https://docs.kernel.org/admin-guide/mm/concepts.html#page-cache

[Service]
Type=oneshot
Environment=LC_ALL=C.UTF-8
ExecStart={command}
SyslogIdentifier={unit}
IOSchedulingClass=idle
# To read what belongs to others, and to leave their times of access alone.
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER
ProtectKernelTunables={tunables}
{confined}# Refused instead of allowed, since a systemd that does not know cachestat(2) could not allow it.
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @privileged @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
"""


class State(NamedTuple):
    """What is on the host: timers of rules, those listed and those of former runs, and the program.

    init: what the host boots by, None for another than we know; host: of which sizes are, to check those of rules.
    """

    timers: tuple[Timer, ...]
    zipapp: Zipapp
    init: Optional[str]
    host: Host


class Spec(NamedTuple):
    """What is asked for: timers, by rule; units that are to go; the text of the program; now: whether at once."""

    wanted: tuple[Wanted, ...]
    leaving: frozenset[str]
    zipapp: str
    now: bool


def observe(host: Host, params: dict[str, Any]) -> State:
    """Read the units. HighwaterError for a name or a schedule that is none."""
    rules = _listed(params)
    names = [_unit(rule["name"]) for rule in rules]
    there = {file.path.rpartition("/")[2].rpartition(".")[0] for file in files_of_ours(host, PREFIX)}
    timers = tuple(observe_timer(host, name) for name in sorted({*names, *there}))
    by_name = {timer.name: timer for timer in timers}
    for rule in _present(rules):
        option = "rules: %s: schedule" % rule["name"]
        refuse_bad_calendar(host, option, rule["schedule"], by_name[_unit(rule["name"])].timer)
    return State(timers, observe_zipapp(host), init_system(host, params["apply"] == "next_boot"), host)


def _listed(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules, present and absent, none for state: absent. HighwaterError for a name that is none, or is there twice,
    and for a present one without a schedule.
    """
    rules: list[dict[str, Any]] = params["rules"] if params["state"] == "present" else []
    seen = set()
    for rule in rules:
        name = rule["name"]
        if not _NAME.match(name) or len(name) > LONGEST_NAME:
            raise HighwaterError(
                "rules: the name %r is part of a unit's name: write lower case letters, digits and single dashes, "
                "%d of them at most, such as logs" % (name, LONGEST_NAME)
            )
        if name in seen:
            raise HighwaterError("rules: %s is there twice: give each rule a name of its own" % name)
        seen.add(name)
        if rule["state"] == "present" and not rule["schedule"]:
            raise HighwaterError(
                "rules: %s: schedule: none is given: write one as in systemd.time(7), such as daily, or state: absent "
                "if the rule is to go" % name
            )
    return rules


def _present(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for rule in rules if rule["state"] == "present"]


def resolve(params: dict[str, Any], state: State) -> Spec:
    """The units. HighwaterError for a rule that the command would refuse, Unsupported without systemd."""
    listed = _listed(params)
    rules = _present(listed)
    if rules and state.init != SYSTEMD:
        raise without_systemd("rules")
    wanted = tuple(_wanted(rule, state) for rule in rules)
    leaving = {_unit(rule["name"]) for rule in listed if rule["state"] == "absent"}
    if params["state"] == "absent":
        leaving = {timer.name for timer in state.timers}
    program = zipapp_text(state.zipapp.interpreter) if rules else ""
    return Spec(wanted, frozenset(leaving), program, params["apply"] == "now")


def _wanted(rule: dict[str, Any], state: State) -> Wanted:
    try:
        request = asked(rule, state.host, check_mode=True)
    except HighwaterError as error:
        raise HighwaterError("rules: %s: %s" % (rule["name"], error.message), error.reason, **error.facts) from None
    unit = _unit(rule["name"])
    service = SERVICE.format(
        unit=unit,
        description=_description(rule),
        command=command_line(state.zipapp.interpreter, *words_of(dict(rule, paths=list(request.paths)))),
        confined=CONFINED,
        tunables="yes" if rule["scope"] == FILES else "no",
    )
    return wanted_timer(unit, MAKER, _description(rule), rule["schedule"], service)


def _description(rule: dict[str, Any]) -> str:
    return "Drop from the page cache what rule %s says" % rule["name"]


def _unit(name: str) -> str:
    return "%s-%s" % (PREFIX, name)


def plan(spec: Spec, state: State) -> Plan:
    """The program, then the timers asked for, then those that are to go, and the program with the last of all."""
    wanted = {one.name: one for one in spec.wanted}
    steps: Plan = zipapp_on_steps(state.zipapp, spec.zipapp) if spec.wanted else ()
    for timer in state.timers:
        if timer.name in wanted:
            steps += on_steps(timer, wanted[timer.name], spec.now)
        elif timer.name in spec.leaving:
            steps += off_steps(timer, "its rule is to be absent", spec.now, runs=True)
    return steps if spec.wanted else steps + zipapp_off_steps(state.zipapp, _leaving(spec, state))


def _leaving(spec: Spec, state: State) -> list[str]:
    """Files of units that are to go."""
    return [path for timer in state.timers if timer.name in spec.leaving for path in _texts(timer, timer)]


# -- words ---------------------------------------------------------------------------------------


def managed(state: State) -> dict[str, Any]:
    """The texts of all units, and whether the program is there, by its version."""
    return _diff(_texts_there(state.timers), state.zipapp.text)


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """managed() as it will be."""
    timers = {timer.name: timer for timer in state.timers}
    texts = _texts_there(timer for timer in state.timers if timer.name not in spec.leaving)
    texts.update((path, text) for one in spec.wanted for path, text in _texts(timers[one.name], one).items())
    stays = zipapp_off_steps(state.zipapp, _leaving(spec, state)) == ()
    return _diff(texts, spec.zipapp if spec.wanted else state.zipapp.text if stays else None)


def _texts_there(timers: Iterable[Timer]) -> dict[str, Any]:
    return {path: text for timer in timers for path, text in _texts(timer, timer).items() if text}


def _texts(timer: Timer, of: Any) -> dict[str, Any]:
    return {timer.service_path: of.service, timer.timer_path: of.timer}


def _diff(texts: dict[str, Any], zipapp: Optional[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {path: text.splitlines() for path, text in sorted(texts.items())}
    shown[PATH] = zipapp and "version %08x" % zlib.crc32(zipapp.encode("utf-8", "surrogateescape"))
    return shown


def result(spec: Spec, state: State) -> dict[str, Any]:
    """The timers that are there, by rule."""
    return {
        "rules": [
            {"name": timer.name[len(PREFIX) + 1 :], "timer": timer.name + ".timer", "active": timer.active}
            for timer in state.timers
            if timer.timer is not None
        ]
    }


def warnings(_spec: Spec, _state: State) -> list[str]:
    """None: what could be said is said by the runs, in the journal."""
    return []
