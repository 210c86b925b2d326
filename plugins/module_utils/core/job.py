# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to happen at boot, whatever the init system: a plan, and its steps as lines of shell made of constants.

One plan, two renderings: what apply() performs step by step stands in the boot artefact line by line (systemd.py,
openrc.py), so what boots is what was tested, it reads like a shell history, and no program of ours stays on the host.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

# Neither systemd (%, $, ;, quotes, backslash) nor the shell reads anything into these: constants only.
_CONSTANT = re.compile(r"[\w@^+=:,./-]+\Z", re.ASCII)

# What all artefacts of ours, of any version, have at their beginning; by it they are found without any record.
MADE_BY = "# Made by highwater.memory"
HEADER = (
    """\
%s.{maker}, and written again by it: changes here do not last.
# What follows is what the module did on the running machine, step by step.
"""
    % MADE_BY
)


class Moment(NamedTuple):
    """When in the boot, and what the kernel must allow by then.

    target:       systemd's target that pulls a unit in and waits for it.
    after:        units of systemd that come before it.
    services:     OpenRC's services that come before it; those that a host lacks do not count.
    waits:        OpenRC's services that come after it.
    capabilities: capabilities(7) that the commands need.
    syscalls:     systemd's names of system calls that they need beside @system-service.
    """

    target: str
    after: tuple[str, ...]
    services: tuple[str, ...]
    waits: tuple[str, ...]
    capabilities: tuple[str, ...]
    syscalls: tuple[str, ...]


DEVICES = ("sysfs", "devfs", "dev", "modules", "udev", "kmod", "hwdrivers")  # OpenRC's own, Debian's, Alpine's
MODULES_LOADED = "systemd-modules-load.service"
SWAP = Moment(
    target="swap.target",
    after=(MODULES_LOADED,),
    services=DEVICES,
    waits=("swap", "localmount"),
    capabilities=("CAP_SYS_ADMIN", "CAP_SYS_MODULE"),
    syscalls=("@swap", "@module"),
)
FILESYSTEM = Moment(
    target="local-fs.target",
    after=(MODULES_LOADED, "local-fs-pre.target"),
    services=DEVICES + ("localmount", "mountall"),
    waits=("bootmisc", "logger"),
    capabilities=("CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_CHOWN", "CAP_FOWNER", "CAP_FSETID", "CAP_DAC_OVERRIDE"),
    syscalls=("@mount", "@module"),
)
# Values below /sys: the one moment for which systemd has a file of its own, see systemd.py.
SETTINGS = Moment(
    target="sysinit.target",
    after=(MODULES_LOADED,),
    services=DEVICES + ("localmount",),
    waits=("logger",),
    capabilities=(),
    syscalls=(),
)


class Job(NamedTuple):
    """What is to happen at a boot.

    name:        ``highwater-zram0``, of the artefact's file.
    maker:       the module that writes it (``zram_device``).
    description: for people: ``Compressed swap in RAM on /dev/zram0``.
    plan:        for a machine that has just booted. Actions: Write, Run, or any with ``boot_commands()``, which gives
                 lines of shell made of constants.
    link:        documentation, an address.
    done:        a shell's condition that is true where nothing is left to do; empty for none.
    shows:       commands for the shell that print, from the kernel, what was set; the last one's status says whether.
    after:       names of jobs of ours that come before it.
    waits:       units of systemd that come after it, beside those of the moment.
    needs:       a path whose filesystem has to be mounted before; empty for none.
    devices:     paths of devices that have to be there before.
    set_id:      whether its commands give set-user-ID or set-group-ID bits.
    """

    name: str
    maker: str
    moment: Moment
    description: str
    plan: Plan
    link: str = ""
    done: str = ""
    shows: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    needs: str = ""
    devices: tuple[str, ...] = ()
    set_id: bool = False
    waits: tuple[str, ...] = ()

    def header(self) -> str:
        """The comment at the top of every artefact of ours."""
        return HEADER.format(maker=self.maker)


def is_ours(text: str) -> bool:
    """Whether a file was written by this collection, by the header that all versions of it have."""
    return any(line.startswith(MADE_BY) for line in text.splitlines()[:3])


def shell_lines(step: Step) -> tuple[str, ...]:
    """The step as lines of shell."""
    action: Any = step.action
    if isinstance(action, Run):
        return (" ".join(constant(word) for word in action.argv),)
    if isinstance(action, Write):
        return (echo(action),)
    lines: tuple[str, ...] = action.boot_commands()
    return lines


def echo(write: Write) -> str:
    """A write to the kernel as a shell's line."""
    return "echo %s > %s" % (" ".join(constant(word) for word in write.value.split()), constant(write.path))


def constant(word: str) -> str:
    """The word itself. HighwaterError where systemd or a shell would read something into it."""
    if not _CONSTANT.match(word):
        raise HighwaterError(
            "%r cannot be written into what the boot runs: use letters, digits and @+=:,./-_ only" % word,
            reason="boot_artefact",
        )
    return word
