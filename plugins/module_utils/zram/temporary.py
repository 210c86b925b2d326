# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The temporary device: another zram that holds the pages of one that is being set up anew.

It is known by the label of its swap area, and before it has one by a note in /run, which is gone after a reboot as the
device is. So a run after one that was cut off finds it, moves its pages back and takes it away.
"""

from __future__ import annotations

import os
import re
from typing import Collection, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.mm_stat import parse_mm_stat
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import parse_header
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Temporary(NamedTuple):
    """A temporary device that is there, or of which there is a note only; bytes.

    size: disksize, 0 where it is not set up.
    held: the RAM that it uses (mem_used_total).
    area: its swap area, None where that is not on.
    """

    name: str
    size: int
    held: int
    area: Optional[SwapArea]
    algorithm: Optional[str] = None


LABEL = "hw-temp-"


def label(name: str) -> str:
    """The label of the area that holds the pages of the device of that name; 15 bytes at most."""
    return LABEL + name


def area_label(host: Host, path: str) -> str:
    """The label of the swap area on a device; empty for none."""
    header = parse_header(host.read_start(path, _PAGE) or b"")
    return header.label if header else ""


def note(name: str) -> str:
    """The file that names the temporary device of a device."""
    return "/run/highwater-memory.%s.temporary" % name


def noted_temporaries(host: Host) -> tuple[str, ...]:
    """The devices of which there is such a note."""
    found = (re.match(r"highwater-memory\.(.+)\.temporary\Z", file) for file in host.listdir("/run"))
    return tuple(each.group(1) for each in found if each)


def find_temporary(
    host: Host, name: str, devices: Collection[str], areas: tuple[SwapArea, ...], known: tuple[str, ...]
) -> Temporary | None:
    """The temporary device of the device of that name, among all zram devices of the host; None where there is none.

    known: devices that our record says were asked for.
    """
    noted = (host.read(note(name)) or "").strip()
    if noted and noted not in devices:
        return Temporary(noted, 0, 0, None)
    for device in devices:
        path = "/dev/%s" % device
        stat = host.read("/sys/block/%s/mm_stat" % device)
        if device == name or stat is None:
            continue
        header = parse_header(host.read_start(path, _PAGE) or b"")
        used = parse_mm_stat(stat)
        area = next((area for area in areas if area.path == path), None)
        blank = device == noted and device not in known and header is None and not used.orig_data_size
        if blank or (header is not None and header.label == label(name)):
            size = int(host.read("/sys/block/%s/disksize" % device) or "0")
            algorithm = parse_choice(host.read("/sys/block/%s/comp_algorithm" % device) or "").chosen
            return Temporary(device, size, used.mem_used_total, area, algorithm)
    return None


def spare_name(devices: Collection[str], known: tuple[str, ...]) -> str:
    """The name of a device that neither exists nor is asked for by anybody that we know of."""
    taken = set(devices) | set(known)
    return next(name for name in ("zram%d" % number for number in range(len(taken) + 1)) if name not in taken)
