# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vm settings and swap as the files of the host have them, beside the kernel (see at_boot.py).

In a container these files say nothing of the kernel, so nothing is compared there.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.memory.at_boot import (
    FSTAB,
    AtBoot,
    Drift,
    Promise,
    shown,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import parse_fstab, swap_entries
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

# What udev makes for the tags of fstab(5).
_LINKS = {
    "UUID": "/dev/disk/by-uuid/",
    "LABEL": "/dev/disk/by-label/",
    "PARTUUID": "/dev/disk/by-partuuid/",
    "PARTLABEL": "/dev/disk/by-partlabel/",
}
_MOST_LINKS = 40  # MAXSYMLINKS of linux/namei.h
# Where systemd has units, by precedence of systemd.unit(5) and with those that generators make.
_UNITS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
    "/run/systemd/generator.early",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)


def observe(host: Host, areas: Sequence[SwapArea], differs: bool) -> AtBoot | None:
    """None in a container. differs: whether any line on a setting says other than the kernel."""
    if container(host):
        return None
    promises = _promises(host, areas)
    kept = {promise.area.path for promise in promises if promise.area}
    others = [area.path for area in areas if not area.path.startswith("/dev/zram") and area.path not in kept]
    in_units = _in_units(host) if others else set()
    drift = _drift(host) if differs else ()
    return AtBoot(drift, promises, tuple(path for path in others if path not in in_units))


def _drift(host: Host) -> tuple[Drift, ...]:
    """Compared as numbers. Where another program sets them later at boot (tuned, udev ...), what it says counts.

    A line with nothing behind its equals sign sets nothing.
    """
    # As in at_boot.py: most hosts that come here come for their swap.
    from ansible_collections.highwater.memory.plugins.module_utils.vm import owners, precedence
    from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical
    from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import path, row

    lines = dict(precedence.at_boot(precedence.observe(host, "")))
    live = {name: shown(host, path(name)) for name in lines if not row(name).refused}
    now = {name: canonical(text) for name, text in live.items() if text is not None}
    lines.update({name: line for name, line in owners.observe(host).items() if name in now})
    return tuple(
        Drift(lines[name].key, lines[name].value or "", value, lines[name].where())
        for name, value in sorted(now.items())
        if lines[name].value not in (value, "")
    )


def _promises(host: Host, areas: Sequence[SwapArea]) -> tuple[Promise, ...]:
    text = host.read(FSTAB) or ""
    return tuple(
        Promise(entry.spec, number, _priority(entry.options), _area(host, entry.spec, areas))
        for number, line in enumerate(parse_fstab(text), 1)
        for entry in swap_entries((line,))
        if "noauto" not in entry.options
    )


def _priority(options: Iterable[str]) -> int | None:
    found = [re.fullmatch(r"pri=([0-9]{1,5})", option, re.ASCII) for option in options]
    numbers = [int(match.group(1)) for match in found if match]
    return numbers[-1] if numbers else None


def _area(host: Host, spec: str, areas: Sequence[SwapArea]) -> SwapArea | None:
    """What is on of that name: by path, by udev's link for a tag or, for a file with a tag, by its header."""
    tag, equals, value = spec.replace('"', "").partition("=")
    folder = _LINKS.get(tag.upper()) if equals else None
    name = folder + (value.lower() if tag.upper() == "UUID" else value) if folder else spec
    path = _real_path(host, name)
    found = next((area for area in areas if area.path == path), None)
    if found is None and tag.upper() in ("UUID", "LABEL"):
        found = next((area for area in areas if _has_tag(host, area.path, tag.upper(), value)), None)
    return found


def _real_path(host: Host, path: str) -> str:
    """Where a path leads, folders on its way that are links followed, too, as /proc/swaps has it; itself where its
    links go round.
    """
    parts, real, links = path.split("/")[::-1], "", 0
    while parts:
        part = parts.pop()
        if part == "..":
            real = real.rpartition("/")[0]
        elif part not in ("", "."):
            target = host.readlink("%s/%s" % (real, part))
            if target is None:
                real += "/" + part
                continue
            links += 1
            if links > _MOST_LINKS:
                return path
            parts += target.split("/")[::-1]
            real = "" if target.startswith("/") else real
    return real


def _has_tag(host: Host, path: str, tag: str, value: str) -> bool:
    from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import parse_header

    header = parse_header(host.read_start(path, os.sysconf("SC_PAGE_SIZE")) or b"")
    if header is None:
        return False
    return header.uuid == value.lower() if tag == "UUID" else header.label == value


def _in_units(host: Host) -> set[str]:
    """The paths that swap units name, links followed."""
    texts = [
        host.read("%s/%s" % (folder, name)) or ""
        for folder in _UNITS
        for name in host.listdir(folder)
        if name.endswith(".swap")
    ]
    return {_real_path(host, what) for text in texts for what in re.findall(r"(?m)^What=(\S+)\s*$", text)}
