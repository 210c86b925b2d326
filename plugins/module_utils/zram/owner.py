# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else sets up a zram device on this host: their file, so that nothing of theirs is touched by accident."""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import UNITS
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host


class Owner(NamedTuple):
    """Another program that sets the device up: its name, the file that makes it do so, what switches it off."""

    program: str
    file: str
    switch_off: str


# zram-generator(8): where the generator may be, and where zram-generator.conf(5) is read from.
GENERATORS = (
    "/usr/lib/systemd/system-generators/zram-generator",
    "/lib/systemd/system-generators/zram-generator",
    "/usr/local/lib/systemd/system-generators/zram-generator",
    "/etc/systemd/system-generators/zram-generator",
)
GENERATOR_FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")

# Programs of one unit or init script: (program, unit, the file a person edits, whether it is for zram0 only).
SERVICES = (
    ("zram-tools", "zramswap.service", "/etc/default/zramswap", True),
    ("zramswap", "zramswap.service", "/etc/zramswap.conf", True),
    ("zram-config", "zram-config.service", "/usr/bin/init-zram-swapping", False),
    ("armbian-zram-config", "armbian-zram-config.service", "/etc/default/armbian-zram-config", False),
    ("zram-init", "zram_swap.service", "/etc/conf.d/zram-init", False),
    ("zram-init", "zram-init.service", "/etc/conf.d/zram-init", False),
)
RUNLEVELS = ("boot", "default", "sysinit")  # OpenRC
OPENRC = (("zram-init", "/etc/conf.d/zram-init"), ("zram", "/etc/conf.d/zram"))

HAND_MADE = ("/etc/fstab", "/etc/rc.local")
OUR_UNITS = "highwater-"  # what their names begin with
UDEV_RULES = "/etc/udev/rules.d"


def find_owner(host: Host, name: str) -> Owner | None:
    """Who else sets up the device of that name at boot, None where nobody does."""
    return _generator(host, name) or _service(host, name) or _openrc(host) or _hand_made(host, name)


def refuse_owner(owner: Owner | None, name: str) -> None:
    """Raise HighwaterError where somebody else sets the device up."""
    if owner:
        raise HighwaterError(
            "name: %s is set up by %s (%s), and two owners of one device would undo each other's "
            "work: switch that one off first (%s), or choose another name such as zram1"
            % (name, owner.program, owner.file, owner.switch_off),
            reason="owner",
            owner=owner.program,
            file=owner.file,
        )


def _generator(host: Host, name: str) -> Owner | None:
    if not any(host.exists(path) for path in GENERATORS):
        return None
    for file, path in _generator_files(host).items():
        if re.search(r"(?m)^\s*\[%s\]" % name, _text(host, path)):
            return Owner(
                "zram-generator",
                path,
                "swapoff /dev/%s, an empty %s/%s and a reload of systemd" % (name, GENERATOR_FOLDERS[0], file),
            )
    return None


def _generator_files(host: Host) -> dict[str, str]:
    """What zram-generator reads, by name: of each the first, so that an empty file in /etc hides the others."""
    found: dict[str, str] = {}
    for folder in GENERATOR_FOLDERS:
        parts = [part for part in host.listdir(folder + "/zram-generator.conf.d") if part.endswith(".conf")]
        for file in ["zram-generator.conf"] + ["zram-generator.conf.d/" + part for part in parts]:
            if host.exists("%s/%s" % (folder, file)):
                found.setdefault(file, "%s/%s" % (folder, file))
    return found


def _service(host: Host, name: str) -> Owner | None:
    for program, unit, file, zram0_only in SERVICES:
        if (not zram0_only or name == "zram0") and host.exists(file):
            enabled = _enabled(host, unit)
            if enabled:
                return Owner(program, file, "systemctl disable --now %s" % unit)
    return None


def _enabled(host: Host, unit: str) -> bool:
    return any(
        host.exists("%s/%s/%s" % (UNITS, folder, unit))
        for folder in host.listdir(UNITS)
        if folder.endswith((".wants", ".requires"))
    )


def _openrc(host: Host) -> Owner | None:
    for script, file in OPENRC:
        if any(host.exists("/etc/runlevels/%s/%s" % (level, script)) for level in RUNLEVELS):
            return Owner(script, file, "rc-update del %s" % script)
    return None


def _hand_made(host: Host, name: str) -> Owner | None:
    """A unit, a line of fstab, a udev rule that names the device; comments and disabled units do not count.

    Nor do our own units: that of zram1 names zram0, which it comes after.
    """
    names_it = re.compile(r"(?m)^[^#\n]*\b%s\b" % name)
    for file in host.listdir(UNITS):
        path = "%s/%s" % (UNITS, file)
        theirs = file.endswith((".service", ".swap")) and not file.startswith(OUR_UNITS)
        if theirs and names_it.search(_text(host, path)) and _enabled(host, file):
            return Owner("a unit of this host's own", path, "systemctl disable --now %s" % file)
    rules = ["%s/%s" % (UDEV_RULES, file) for file in host.listdir(UDEV_RULES) if file.endswith(".rules")]
    for path in list(HAND_MADE) + rules:
        if names_it.search(_text(host, path)):
            return Owner("a setting of this host's own", path, "take the lines that name %s out of it" % name)
    return None


def _text(host: Host, path: str) -> str:
    """The text of a regular file; empty for a link, a folder, or where nothing is."""
    try:
        return "" if host.readlink(path) is not None else host.read(path) or ""
    except IsADirectoryError:
        return ""
