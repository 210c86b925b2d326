# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of memory_compact, and of compaction, which has it recur."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.arguments import CONFIGURE_OPTIONS

ORDER = 9  # 2 MiB where a page has 4 KiB: a huge page
THRESHOLD = 0.5

ARGUMENTS: dict[str, dict[str, Any]] = {
    "order": {"type": "int", "default": ORDER},
    "threshold": {"type": "float", "default": THRESHOLD},
    "nodes": {"type": "list", "elements": "int"},
    "min_interval": {"type": "str", "default": "5m"},
    "skip_under_pressure": {"type": "bool", "default": True},
    "on_unsupported": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
}

RECURRING_ARGUMENTS: dict[str, dict[str, Any]] = dict(
    CONFIGURE_OPTIONS,
    order={"type": "int", "default": ORDER},
    threshold={"type": "float", "default": THRESHOLD},
    schedule={"type": "str", "default": ""},
    state={"type": "str", "choices": ["present", "absent"], "default": "present"},
)
