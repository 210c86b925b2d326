# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cloud-init's swapfile (key ``swap`` of its module mounts): made and put into fstab once for each instance.

It does not come back at a boot, so it is no second owner; where a disk becomes that of a new instance, it does.
Its YAML is read as far as people write it there, since Python has no parser for it.
Source: the documentation of cloud-init's module Mounts.
"""

from __future__ import annotations

import re

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

MAIN = "/etc/cloud/cloud.cfg"
FOLDER = "/etc/cloud/cloud.cfg.d"
OFF = "/etc/cloud/cloud-init.disabled"
INSTANCE = "/var/lib/cloud/instance/cloud-config.txt"  # user data, which outranks the others
DEFAULT = "/swap.img"

_SECTION = re.compile(r"(?m)^swap[ \t]*:(.*(?:\n(?:[ \t\r#].*)?)*)")


def find(host: Host, path: str) -> str | None:
    """The file that asks cloud-init for a swapfile at path; None where none does."""
    if not host.exists(MAIN) or host.exists(OFF):
        return None
    drop_ins = ("%s/%s" % (FOLDER, name) for name in host.listdir(FOLDER) if name.endswith(".cfg"))
    asked, wanted, at = DEFAULT, False, None
    for file in (MAIN, *drop_ins, INSTANCE):
        for section in _SECTION.findall(host.read(file) or ""):
            asked = _value(section, "filename") or asked
            size = _value(section, "size")
            wanted = wanted if size is None else size != "0"
            at = file
    return at if wanted and asked == path else None


def _value(section: str, key: str) -> str | None:
    """The last value of a key, without quotes; None where there is none."""
    found: list[str] = re.findall(r"""(?m)(?:^|[{,])[ \t]*["']?%s["']?[ \t]*:[ \t]*["']?([^\s"',}#]+)""" % key, section)
    return found[-1] if found else None


def warning(path: str, file: str) -> str:
    """What is to be said of it."""
    return (
        "cloud-init is to make %s as well where this disk becomes a new instance (swap in %s): set its size to 0 in a "
        "file of %s, or in the user data where it comes from there" % (path, file, FOLDER)
    )
