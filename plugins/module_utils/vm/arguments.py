# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of vm_sysctl."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.arguments import CONFIGURE_OPTIONS, SETTINGS_OPTIONS

PROFILE_OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "when": {
        "type": "str",
        "choices": ["always", "zram_swap", "zram_swap_alone", "zram_swap_with_disk"],
        "default": "always",
    },
    "settings": {"type": "dict", "required": True},
    "on_top_of": {"type": "list", "elements": "str", "default": []},
}
ARGUMENTS: dict[str, dict[str, Any]] = dict(
    CONFIGURE_OPTIONS,
    **SETTINGS_OPTIONS,
    settings={"type": "dict", "default": {}},
    profiles={"type": "list", "elements": "dict", "default": [], "options": PROFILE_OPTIONS},
    expect_huge_pages={"type": "str", "choices": ["always", "madvise", "never"]},
    expect_swap={"type": "list", "elements": "str", "choices": ["zram", "disk"], "default": []},
    file={"type": "path", "default": "/etc/sysctl.d/90-highwater.conf"},
    force={"type": "bool", "default": False},
)
