# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tuned's active profile says: it is carried out when tuned's service starts, after the boot's own settings."""

from __future__ import annotations

import re
from typing import Iterator

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

FOLDER = "/etc/tuned"
ACTIVE_PROFILE = FOLDER + "/active_profile"
# tuned 2.23 and later have profiles in a folder of their own. /etc comes before /usr/lib.
PROFILE_FOLDERS = ("/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned")
_RUNLEVELS = "/etc/runlevels"
_WANTED = "/etc/systemd/system/multi-user.target.wants/tuned.service"
WHO = "tuned's active profile"
_DEEPEST = 8


class Line(NamedTuple):
    """``key = value`` in a section of a profile; a variable of tuned's in the value stays as it is."""

    file: str
    number: int
    section: str
    key: str
    value: str


def lines(host: Host) -> Iterator[Line]:
    """Those of the active profiles and of all that they include, in the order in which the later one wins; none where
    the boot does not start tuned.
    """
    if not _is_enabled(host):
        return
    types: dict[str, str] = {}
    for name in (host.read(ACTIVE_PROFILE) or "").split():
        yield from _of_profile(host, name, 0, types)


def _is_enabled(host: Host) -> bool:
    """By systemd's link, or by that of one of OpenRC's runlevels: a profile may stand there as the active one long
    after tuned was turned off.
    """
    links = [_WANTED] + ["%s/%s/tuned" % (_RUNLEVELS, level) for level in host.listdir(_RUNLEVELS)]
    return any(host.lstat(link) is not None for link in links)


def _of_profile(host: Host, name: str, depth: int, types: dict[str, str]) -> Iterator[Line]:
    """What a profile says on top of what those that it includes say. types: of sections, as far as they have one.

    A section is of the plugin of its name, or of its line ``type=``, which may stand in a profile that is included.
    """
    if depth > _DEEPEST or "/" in name:
        return
    for folder in PROFILE_FOLDERS:
        path = "%s/%s/tuned.conf" % (folder, name)
        text = host.read(path)
        if text is not None:
            for include in re.split(r"[,;\s]+", _includes(text)):
                yield from _of_profile(host, include, depth + 1, types)
            said = list(_of_text(path, text))
            types.update((line.section, line.value) for line in said if line.key == "type")
            for line in said:
                yield line._replace(section=types.get(line.section, line.section))
            return


def _includes(text: str) -> str:
    match = re.search(r"(?m)^\s*include\s*=\s*(.+)$", text)
    return match.group(1).strip() if match else ""


def _of_text(path: str, text: str) -> Iterator[Line]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        heading = re.match(r"\[([^]]+)\]", line)
        if heading:
            section = heading.group(1).strip()
        key, equals, value = (part.strip() for part in line.partition("="))
        if equals and key[:1] not in ("#", ";"):
            yield Line(path, number, section, key, value.strip("\"'"))
