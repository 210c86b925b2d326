# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else sets what our modules set below /sys: the command line, tmpfiles.d, rc.local, units, sysfsutils, tuned."""

from __future__ import annotations

import re
from typing import Iterator, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core import boot_commands
from ansible_collections.highwater.memory.plugins.module_utils.core.dropins import (
    TMPFILES_FOLDERS,
    files_by_name,
    texts_with,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import is_ours
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import Subsystem

COMMAND_LINE = "/proc/cmdline"
TUNED = "/etc/tuned"
SYSFSUTILS = ("/etc/init.d/sysfsutils", "/usr/lib/systemd/system/sysfsutils.service")
SYS = "/sys/"
# What tuned's plugin vm sets, by its options; transparent_hugepage is the older spelling of the first.
TUNED_VM = {
    "transparent_hugepages": "/sys/kernel/mm/transparent_hugepage/enabled",
    "transparent_hugepage": "/sys/kernel/mm/transparent_hugepage/enabled",
    "transparent_hugepage.defrag": "/sys/kernel/mm/transparent_hugepage/defrag",
}
# Patterns are compiled where a file has what they look for: most hosts have no such line.
# tmpfiles.d(5): the path, mode, user, group, age, and what is written.
_TMPFILES = r"^w\S*\s+(?P<path>/sys/\S+)\s+(?:\S+\s+){4}(?P<value>\S+)"
_COMMAND = boot_commands.ECHO + r"(?P<path>/sys/[\w/.-]+)"
_SYSFS_CONF = r"^\s*(?P<path>\w+(?:/[\w.-]+)+)\s*=\s*(?P<value>\S+)"


class Owner(NamedTuple):
    """A line of somebody's that sets one of our settings at boot.

    line:  None where the file has no lines to speak of.
    value: in its one form. who: what reads the line.
    last:  whether it is carried out after what we have the boot do.
    """

    option: str
    value: str
    file: str
    line: Optional[int]
    who: str
    last: bool

    def where(self) -> str:
        return "%s%s (%s)" % (self.file, ", line %d" % self.line if self.line else "", self.who)


def observe(host: Host, subsystem: Subsystem, ours: str) -> tuple[Owner, ...]:
    """All of them, in the order in which a boot comes to them; ours: the file by which it comes to us."""
    found = [
        *_command_line(host, subsystem),
        *_tmpfiles(host, subsystem, ours),
        *_sysfsutils(host, subsystem),
        *_commands(host, subsystem),
    ]
    if host.exists(TUNED):
        found.extend(_tuned(host, subsystem))
    return tuple(found)


def _command_line(host: Host, subsystem: Subsystem) -> Iterator[Owner]:
    words = dict(word.partition("=")[::2] for word in (host.read(COMMAND_LINE) or "").split())
    for setting in subsystem.settings:
        if words.get(setting.at_boot):
            value = setting.kind.read(words[setting.at_boot])
            yield Owner(setting.option, value, COMMAND_LINE, None, "the kernel command line", False)


def _tmpfiles(host: Host, subsystem: Subsystem, ours: str) -> Iterator[Owner]:
    """Of two lines on one path that differ, that of the file that comes first by its name is carried out, and the other
    complained of, be it ``w+`` (tried with systemd 257; tmpfiles.d(5)).
    """
    folder, _slash, our_name = ours.rpartition("/")
    said: set[str] = set()
    for path, text in texts_with(host, TMPFILES_FOLDERS, ".conf", SYS):
        if path != ours:
            last = folder not in TMPFILES_FOLDERS or path.rpartition("/")[2] < our_name
            for found in _lines(path, text, _TMPFILES, subsystem, "which systemd-tmpfiles writes"):
                if not last or found.option not in said:
                    yield found._replace(last=last)
                said.add(found.option)


def _sysfsutils(host: Host, subsystem: Subsystem) -> Iterator[Owner]:
    """Debian's package: /etc/sysfs.conf and /etc/sysfs.d, with paths below /sys."""
    if not any(host.exists(path) for path in SYSFSUTILS):
        return
    files = ["/etc/sysfs.conf", *sorted(files_by_name(host, ("/etc/sysfs.d",), ".conf").values())]
    for path in files:
        yield from _lines(path, host.read(path) or "", _SYSFS_CONF, subsystem, "which sysfsutils writes")


def _commands(host: Host, subsystem: Subsystem) -> Iterator[Owner]:
    """Shell commands at boot; not our own."""
    for path, text, who in boot_commands.texts(host, subsystem.folder):
        if not is_ours(text):
            yield from _lines(path, text, _COMMAND, subsystem, who)


def _lines(path: str, text: str, pattern: str, subsystem: Subsystem, who: str) -> Iterator[Owner]:
    options = {setting.path: setting for setting in subsystem.settings}
    for number, line in enumerate(text.splitlines(), 1):
        for match in re.finditer(pattern, line) if not line.lstrip().startswith("#") else ():
            target = match.group("path")
            setting = options.get(target if target.startswith(SYS) else SYS + target)
            if setting:
                yield Owner(setting.option, setting.kind.read(match.group("value")), path, number, who, True)


def _tuned(host: Host, subsystem: Subsystem) -> Iterator[Owner]:
    # Only where it is needed: start-up is most of what a converged host costs.
    from fnmatch import fnmatchcase

    from ansible_collections.highwater.memory.plugins.module_utils.core.tuned import WHO, lines

    found = {}
    for line in lines(host):
        path = {"sysfs": line.key, "vm": TUNED_VM.get(line.key, "")}.get(line.section, "")
        for setting in subsystem.settings:
            if path and fnmatchcase(setting.path, path):
                value = setting.kind.read(line.value)
                found[setting.option] = Owner(setting.option, value, line.file, line.number, WHO, True)
    yield from found.values()


def overriding(owners: tuple[Owner, ...], option: str, value: str) -> Owner | None:
    """Who has the last word on a setting that we give a value, where that is another; None where ours stays."""
    after = [owner for owner in owners if owner.option == option and owner.last]
    return after[-1] if after and after[-1].value != value else None


def overruled(owners: tuple[Owner, ...], option: str, value: str) -> tuple[Owner, ...]:
    """Those who give it another value before ours."""
    return tuple(one for one in owners if (one.option, one.last) == (option, False) and one.value != value)
