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
    recompress={"type": "list", "elements": "raw"},
    writeback_device={"type": "str"},
    fstype={"type": "str", "choices": ["swap", "ext4", "xfs", "btrfs"], "default": "swap"},
    mount_point={"type": "str"},
    mount_options={"type": "list", "elements": "str"},
    mount_owner={"type": "str"},
    mount_group={"type": "str"},
    mount_mode={"type": "raw"},
    writeback_schedule={"type": "str"},
    writeback_idle={"type": "str", "default": "1d"},
    writeback_limit={"type": "str", "default": "256MiB"},
    recompress_schedule={"type": "str"},
    recompress_idle={"type": "str", "default": "1h"},
    recompress_limit={"type": "str", "default": "1GiB"},
    recompress_threshold={"type": "str"},
    take_over={"type": "bool", "default": False},
    package={"type": "str"},
    headroom={"type": "str", "default": DEFAULT_HEADROOM},
)
