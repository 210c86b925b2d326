# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What deleted_open_files_info and deleted_open_files answer (see core/runner.py)."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.open_files import deleted


def list_deleted(params: dict[str, Any], host: Host, _check_mode: bool) -> dict[str, Any]:
    """The files, nothing changed."""
    files = deleted.matching(deleted.find(host), params["match"])
    return {"changed": False, "files": [deleted.shown(host, file) for file in files], "warnings": []}


def truncate_deleted(params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """The files, and what emptying them has given back; it is the effect that counts as changed. What was
    closed since it was found is none of them.
    """
    deleted.refuse_careless(params["match"])
    files = deleted.matching(deleted.find(host), params["match"])
    before = {file: deleted.shown(host, file) for file in files}
    freed = {file: file.first.on_disk for file in files} if check_mode else _empty(host, files)
    done = [file for file in files if file in freed]
    return {
        "files": [before[file] for file in done],
        "actions": deleted.actions(done),
        "warnings": deleted.warnings(host, done),
        "freed": sum(freed.values()),
        "changed": sum(freed.values()) > 0,
    }


def _empty(host: Host, files: list[deleted.Deleted]) -> dict[deleted.Deleted, int]:
    """What each of those that could be emptied has given back; HighwaterError that names those that could not, once the
    others are.
    """
    freed, left = {}, []
    for file in files:
        try:
            given = deleted.empty(host, file)
        except OSError as error:
            left.append("%s: %s" % (file.first.path, os.strerror(error.errno or 0)))
        else:
            freed.update({} if given is None else {file: given})
    if left:
        raise HighwaterError(
            "could not truncate %s; %d other files that match have given back %s"
            % (", ".join(left), len(freed), format_size(sum(freed.values()))),
            reason="kernel",
            freed=sum(freed.values()),
        )
    return freed
