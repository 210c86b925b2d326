# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else turns a swap area on at boot, beside fstab: one row or one function for each, and nothing else to touch."""

from __future__ import annotations

import os
import re

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

UNITS = "/etc/systemd/system"
# Where a vendor's units are; what is in UNITS is the administrator's own.
VENDOR_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system")
# What generators make at each boot: of a disk's swap partitions (systemd-gpt-auto-generator(8)), of rpi-swap's file.
GENERATED = tuple("/run/systemd/generator" + kind for kind in ("", ".early", ".late"))
FROM_FSTAB = "SourcePath=/etc/fstab"
MASK = "/dev/null"


class Owner(NamedTuple):
    """A unit that turns the area on at boot. program: whose it is; file: what a person would edit."""

    program: str
    unit: str
    file: str

    @property
    def own_file(self) -> bool:
        """Whether the unit itself stands where a mask would have to."""
        return self.file == mask_of(self.unit)


def mask_of(unit: str) -> str:
    """The link to /dev/null that keeps systemd from starting a unit, whoever asks for it."""
    return "%s/%s" % (UNITS, unit)


def find_owners(host: Host, path: str) -> tuple[Owner, ...]:
    """The units that turn on the area at path (a file's, or a device's as the kernel calls it) and are not masked."""
    found = _dphys_swapfile(host, path) + _swap_units(host, path)
    return tuple(owner for owner in found if host.readlink(mask_of(owner.unit)) != MASK)


def _dphys_swapfile(host: Host, path: str) -> tuple[Owner, ...]:
    """dphys-swapfile(8), as Raspberry Pi OS has it: makes its file anew at each boot, turned on without fstab. What
    systemctl disable has done to it is enough.
    """
    unit, file = "dphys-swapfile.service", "/etc/dphys-swapfile"
    there = any(host.exists("%s/%s" % (folder, unit)) for folder in VENDOR_UNITS)
    if not there or not _is_pulled_in(host, unit):
        return ()
    # The file is sourced by a shell; of what one could write there, this reads what anybody does.
    given = re.findall(r"""(?m)^\s*CONF_SWAPFILE=["']?([^"'\s#]+)""", host.read(file) or "")
    return (Owner("dphys-swapfile", unit, file),) if path == (given[-1] if given else "/var/swap") else ()


def _swap_units(host: Host, path: str) -> tuple[Owner, ...]:
    """Units of type swap that a target has started, but for those that systemd makes from fstab."""
    found: dict[str, Owner] = {}
    for folder in (UNITS, *VENDOR_UNITS, *GENERATED):
        for unit in host.listdir(folder):
            file = "%s/%s" % (folder, unit)
            if not unit.endswith(".swap") or host.readlink(file) is not None:
                continue
            text = host.read(file) or ""
            if not _is_about(text, path) or FROM_FSTAB in text:
                continue
            if folder in GENERATED:
                found.setdefault(unit, Owner("a generator of systemd", unit, file))
            elif _is_pulled_in(host, unit):
                found.setdefault(unit, Owner("a unit of systemd", unit, file))
    return tuple(found.values())


def _is_about(text: str, path: str) -> bool:
    what = re.findall(r"(?m)^\s*What\s*=\s*(.*?)\s*$", text)
    return path in what[-1:] or (path.startswith("/dev/") and os.path.realpath(what[-1] if what else "") == path)


def _is_pulled_in(host: Host, unit: str) -> bool:
    """Whether a target has it started at boot."""
    folders = ((base, folder) for base in (UNITS, *VENDOR_UNITS) for folder in host.listdir(base))
    wanted = ("%s/%s" % pair for pair in folders if pair[1].endswith((".wants", ".requires")))
    return any(host.readlink("%s/%s" % (folder, unit)) is not None for folder in wanted)
