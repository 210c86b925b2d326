# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd's rendering of a job: a unit, or lines of tmpfiles.d(5) where it only writes values below /sys."""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import (
    SETTINGS,
    Job,
    Moment,
    constant,
    shell_lines,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

UNITS = "/etc/systemd/system"
TMPFILES = "/etc/tmpfiles.d"
FOLDERS = (UNITS, TMPFILES)  # where files of ours may be
MODE = 0o644

# No Protect..., no Private...: what gives a unit a mount namespace of its own makes /proc/swaps show its swap as /zram0
# to everybody else, and then neither systemd nor swapon(8) know that /dev/zram0 is on; nor would a mount be seen.
# No AF_... is needed, but systemd before 249 has no "none". No ExecStop: see the text.
UNIT = """\
{header}
[Unit]
Description={description}
{documentation}DefaultDependencies=no
After={after}
{needs}{devices}Before={before}

[Service]
Type=oneshot
RemainAfterExit=yes
{condition}{lines}
{shows}# No ExecStop: systemd swaps off and unmounts by itself at shutdown, and by hand it should be thought about.
CapabilityBoundingSet={capabilities}
NoNewPrivileges=yes
UMask=0077
RestrictAddressFamilies=AF_UNIX
IPAddressDeny=any
RestrictNamespaces=yes
RestrictSUIDSGID={restrict_set_id}
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
DevicePolicy=closed
DeviceAllow=block-* rw
SystemCallArchitectures=native
SystemCallFilter=@system-service {syscalls}

[Install]
WantedBy={target}
"""


class Place(NamedTuple):
    """Where an artefact is. link: what makes the boot run it; None where the file alone does."""

    path: str
    link: Optional[str]


def place(_host: Host, name: str, moment: Moment) -> Place:
    """Where a job's artefact belongs; the link is where systemctl enable puts it too."""
    if moment == SETTINGS:
        return Place("%s/%s.conf" % (TMPFILES, name), None)
    unit = "%s.service" % name
    return Place("%s/%s" % (UNITS, unit), "%s/%s.wants/%s" % (UNITS, moment.target, unit))


def links(host: Host, path: str) -> tuple[str, ...]:
    """All links by which a target pulls that unit in."""
    folders = [folder for folder in host.listdir(UNITS) if folder.endswith((".wants", ".requires"))]
    found = ("%s/%s/%s" % (UNITS, folder, path.rpartition("/")[2]) for folder in folders)
    return tuple(link for link in found if host.readlink(link) is not None)


def text(job: Job) -> str:
    """The artefact's text."""
    return _settings(job) if job.moment == SETTINGS else _unit(job)


def unit_of(path: str, kind: str) -> str:
    r"""systemd's unit for a path: the mount of ``/var/my-x`` is ``var-my\x2dx.mount``, see systemd-escape(1)."""
    escaped = re.sub(r"[^A-Za-z0-9:_./]|(?<=/)\.", lambda match: "\\x%02x" % ord(match.group()), path)
    return "%s.%s" % (escaped.strip("/").replace("/", "-"), kind)


def stop_steps(host: Host, path: str) -> Plan:
    """Steps to be taken before a file of ours goes: a timer that runs would run on without it."""
    name = path.rpartition("/")[2]
    if not name.endswith(".timer") or not host.exists("/run/systemd/system"):
        return ()
    return (Step("stop %s" % name, "", Run(("systemctl", "stop", name)), (Run(("systemctl", "start", name)),)),)


def reload_steps(paths: tuple[str, ...]) -> Plan:
    """Steps after these files have changed."""
    if not any(path.startswith(UNITS) for path in paths):
        return ()
    return (Step("reload systemd", "its units have changed", Run(("systemctl", "daemon-reload"))),)


def _settings(job: Job) -> str:
    lines = [job.header()]
    for step in job.plan:
        if not isinstance(step.action, Write):
            raise HighwaterError("%s: only a value can be written by tmpfiles.d" % step.does, reason="boot_artefact")
        value = " ".join(constant(word) for word in step.action.value.split())
        lines += ["# %s" % step.does, "w %s - - - - %s" % (constant(step.action.path), value)]
    return "\n".join(lines) + "\n"


def _unit(job: Job) -> str:
    after = job.moment.after + tuple("%s.service" % name for name in job.after)
    lines = []
    for step in job.plan:
        lines.append("# %s" % step.does)
        lines += ["ExecStart=%s" % _command(step, line) for line in shell_lines(step)]
    shows = "ExecStart=-%s\n" % in_shell("; ".join(job.shows)) if job.shows else ""
    return UNIT.format(
        header=job.header(),
        description=job.description,
        documentation="Documentation=%s\n" % job.link if job.link else "",
        after=" ".join(after),
        needs="RequiresMountsFor=%s\n" % constant(job.needs) if job.needs else "",
        devices="".join("Wants={0}\nAfter={0}\n".format(unit_of(path, "device")) for path in job.devices),
        restrict_set_id="no" if job.set_id else "yes",
        before=" ".join((job.moment.target,) + job.waits),
        target=job.moment.target,
        condition="# Nothing to do where it is done already.\nExecCondition=%s\n" % in_shell("! " + job.done)
        if job.done
        else "",
        lines="\n".join(lines),
        shows="# What is set now, by the kernel's word: see systemctl status.\n" + shows if shows else "",
        capabilities=" ".join(job.moment.capabilities),
        syscalls=" ".join(job.moment.syscalls),
    )


def _command(step: Step, line: str) -> str:
    """A unit starts programs by itself; only for the rest it needs a shell."""
    return line if isinstance(step.action, Run) else in_shell(line)


def in_shell(line: str) -> str:
    """A line of shell as a command of a unit."""
    return "/bin/sh -c '%s'" % line
