# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that mean the same in every module of the action group ``configure``, as an argument spec."""

from __future__ import annotations

from typing import Any

CONFIGURE_OPTIONS: dict[str, dict[str, Any]] = {
    "persistent": {"type": "bool", "default": True},
    "apply": {"type": "str", "choices": ["now", "next_boot"], "default": "now"},
    "on_unsupported": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
}
# For modules that give named settings of the kernel a value.
SETTINGS_OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "exclusive": {"type": "bool", "default": False},
    "unknown": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
}
