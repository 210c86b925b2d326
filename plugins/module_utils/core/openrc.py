# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenRC's rendering of a job: an init script whose start() is its lines of shell. Source: openrc-run(8)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import Job, Moment, shell_lines
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import Place

SCRIPTS = "/etc/init.d"
RUNLEVELS = "/etc/runlevels"
DEBIAN = "/etc/init.d/rcS"  # Debian's init starts the runlevels sysinit and default only, by this and /etc/init.d/rc
STARTED = "/run/openrc/started"
FOLDERS = (SCRIPTS,)
MODE = 0o755

SCRIPT = """\
#!/sbin/openrc-run
{header}
description="{description}"

depend() {{
\tafter {services}
\tbefore {waits}
\tkeyword -containers
}}

start() {{
{condition}\tebegin "Setting up: {description}"
{lines}
\teend 0
}}

# OpenRC swaps off and unmounts by itself at shutdown, and by hand it should be thought about.
stop() {{
\treturn 0
}}

# What is set now, by the kernel's word.
status() {{
{shows}
}}
"""


def place(host: Host, name: str, _moment: Moment) -> Place:
    """Where a job's artefact belongs; the link is where rc-update add puts it too."""
    runlevel = "sysinit" if host.exists(DEBIAN) else "boot"
    return Place("%s/%s" % (SCRIPTS, name), "%s/%s/%s" % (RUNLEVELS, runlevel, name))


def links(host: Host, path: str) -> tuple[str, ...]:
    """All links by which a runlevel starts that script."""
    name = path.rpartition("/")[2]
    found = ("%s/%s/%s" % (RUNLEVELS, runlevel, name) for runlevel in host.listdir(RUNLEVELS))
    return tuple(link for link in found if host.readlink(link) is not None)


def text(job: Job) -> str:
    """The init script's text."""
    lines = []
    for step in job.plan:
        lines.append("\t# %s" % step.does)
        lines += ["\t%s || return" % line for line in shell_lines(step)]
    needed = job.moment.services + job.after
    return SCRIPT.format(
        header=job.header(),
        description=job.description,
        services=" ".join(needed),
        waits=" ".join(job.moment.waits),
        condition="\t# Nothing to do where it is done already.\n\t%s && return 0\n" % job.done if job.done else "",
        lines="\n".join(lines),
        shows="\n".join("\t%s" % command for command in job.shows or ("_status",)) + " || return 3",
    )


def stop_steps(host: Host, path: str) -> Plan:
    """Steps to be taken before a script of ours goes: OpenRC must not go on taking it for started."""
    name = path.rpartition("/")[2]
    if not host.exists("%s/%s" % (STARTED, name)):
        return ()
    return (Step("have OpenRC forget that %s is started" % name, "", Run(("rc-service", name, "zap"))),)


def reload_steps(_paths: tuple[str, ...]) -> Plan:
    """None: OpenRC looks at its scripts each time."""
    return ()
