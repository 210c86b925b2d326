# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/swaps: the swap that is on, proc_swaps(5)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural
from ansible_collections.highwater.memory.plugins.module_utils.parse.escapes import decode

WHERE = "/proc/swaps"
_DELETED = " (deleted)"


class SwapArea(NamedTuple):
    """A swap area that is on.

    path:     as swapon was given it, escapes decoded, without the kernel's `` (deleted)``; of a zram below /dev.
    kind:     ``partition`` (any block device, a zram too) or ``file``.
    size:     bytes that can be used: the area without its header page.
    used:     bytes.
    priority: the higher is used first; the kernel counts down from -2 where none was asked for.
    deleted:  the file has been unlinked. A file whose name really ends in `` (deleted)`` looks the same.
    """

    path: str
    kind: str
    size: int
    used: int
    priority: int
    deleted: bool = False


def parse_swaps(text: str) -> tuple[SwapArea, ...]:
    """The areas in the kernel's order; none is an empty tuple. Raises ParseError, for a missing heading too."""
    # Not splitlines(): the kernel escapes blank, tab, newline and backslash, and a path may hold any other separator.
    heading, *lines = text.split("\n")
    if heading.split() != ["Filename", "Type", "Size", "Used", "Priority"]:
        raise ParseError(WHERE, heading, "the heading 'Filename Type Size Used Priority'")
    return tuple(_area(line) for line in lines if line)


def _area(line: str) -> SwapArea:
    fields = [field for field in line.replace("\t", " ").split(" ") if field]
    if len(fields) < 5 or fields[-4] not in ("partition", "file"):
        raise ParseError(WHERE, line, "a line such as '/swapfile file 524284 0 -2'")
    kind, size, used, priority = fields[-4:]
    # All before them is the path, so that a blank left unescaped cannot shift the columns.
    path = decode(" ".join(fields[:-4]))
    deleted = path.endswith(_DELETED)
    return SwapArea(
        path=path[: -len(_DELETED)] if deleted else _device(path, kind),
        kind=kind,
        size=natural(WHERE, size, line) * 1024,
        used=natural(WHERE, used, line) * 1024,
        priority=_priority(priority, line),
        deleted=deleted,
    )


def _device(path: str, kind: str) -> str:
    """A zram that was turned on in a mount namespace of its own is named from the root of the devtmpfs there."""
    is_zram = kind == "partition" and path.startswith("/zram") and path[len("/zram") :].isdigit()
    return "/dev" + path if is_zram else path


def _priority(text: str, line: str) -> int:
    return -natural(WHERE, text[1:], line) if text.startswith("-") else natural(WHERE, text, line)
