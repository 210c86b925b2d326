# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that recurs: a service of systemd that runs once, and the timer that starts it by the calendar."""

from __future__ import annotations

import re
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Link, Unlink
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import MADE_BY
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import UNITS
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

WANTS = UNITS + "/timers.target.wants"
ANALYZE = ("/usr/bin/systemd-analyze", "/bin/systemd-analyze")
HEADER = MADE_BY + ".{maker}, and written again by it: changes here do not last.\n"
TIMER = (
    HEADER
    + """
[Unit]
Description={description}: when

[Timer]
OnCalendar={schedule}

[Install]
WantedBy=timers.target
"""
)
# What every service of a timer may do without, to go below its [Service]; capabilities and system calls are its own.
CONFINED = """\
Nice=19
# One that is stopped, since nobody asks for it any more, has not failed.
SuccessExitStatus=SIGTERM
NoNewPrivileges=yes
ProtectSystem=strict
PrivateDevices=yes
PrivateNetwork=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
UMask=0077
SystemCallArchitectures=native
"""


class Wanted(NamedTuple):
    """A timer as it is asked for: the texts of its two units."""

    name: str  # highwater-zram0-writeback
    service: str
    timer: str


class Timer(NamedTuple):
    """A timer of ours as it stands on the host.

    service, timer: the texts of the two units; None where there is no such file.
    enabled:        whether the boot starts it.
    active:         whether it waits for its next time.
    running:        whether systemd is the init that runs.
    """

    name: str
    service: Optional[str]
    timer: Optional[str]
    enabled: bool
    active: bool
    running: bool

    @property
    def service_path(self) -> str:
        return "%s/%s.service" % (UNITS, self.name)

    @property
    def timer_path(self) -> str:
        return "%s/%s.timer" % (UNITS, self.name)

    @property
    def link(self) -> str:
        return "%s/%s.timer" % (WANTS, self.name)


def observe_timer(host: Host, name: str) -> Timer:
    """Read the units; systemd is asked whether the timer is active only where there is one."""
    bare = Timer(name, None, None, False, False, runs_systemd(host))
    timer = host.read(bare.timer_path)
    asked = timer is not None and bare.running
    return bare._replace(
        service=host.read(bare.service_path),
        timer=timer,
        enabled=host.readlink(bare.link) == bare.timer_path,
        active=asked and host.run("systemctl", "is-active", "--quiet", name + ".timer", check=False).status == 0,
    )


def wanted_timer(name: str, maker: str, description: str, schedule: str, service: str) -> Wanted:
    """A timer that starts that service (its text below the comment) at the times of a calendar expression."""
    about = {"maker": maker, "description": description, "schedule": schedule}
    return Wanted(name, HEADER.format(**about) + "\n" + service, TIMER.format(**about))


def refuse_bad_calendar(host: Host, option: str, schedule: str, there: str | None) -> None:
    """Raise HighwaterError for what systemd does not take as OnCalendar=, or what is over for good.

    there: the text of the timer, which systemd has taken if it has that schedule.
    """
    if "OnCalendar=%s\n" % schedule in (there or ""):
        return
    problem = "is no calendar expression"
    # Nothing that would begin another line of the unit, or that systemd would read something into.
    if re.match(r"[\w*:,./~+ -]{1,200}\Z", schedule, re.ASCII):
        if not any(host.exists(path) for path in ANALYZE):
            return
        asked = host.run("systemd-analyze", "calendar", "--", schedule, check=False)
        if asked.status == 0 and "Next elapse: never" not in " ".join(asked.out.split()):
            return
        problem = "is no time to come" if asked.status == 0 else problem
    raise HighwaterError(
        "%s: %s %s: write one as in systemd.time(7), such as daily or *-*-* 03:00:00" % (option, schedule, problem)
    )


def without_systemd(option: str) -> Unsupported:
    """The error for a host that boots by another init system."""
    return Unsupported(
        "%s: it needs the timers of systemd, by which this host does not boot: leave it out" % option, reason="init"
    )


def on_steps(there: Timer, wanted: Wanted, now: bool) -> Plan:
    """Steps to a timer that is there, enabled and, with ``now``, active; none where it is."""
    steps: list[Step] = []
    for path, old, new in (
        (there.service_path, there.service, wanted.service),
        (there.timer_path, there.timer, wanted.timer),
    ):
        if old != new:
            does = "%s %s" % ("write" if old is None else "rewrite", path)
            why = "it is not there" if old is None else "its text is not what was asked for"
            steps.append(Step(does, why, Install(path, new), (_back(path, old),)))
    if not there.enabled:
        why = "so that each boot starts it"
        action = Link(there.link, there.timer_path)
        steps.append(Step("enable %s.timer" % there.name, why, action, (Unlink(there.link),)))
    start = there.running and now and (not there.active or there.timer != wanted.timer)
    return tuple(steps) + _reload(there, steps) + (_start(there) if start else ())


def off_steps(there: Timer, why: str, now: bool = True, runs: bool = False) -> Plan:
    """Steps to no such timer; none where it is not there. runs: a run that is on its way is stopped, begun by the timer
    or by hand, as one has to be that would fail without its program; else it goes on to its end.
    """
    steps: list[Step] = []
    if there.active and now:
        stop, start = _systemctl("stop", there), _systemctl("start", there)
        steps.append(Step("stop %s.timer" % there.name, why, stop, (start,)))
    if runs and now and there.running and there.service is not None:
        service = there.name + ".service"
        steps.append(Step("stop %s" % service, why, Run(("systemctl", "stop", service))))
    if there.enabled:
        again = Link(there.link, there.timer_path)
        steps.append(Step("disable %s.timer" % there.name, why, Unlink(there.link), (again,)))
    files = ((there.timer_path, there.timer), (there.service_path, there.service))
    gone = [Step("remove %s" % path, why, Remove(path), (_back(path, text),)) for path, text in files if text]
    return tuple(steps + gone) + _reload(there, steps + gone)


def _back(path: str, text: str | None) -> Any:
    return Remove(path) if text is None else Install(path, text)


def _reload(there: Timer, steps: list[Step]) -> Plan:
    if not steps or not there.running:
        return ()
    return (Step("reload systemd", "its units have changed", Run(("systemctl", "daemon-reload"))),)


def _start(there: Timer) -> Plan:
    # restart, since one that is active already goes by its old times until then
    why = "its times have changed" if there.active else "it does not run"
    return (Step("start %s.timer" % there.name, why, _systemctl("restart", there), (_systemctl("stop", there),)),)


def _systemctl(verb: str, there: Timer) -> Run:
    return Run(("systemctl", verb, there.name + ".timer"))
