# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of swapfile."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.arguments import CONFIGURE_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import DEFAULT_HEADROOM
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import DEFAULT_KEEP_FREE

ARGUMENTS: dict[str, dict[str, Any]] = dict(
    CONFIGURE_OPTIONS,
    path={"type": "path", "required": True},
    state={"type": "str", "choices": ["present", "absent", "disabled"], "default": "present"},
    size={"type": "str", "default": "auto"},
    method={"type": "str", "choices": ["auto", "fallocate", "dd"], "default": "auto"},
    priority={"type": "int"},
    discard={"type": "str", "choices": ["none", "once", "pages", "both"], "default": "none"},
    nofail={"type": "bool", "default": True},
    label={"type": "str"},
    encrypted={"type": "bool", "default": False},
    keep_free={"type": "str", "default": DEFAULT_KEEP_FREE},
    headroom={"type": "str", "default": DEFAULT_HEADROOM},
    expect_room={"type": "bool", "default": False},
    hold_back={"type": "str"},
)
