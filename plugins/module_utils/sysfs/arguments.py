# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that set what is below /sys."""

from __future__ import annotations

from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.arguments import CONFIGURE_OPTIONS, SETTINGS_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.profiles import profiles_argument
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import (
    LRU_GEN,
    TRANSPARENT_HUGEPAGE,
    ZSWAP,
    Subsystem,
)


def _arguments(subsystem: Subsystem) -> dict[str, dict[str, Any]]:
    return dict(CONFIGURE_OPTIONS, **SETTINGS_OPTIONS, **subsystem.arguments())


TRANSPARENT_HUGEPAGE_ARGUMENTS = dict(
    _arguments(TRANSPARENT_HUGEPAGE), profiles=profiles_argument(TRANSPARENT_HUGEPAGE)
)
ZSWAP_ARGUMENTS = _arguments(ZSWAP)
LRU_GEN_ARGUMENTS = dict(_arguments(LRU_GEN), profiles=profiles_argument(LRU_GEN))
