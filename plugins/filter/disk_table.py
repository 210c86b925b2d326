# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: disk_table
short_description: What fills the disks of a host, and what could be done
version_added: 0.1.0
author: highwater.memory authors (@highwater)
description:
  - Makes the tables of playbook C(highwater.memory.disk_full) of what M(highwater.memory.disk_usage_info) and
    M(highwater.memory.deleted_open_files_info) returned on a host.
positional: deleted, done, check
options:
  _input:
    description: What M(highwater.memory.disk_usage_info) returned.
    type: dict
    required: true
  deleted:
    description: What M(highwater.memory.deleted_open_files_info) returned; left out where it was not asked.
    type: dict
  done:
    description: What M(highwater.memory.deleted_open_files) and M(highwater.memory.compress_in_place) returned.
    type: list
    elements: dict
  check:
    description: Whether that was in check mode.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: What fills the disks
  ansible.builtin.debug:
    msg: "{{ usage | highwater.memory.disk_table(deleted) }}"
"""

RETURN = r"""
_value:
  description: The lines of the tables.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.plugin_utils.table import table

FILESYSTEMS = ("used", "free", "of", "inodes free", "mounted at", "type")
FILES = ("on disk", "compressing frees", "largest files", "why not")
FOLDERS = ("on disk", "files", "largest folders")
CROWDED = ("files", "folders with the most files")
SHOWN = 20  # deleted files
DELETED = ("on disk", "process", "deleted, but open", "its writers append")


def disk_table(
    usage: Mapping[str, Any],
    deleted: Mapping[str, Any] | None = None,
    done: Sequence[Mapping[str, Any]] = (),
    check: bool = False,
) -> list[str]:
    """What was done, the filesystems, the largest files with what compressing them gives, the folders, what is deleted."""
    rows = [row for result in done for row in _done(result)]
    parts = [table(("would free" if check else "freed", "file", "by"), rows)] if rows else []
    parts.append(table(FILESYSTEMS, [_filesystem(one) for one in usage["filesystems"]]))
    if usage["files"]:
        parts.append(table(FILES, [_file(one) for one in usage["files"]]))
        parts.append(table(FOLDERS, [_folder(one) for one in usage["folders"]]))
        if any(_lacks_inodes(one) for one in usage["filesystems"]):
            parts.append(table(CROWDED, [(str(one["files"]), one["path"]) for one in usage["crowded"]]))
    if deleted is not None:
        parts.append(_all_deleted(deleted["files"]))
    return [line for part in parts for line in [*part, ""]][:-1]


def _lacks_inodes(one: Mapping[str, Any]) -> bool:
    return bool(one["inodes"] and one["inodes_free"] < one["inodes"] // 10)


def _all_deleted(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """Programs keep many small ones: the largest are shown."""
    if not files:
        return ["deleted, but open: none"]
    rest = files[SHOWN:]
    size = format_size(sum(one["size_on_disk"] for one in rest))
    more = ["and %d more, %s together" % (len(rest), size)] if rest else []
    return table(DELETED, [_deleted(one) for one in files[:SHOWN]]) + more


def _filesystem(one: Mapping[str, Any]) -> tuple[str, ...]:
    inodes = str(one["inodes_free"]) if one["inodes"] else ""
    size = (format_size(one["free"]), format_size(one["size"]))
    return ("%.1f %%" % one["used_percent"], *size, inodes, one["mount_point"], one["fstype"])


def _done(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What was truncated or compressed, and what was left alone; nothing of a task that was skipped or failed."""
    rows = [_truncated(one) if "pid" in one else _compressed(one) for one in result.get("files", ())]
    return rows + [("-", one["path"], _reason(one["path"], one["why"])) for one in result.get("left_alone", ())]


def _truncated(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (format_size(one["size_on_disk"]), one["path"], "truncating")


def _compressed(one: Mapping[str, Any]) -> tuple[str, ...]:
    ratio = " %.1f to 1" % one["ratio"] if one["ratio"] else ""
    return (format_size(one["freed"]), one["path"], "compressing" + ratio)


def _reason(path: str, why: str) -> str:
    """Without the path, which stands beside it, and without what would help, which the module's own answer has."""
    return why.removeprefix(path).lstrip(": ").partition(": ")[0]


def _file(one: Mapping[str, Any]) -> tuple[str, ...]:
    would, why_not = one.get("would_free"), one.get("why_not") or ""
    freed = "" if would is None else "-" if why_not else format_size(would)
    return (format_size(one["on_disk"]), freed, one["path"], _reason(one["path"], why_not))


def _folder(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (format_size(one["on_disk"]), str(one["files"]), one["path"])


def _deleted(one: Mapping[str, Any]) -> tuple[str, ...]:
    process = "%s (%d)" % (one["command"], one["pid"])
    return (format_size(one["size_on_disk"]), process, one["path"], "yes" if one["appends"] else "no")


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"disk_table": disk_table}
