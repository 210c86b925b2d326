# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What disk_usage_info answers (see core/runner.py)."""

from __future__ import annotations

import os
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.compress import candidates
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import opened
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped, cause
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.disk.filesystems import Filesystem, filesystems
from ansible_collections.highwater.memory.plugins.module_utils.disk.walk import File, largest

LEVEL, MIN_SAVING = 6, 0.1  # as compress_in_place has them where nothing is said


def disk_usage(params: dict[str, Any], host: Host, _check_mode: bool) -> dict[str, Any]:
    """How full the filesystems are and what takes the room; nothing is changed."""
    if params["largest"] < 1 or params["seconds"] < 1:
        option = "largest" if params["largest"] < 1 else "seconds"
        raise HighwaterError("%s: %d is out of range: write 1 or more" % (option, params[option]))
    mounted = filesystems(host)
    paths = params["paths"] if params["paths"] is not None else [one.mount_point for one in mounted]
    for path in paths:
        if not os.path.isdir(path):
            raise HighwaterError("paths: %s is not a folder: name one that is there" % path, reason="missing")
    used = largest(paths, params["largest"], params["seconds"])
    return {
        "changed": False,
        "filesystems": [_filesystem(one) for one in mounted],
        "files": [_file(one, host, params["estimate"]) for one in used.files],
        "folders": [dict(one._asdict()) for one in used.folders],
        "crowded": [dict(one._asdict()) for one in used.crowds],
        "complete": used.complete,
        "warnings": [] if used.complete else [_incomplete(params["seconds"])],
    }


def _incomplete(seconds: int) -> str:
    return "seconds: %d were not enough to look at all files: those shown are the largest of what was seen" % seconds


def _filesystem(one: Filesystem) -> dict[str, Any]:
    return {
        "mount_point": one.mount_point,
        "device": one.source,
        "fstype": one.kind,
        "size": one.size,
        "free": one.free,
        "inodes": one.inodes,
        "inodes_free": one.inodes_free,
        "used_percent": round(one.fullness * 100, 1),
        "writable": one.writable,
    }


def _file(one: File, host: Host, estimate: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"path": one.path, "size": one.size, "on_disk": one.on_disk, "mtime": int(one.mtime)}
    if estimate:
        freed, why = _would_free(one, host)
        row.update(would_free=freed, why_not=why)
    return row


def _would_free(one: File, host: Host) -> tuple[int, Optional[str]]:
    """Bytes that compressing in place would give back; 0 and the reason where it would be refused, or do harm."""
    try:
        candidates.refuse_system(one.path)
        with opened(one.path) as pair:
            estimate = candidates.refuse_hopeless(pair, LEVEL, MIN_SAVING, host)
            with Guard(pair, host):
                return max(0, one.on_disk - estimate.packed), None
    except Stopped:
        raise
    except (HighwaterError, OSError) as error:
        return 0, cause(error)
