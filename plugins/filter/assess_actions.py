# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: assess_actions
short_description: What site.yml would do on many hosts
version_added: 0.1.0
author: highwater.memory authors (@highwater)
description:
  - Makes the second list of playbook C(highwater.memory.assess) of what the modules of C(highwater.memory.site) returned in
    check mode. Hosts on which the same would be done are named together.
positional: packages, width
options:
  _input:
    description: By host a list, in order, of what the modules returned, or the error in its place.
    type: dict
    required: true
  packages:
    description: The packages that have the kernel module, by operating system, as C(zram_packages) of role zram.
    type: dict
    default: {}
  width:
    description: How many columns a line may have, as in P(highwater.memory.assess_table#filter).
    type: int
"""

EXAMPLES = r"""
- name: What site.yml would do
  ansible.builtin.debug:
    msg: "{{ {'web1': [result]} | highwater.memory.assess_actions }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.highwater.memory.plugins.plugin_utils.fleet import reason
from ansible_collections.highwater.memory.plugins.plugin_utils.table import room, wrapped


def assess_actions(
    results: Mapping[str, Sequence[Mapping[str, Any]]],
    packages: Mapping[str, str] | None = None,
    width: int | None = None,
) -> list[str]:
    """The lines, in the order of the first host of each group. width: as in assess_table."""
    most = room() if width is None else width
    groups: dict[tuple[str, ...], list[str]] = {}
    for host, several in results.items():
        groups.setdefault(_told([one for one in several if _known(one)], packages or {}), []).append(host)
    lines: list[str] = []
    for (heading, *actions), hosts in groups.items():
        names = ("" if len(hosts) == 1 else "%d hosts: " % len(hosts)) + ", ".join(hosts)
        lines += wrapped("", names, most) + wrapped("  ", heading, most)
        for at, action in enumerate(actions, 1):
            lines += wrapped("    %2d. " % at, action, most)
        lines += [""]
    return lines[:-1]


def _known(result: Mapping[str, Any]) -> bool:
    """Not of a task that was skipped, or never came to it."""
    return "actions" in result or bool(result.get("failed"))


def _told(results: Sequence[Mapping[str, Any]], packages: Mapping[str, str]) -> tuple[str, ...]:
    """A heading and the actions, for one host."""
    if not results:
        return ("not known: it could not be looked at",)
    actions = tuple(str(action) for result in results for action in result.get("actions") or ())
    failed = [result for result in results if result.get("failed")]
    unable = [*failed, *(one for result in results for one in _unable(result))]
    needed = {name: None for one in unable for name in _package(one, packages)}  # in order, each once
    installs = tuple("install %s, and go on role by role" % name for name in needed)
    if failed and not installs:
        return ("site would stop with: %s" % reason(failed[0]), *actions)
    skipped = tuple("leave out: %s" % reason(one) for one in unable if not _package(one, packages))
    if not (actions or installs or skipped):
        return ("site would change nothing: all is as wanted",)
    return ("site would", *actions, *installs, *skipped)


def _unable(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What this host cannot have, and is left out: a call as a whole, or an object of it."""
    objects = [one for several in result.values() if isinstance(several, (list, tuple)) for one in several]
    objects += [] if result.get("failed") else [result]
    return [one for one in objects if isinstance(one, Mapping) and one.get("supported") is False]


def _package(one: Mapping[str, Any], packages: Mapping[str, str]) -> list[str]:
    """What role zram would install, where that would help."""
    if one.get("reason") != "kernel_module_missing" or one.get("os_id") not in packages:
        return []
    return [packages[one["os_id"]].replace("{kernel}", one["kernel"])]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"assess_actions": assess_actions}
