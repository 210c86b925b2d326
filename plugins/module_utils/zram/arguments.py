# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of zram_device."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.arguments import CONFIGURE_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import DEFAULT_HEADROOM

ARGUMENTS: dict[str, dict[str, Any]] = dict(
    CONFIGURE_OPTIONS,
    name={"type": "str", "default": "zram0"},
    state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    size={"type": "str"},
    algorithm={"type": "list", "elements": "raw"},
    priority={"type": "int"},
    mem_limit={"type": "str"},
    discard={"type": "bool", "default": True},
    fstype={"type": "str", "choices": ["swap"], "default": "swap"},
    headroom={"type": "str", "default": DEFAULT_HEADROOM},
)
