# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GRUB's configuration made anew, and read back: files that GRUB reads after ours may leave nothing of it."""

from __future__ import annotations

import os.path

from ansible_collections.highwater.memory.plugins.module_utils.cmdline.later import lines_after
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.loaders import DROP_IN, Loader, observe_loader
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.words import value_of
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

GENERATE_SECONDS = 300.0  # it looks for other systems on all disks


class Generate(NamedTuple):
    """The action that runs GRUB's program, and fails where one of the words (name, word) does not count after it."""

    argv: tuple[str, ...]
    words: tuple[tuple[str, str], ...]

    def perform(self, host: Host) -> None:
        host.run(*self.argv, timeout=GENERATE_SECONDS)
        line = _line(host)
        lost = [word for name, word in self.words if value_of(line, name) != word]
        if lost:
            there = set(lost) & set(line.split())
            raise HighwaterError(
                "%s %s on the line that GRUB made: %s"
                % (" ".join(lost), "does not count" if there else "is not", _blame(host)),
                reason="overridden",
            )


class GenerateBack(NamedTuple):
    """The action that runs it once more where the line is no longer what it was: a run that failed left that alone."""

    argv: tuple[str, ...]
    line: str

    def perform(self, host: Host) -> None:
        if _line(host) != self.line:
            host.run(*self.argv, timeout=GENERATE_SECONDS)


def made_without(left: Loader) -> Plan:
    """The steps that take our file from a GRUB that the machine does not boot by, and make its configuration anew."""
    run = Run(left.generate, GENERATE_SECONDS)
    back = (Install(DROP_IN, left.texts[DROP_IN] or ""), *((run,) if left.generate else ()))
    why = "the machine boots by boot loader entries"
    steps = (Step("remove %s" % DROP_IN, why, Remove(DROP_IN), back),)
    return (*steps, Step("run %s" % " ".join(left.generate), why, run)) if left.generate else steps


def _line(host: Host) -> str:
    loader = observe_loader(host)
    return loader.next if loader else ""


def _blame(host: Host) -> str:
    """The last line that sets it after ours, in the order in which GRUB reads the files."""
    lines = list(lines_after(host, DROP_IN))
    return (
        lines[-1].where() if lines else "look in %s and /etc/grub.d for what leaves it out" % os.path.dirname(DROP_IN)
    )
