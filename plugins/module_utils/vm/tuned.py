# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tuned's active profile says of vm settings."""

from __future__ import annotations

import re
from typing import Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.tuned import WHO, Line, lines
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import Assignment
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import TABLE, full

MAIN_CONFIG = "/etc/tuned/tuned-main.conf"


def observe(host: Host) -> Mapping[str, Assignment]:
    """Settings by name of the active profile and those that it includes; empty without tuned.

    After the section [sysctl] tuned itself reads the files in sysctl.d once more, unless ``reapply_sysctl`` turns that
    off (its default is on): then what it wrote until there overrides nothing.
    """
    sections: dict[str, dict[str, Assignment]] = {}
    for line in lines(host):
        setting = _assignment(line)
        if setting:
            sections.setdefault(line.section, {})[setting.name] = setting
    found: dict[str, Assignment] = {}
    for section, settings in sections.items():
        found.update(settings)
        if section == "sysctl" and _reads_files_again(host):
            found = {}
    return found


def _assignment(line: Line) -> Assignment | None:
    named = {"sysctl": _of_sysctl, "vm": _of_vm}.get(line.section, _of_none)(line.key, line.value.lstrip("<>"))
    return Assignment(line.file, line.number, full(named[0]), canonical(named[1]), WHO) if named else None


def _reads_files_again(host: Host) -> bool:
    text = host.read(MAIN_CONFIG) or ""
    return not re.search(r"(?mi)^\s*reapply_sysctl\s*=\s*(0|false|no|n|f|off)\s*$", text)


def _of_none(key: str, value: str) -> None:
    return None


def _of_sysctl(key: str, value: str) -> tuple[str, str] | None:
    key = key.replace("/", ".")
    name = key[3:] if key.startswith("vm.") else key
    return (name, value) if key.startswith("vm.") or name in TABLE else None


def _of_vm(key: str, value: str) -> tuple[str, str] | None:
    """The plugin vm: ``dirty_bytes = 40%`` is dirty_ratio 40; a number may have a unit."""
    if key not in ("dirty_ratio", "dirty_background_ratio", "dirty_bytes", "dirty_background_bytes"):
        return None
    if value.endswith("%"):
        return key.replace("_bytes", "_ratio"), value[:-1]
    unit = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}.get(value[-1:].lower())
    return key, str(int(value[:-1]) * unit) if unit and re.fullmatch("[0-9]+", value[:-1]) else value
