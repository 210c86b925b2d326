# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands behind the last whole member of a part file. Where a run was cut off while it appended, that is torn: its
block is still in the original, and it is cut off. Where the disk has made something else of a member, or has lost it,
its block is a hole there, and nothing may be cut off.
"""

from __future__ import annotations

import os
from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.compress.member import (
    HEADER,
    LARGEST_BLOCK,
    Member,
    Stamp,
    claimed_at,
    has_header,
    is_complete,
    resembles,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.extents import is_blank

PAGE = 4096  # bytes that are looked at of a block of which the length is not known


def is_torn(original: int, part: int, members: Sequence[Member]) -> bool:
    """Whether what follows the members, if anything, is what a run leaves that was cut off while it appended."""
    at = members[-1].at + members[-1].packed if members else 0
    offset = members[-1].offset + members[-1].length if members else 0
    end = os.fstat(part).st_size
    if at == end:
        return True
    if has_header(part, at + 1, end, os.fstat(original).st_ino):  # none is begun before the one in front of it is whole
        return False
    head = os.pread(part, HEADER, at)
    stamp = members[0].stamp if members else None
    if not resembles(head, stamp, offset):
        return False
    return len(head) < HEADER or _is_in_the_original(original, part, at, end, stamp, offset)


def _is_in_the_original(original: int, part: int, at: int, end: int, stamp: Stamp | None, offset: int) -> bool:
    """Whether the block of a member that is not whole is still where it was."""
    claimed = claimed_at(part, at)
    if (
        claimed is None or claimed.offset != offset or stamp not in (None, claimed.stamp)
    ):  # a part of the header is there
        return not _has_gone(original, offset, PAGE)
    if at + claimed.packed == end:
        return not _has_gone(original, offset, min(claimed.length or PAGE, LARGEST_BLOCK))
    return at + claimed.packed > end and not is_complete(part, at)


def _has_gone(original: int, offset: int, length: int) -> bool:
    """Whether a block was punched: a hole, in part where that was cut off, or zeros where there was no whole page."""
    end = min(offset + length, os.fstat(original).st_size)
    return offset < end and (is_blank(original, end, offset) or os.lseek(original, offset, os.SEEK_HOLE) < end)
