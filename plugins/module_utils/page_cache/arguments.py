# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of what is purged, for the module and for the rules of the role, as an argument spec."""

from __future__ import annotations

from typing import Any

FILES, WHOLE = "files", ("pagecache", "slab", "all")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "paths": {"type": "list", "elements": "path"},
    "scope": {"type": "str", "choices": [FILES, *WHOLE], "default": FILES},
    "include": {"type": "list", "elements": "str"},
    "exclude": {"type": "list", "elements": "str"},
    "min_size": {"type": "str"},
    "min_cached": {"type": "str"},
    "older_than": {"type": "str"},
    "keep_tail": {"type": "str"},
    "sync": {"type": "bool", "default": True},
    "only_below": {"type": "str"},
    "one_file_system": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
}
