# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tuned's active profile says of vm settings: it writes them when its service starts, after sysctl.d was read."""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import canonical

ACTIVE_PROFILE = "/etc/tuned/active_profile"
MAIN_CONFIG = "/etc/tuned/tuned-main.conf"
# tuned 2.23 and later have profiles in a folder of their own. /etc comes before /usr/lib.
PROFILE_FOLDERS = ("/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned")
_DEEPEST = 8


class TunedLine(NamedTuple):
    """A line of a profile; value in its one form."""

    file: str
    line: int
    value: str

    def where(self) -> str:
        return "%s, line %d (tuned's active profile)" % (self.file, self.line)


def observe(host: Host) -> Mapping[str, TunedLine]:
    """Settings by name (below ``vm``) of the active profile and those that it includes; empty without tuned.

    Where tuned itself applies /etc/sysctl.d once more after its profile (``reapply_sysctl``, in the file that tuned
    ships), it overrides nothing, and this is empty.
    """
    active = host.read(ACTIVE_PROFILE)
    if active is None:
        return {}
    if re.search(r"(?mi)^\s*reapply_sysctl\s*=\s*(1|true|yes|y|t)\s*$", host.read(MAIN_CONFIG) or ""):
        return {}
    found: dict[str, TunedLine] = {}
    for name in active.split():
        found.update(_profile(host, name, 0))
    return found


def _profile(host: Host, name: str, depth: int) -> dict[str, TunedLine]:
    """What a profile says, on top of what those that it includes say."""
    found: dict[str, TunedLine] = {}
    if depth > _DEEPEST or "/" in name:
        return found
    for folder in PROFILE_FOLDERS:
        path = "%s/%s/tuned.conf" % (folder, name)
        text = host.read(path)
        if text is not None:
            own, includes = _sections(path, text)
            for include in includes:
                found.update(_profile(host, include, depth + 1))
            found.update(own)
            break
    return found


def _sections(path: str, text: str) -> tuple[dict[str, TunedLine], list[str]]:
    """The settings of [sysctl] and the includes of [main]. A variable of tuned's in a value stays as it is."""
    section, found, includes = "", {}, []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        heading = re.match(r"\[([^]]+)\]", line)
        if heading:
            section = heading.group(1).strip()
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or key[:1] in ("#", ";"):
            continue
        if section == "main" and key == "include":
            includes = re.split(r"[,;\s]+", value)
        if section == "sysctl" and key[:3] in ("vm.", "vm/"):
            found[key[3:]] = TunedLine(path, number, canonical(value.strip("\"'").lstrip(">")))
    return found, includes
