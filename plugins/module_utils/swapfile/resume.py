# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that a hibernated system would be woken from: the kernel finds it by its place on the disk, not by its name,
so that one made anew would no longer be found.

Source: the kernel's Documentation/power/swsusp-and-swap-files.rst; sysfs-power in Documentation/ABI/testing.
"""

from __future__ import annotations

import os
import re
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple


class Resume(NamedTuple):
    """device: ``8:1``, or None where it is not known yet; offset: of the file's first page on it, in pages."""

    device: Optional[str]
    offset: int


def observe(host: Host) -> Resume | None:
    """Where hibernation resumes from a file; None where it does not, or from a partition (whose offset is 0)."""
    offset = _number(host.read("/sys/power/resume_offset"))
    if offset is None:  # before Linux 4.17 only the command line has it
        given = re.findall(r"(?:^|\s)resume_offset=(\d+)", host.read("/proc/cmdline") or "")
        offset = int(given[-1]) if given else None
    if not offset:
        return None
    device = (host.read("/sys/power/resume") or "").strip()
    return Resume(device if device not in ("", "0:0") else None, offset)


def is_from(resume: Resume, device: str, place: int | None, page: int) -> bool:
    """Whether it resumes from the file that begins at a place, in bytes, of a device (``8:1``).

    Where the filesystem does not say where on the device the file is (None), it may be.
    """
    if resume.device not in (None, device):
        return False
    return place is None or place // page == resume.offset


def device_of(status: os.stat_result, source: str) -> str:
    """The number of the device that a file is on: btrfs shows one of its own, and the real one by what is mounted."""
    try:
        number = os.stat(source).st_rdev
    except OSError:
        number = 0
    number = number or status.st_dev
    return "%d:%d" % (os.major(number), os.minor(number))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None
