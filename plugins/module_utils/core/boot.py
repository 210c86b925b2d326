# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot artefact: the plan for a freshly booted machine, written down as a systemd unit.

One plan, two renderings: what apply() performs step by step stands in the unit line by line, so what boots
is what was tested, it reads like a shell history, and no program of ours has to stay on the host.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Run, Step, Write

UNITS = "/etc/systemd/system"
SYSTEMD = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")

# Neither systemd (%, $, ;, quotes, backslash) nor the shell reads anything into these: constants only.
_CONSTANT = re.compile(r"[\w@+=:,./-]+\Z", re.ASCII)


class Artefact(NamedTuple):
    """A unit of ours as it stands on the host.

    name:    ``highwater-zram0.service``.
    target:  what pulls it in at boot (``swap.target``).
    text:    None where there is no such unit.
    enabled: whether target pulls it in.
    running: whether systemd is the init that runs and has to be told of changes.
    """

    name: str
    target: str
    text: Optional[str]
    enabled: bool
    running: bool

    @property
    def path(self) -> str:
        """The unit's file."""
        return "%s/%s" % (UNITS, self.name)

    @property
    def wants(self) -> str:
        """The link that enables it, where systemctl enable puts it too."""
        return "%s/%s.wants/%s" % (UNITS, self.target, self.name)


def observe_artefact(host: Host, name: str, target: str) -> Artefact:
    """Read a unit of ours and whether it is enabled."""
    bare = Artefact(name, target, None, False, runs_systemd(host))
    return bare._replace(text=host.read(bare.path), enabled=host.readlink(bare.wants) == bare.path)


def can_boot(host: Host, next_boot: bool) -> bool:
    """Whether this host boots by systemd: it runs, or (an image) it is there to run at the next boot."""
    return runs_systemd(host) or (next_boot and any(host.exists(path) for path in SYSTEMD))


# -- steps ---------------------------------------------------------------------------------------


class Link(NamedTuple):
    """The action that makes a symbolic link."""

    path: str
    target: str

    def perform(self, host: Host) -> None:
        host.link(self.path, self.target)


class Unlink(NamedTuple):
    """The action that removes a link, and the folder of links that it leaves empty."""

    path: str

    def perform(self, host: Host) -> None:
        host.remove(self.path)
        host.remove_empty_folders(self.path.rpartition("/")[0], above=UNITS)


def enable_steps(unit: Artefact, install: Any, right: bool, why: str) -> Plan:
    """Steps to a unit that is there and enabled: none where it is.

    install: the action that writes the text; right: whether the text that is there will do.
    """
    steps = []
    if not right:
        does = "write %s" % unit.path if unit.text is None else "rewrite %s" % unit.path
        undo = Remove(unit.path) if unit.text is None else Install(unit.path, unit.text)
        steps.append(Step(does, why if unit.text is None else "its text is not what was asked for", install, (undo,)))
    if not unit.enabled:
        steps.append(
            Step(
                "enable %s" % unit.name,
                "so that %s pulls it in at boot" % unit.target,
                Link(unit.wants, unit.path),
                (Unlink(unit.wants),),
            )
        )
    return tuple(steps) + _reload(unit, steps)


def disable_steps(unit: Artefact, why: str) -> Plan:
    """Steps to no such unit: none where it is not there."""
    steps = []
    if unit.enabled:
        steps.append(Step("disable %s" % unit.name, why, Unlink(unit.wants), (Link(unit.wants, unit.path),)))
    if unit.text is not None:
        steps.append(Step("remove %s" % unit.path, why, Remove(unit.path), (Install(unit.path, unit.text),)))
    return tuple(steps) + _reload(unit, steps)


def _reload(unit: Artefact, steps: list[Step]) -> Plan:
    if not steps or not unit.running:
        return ()
    return (Step("reload systemd", "its units have changed", Run(("systemctl", "daemon-reload"))),)


# -- text ----------------------------------------------------------------------------------------


def exec_lines(plan: Plan) -> list[str]:
    """The ``ExecStart=`` lines of a plan, each step under a comment that says what it does.

    Actions: Write, Run, or any with ``boot_commands()``, which gives lines of shell made of constants.
    """
    lines = []
    for step in plan:
        lines.append("# %s" % step.does)
        lines.extend("ExecStart=%s" % line for line in _commands(step.action))
    return lines


def _commands(action: Any) -> tuple[str, ...]:
    if isinstance(action, Run):
        return (" ".join(constant(word) for word in action.argv),)
    if isinstance(action, Write):
        return (in_shell(echo(action)),)
    return tuple(in_shell(line) for line in action.boot_commands())


def echo(write: Write) -> str:
    """A write to the kernel as a shell's line; a unit cannot write to sysfs by itself."""
    return "echo %s > %s" % (" ".join(constant(word) for word in write.value.split()), constant(write.path))


def in_shell(line: str) -> str:
    """A line of shell as a command of a unit."""
    return "/bin/sh -c '%s'" % line


def constant(word: str) -> str:
    """The word itself. HighwaterError where systemd or a shell would read something into it."""
    if not _CONSTANT.match(word):
        raise HighwaterError(
            "%r cannot be written into a systemd unit: use letters, digits and @+=:,./-_ only" % word,
            reason="boot_artefact",
        )
    return word
