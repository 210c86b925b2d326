# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the next boot will make of vm settings and of swap, beside what is now: a first look, which on most hosts finds
that there is nothing to compare, and the values that boot_files.py gives where there is.
"""

from __future__ import annotations

import re
from typing import Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

FSTAB = "/etc/fstab"
# As in vm/precedence.py, which costs too much to import where nothing differs; a test compares them.
SYSCTL_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SYSCTL_CONF = "/etc/sysctl.conf"
# Whatever vm/precedence.py may take for a line on one of our settings: in vm, in another folder of our table, a glob.
_LINE = re.compile(r"(?m)^[ \t]*-?[ \t/]*((?:vm[./]|kernel[./]+numa|[^\s=#;]*[*?\[])[^\s=]*)[ \t]*=[ \t]*(.*)$")
_NAME = re.compile(r"(?:vm[./]|kernel[./])[a-z0-9_-]+", re.ASCII)


class Drift(NamedTuple):
    """A setting that is not what a file says. name: as in ``vm.swappiness``; where: file and line."""

    name: str
    said: str
    live: str
    where: str


class Promise(NamedTuple):
    """A swap entry of fstab that is to be on at boot.

    area: what is on of it now, None where nothing is; line: its number; priority: by pri=, None without.
    """

    spec: str
    line: int
    priority: Optional[int]
    area: Optional[SwapArea]


class AtBoot(NamedTuple):
    """drift: settings that files say otherwise than the kernel; promises: the swap entries of fstab but those with
    noauto; unlisted: paths of swap on disk that neither fstab nor a swap unit of systemd names.
    """

    drift: tuple[Drift, ...] = ()
    promises: tuple[Promise, ...] = ()
    unlisted: tuple[str, ...] = ()


def observe(host: Host, areas: Sequence[SwapArea]) -> AtBoot | None:
    """None in a container, as far as there is anything to compare. areas: the swap that is on."""
    swaps = "swap" in (host.read(FSTAB) or "") or any(not area.path.startswith("/dev/zram") for area in areas)
    if not swaps and not _any_differs(host):
        return AtBoot()
    # Start-up is most of what the module costs, so what only some hosts need is imported on those.
    from ansible_collections.highwater.memory.plugins.module_utils.memory import boot_files

    return boot_files.observe(host, areas, _any_differs(host))


def _any_differs(host: Host) -> bool:
    """Whether any line of any file says other than the kernel: where none does, it does not matter which is last.

    What is no plain number and no plain name (a glob, ``0x3c``) counts as if it did.
    """
    paths = ["%s/%s" % (folder, name) for folder in SYSCTL_FOLDERS for name in host.listdir(folder)]
    for path in [path for path in paths if path.endswith(".conf")] + [SYSCTL_CONF]:
        try:
            text = host.read(path) or ""
        except OSError:  # a folder by that name
            continue
        for key, value in _LINE.findall(text):
            live = shown(host, "/proc/sys/" + key.replace(".", "/")) if _NAME.fullmatch(key) else ""
            if live is not None and live.split() != value.split():
                return True
    return False


def shown(host: Host, path: str) -> str | None:
    """The text of a setting; None where the kernel has none, or does not show it: nothing can be compared then.

    vm.drop_caches can only be written, vm.nr_hugepages not be read on a machine without huge pages.
    """
    try:
        return host.read(path)
    except OSError:
        return None
