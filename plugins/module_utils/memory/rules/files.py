# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on files that say other than the kernel: sysctl.d and fstab."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.highwater.memory.plugins.module_utils.memory.at_boot import AtBoot, Drift
from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import INFO, WARNING, Case, Rule
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample

NOTHING = AtBoot()


def _settings(sample: Sample) -> Iterable[Case]:
    huge = "[never]" not in (sample.now.huge or {}).get("enabled", "[never]")
    for one in (sample.now.at_boot or NOTHING).drift:
        if not (huge and _is_raised(one)):
            yield {"subject": one.name, "name": one.name, "said": one.said, "live": one.live, "where": one.where}


def _is_raised(one: Drift) -> bool:
    """What transparent huge pages raise min_free_kbytes to is the kernel's doing, after every boot again."""
    if one.name != "vm.min_free_kbytes" or not one.said.isdecimal():  # others write the file: it may say anything
        return False
    return int(one.live) > int(one.said)


def _not_on(sample: Sample) -> Iterable[Case]:
    for entry in (sample.now.at_boot or NOTHING).promises:
        if entry.area is None:
            yield {"subject": entry.spec, "spec": entry.spec, "line": entry.line}


def _other_priority(sample: Sample) -> Iterable[Case]:
    """Without pri= the kernel counts down from -2 by itself: any priority below 0 is that."""
    for entry in (sample.now.at_boot or NOTHING).promises:
        if entry.area and (max(entry.area.priority, -1) != (-1 if entry.priority is None else entry.priority)):
            yield {
                "subject": entry.spec,
                "spec": entry.spec,
                "line": entry.line,
                "said": "no priority" if entry.priority is None else "priority %d" % entry.priority,
                "live": entry.area.priority,
            }


def _not_at_boot(sample: Sample) -> Iterable[Case]:
    for path in (sample.now.at_boot or NOTHING).unlisted:
        yield {"subject": path, "path": path}


RULES = (
    Rule(
        "sysctl_file_differs",
        WARNING,
        "sysctl",
        _settings,
        "{name} will be another one after the next boot",
        "it is {live}, and {where} says {said}",
        "apply the file (sysctl --system) or correct it; module highwater.memory.vm_sysctl keeps both the same",
        "sysctl.d(5), order of files",
    ),
    Rule(
        "fstab_swap_off",
        WARNING,
        "fstab",
        _not_on,
        "swap that fstab promises is not on",
        "/etc/fstab, line {line}, names {spec}, which /proc/swaps does not have",
        "turn it on (swapon {spec}) or take the line out; module highwater.memory.swapfile keeps both the same",
        "fstab(5), swapon(8)",
    ),
    Rule(
        "fstab_swap_priority",
        WARNING,
        "fstab",
        _other_priority,
        "swap will have another priority after the next boot",
        "{spec} has priority {live}, and /etc/fstab, line {line}, says {said}",
        "correct the line, or swap off and on; module highwater.memory.swapfile keeps both the same",
        "fstab(5), swapon(8)",
    ),
    Rule(
        "swap_not_at_boot",
        INFO,
        "fstab",
        _not_at_boot,
        "swap is on that nothing known turns on at boot",
        "{path} is in /proc/swaps, and neither /etc/fstab nor a swap unit of systemd names it",
        "put it into /etc/fstab where it is to stay (module highwater.memory.swapfile), or swap it off",
        "fstab(5), systemd.swap(5)",
    ),
)
