# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subsystems below /sys as resources of the runner (see core/convergence.py): one engine, a table for each."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import answer, spec, state, steps
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.profiles import merged
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import (
    LRU_GEN,
    TRANSPARENT_HUGEPAGE,
    ZSWAP,
    Subsystem,
)


class Resource(NamedTuple):
    """What the runner asks of a resource."""

    observe: Any
    resolve: Any = spec.resolve
    plan: Any = steps.plan
    managed: Any = answer.managed
    wanted: Any = answer.wanted
    result: Any = answer.result
    warnings: Any = answer.warnings


def resource(subsystem: Subsystem) -> Resource:
    """The resource that one module runs."""
    return Resource(partial(_observe, subsystem))


def _observe(subsystem: Subsystem, host: Host, params: Mapping[str, Any]) -> state.State:
    return state.observe(subsystem, host, merged(subsystem, params))


transparent_hugepage = resource(TRANSPARENT_HUGEPAGE)
zswap = resource(ZSWAP)
lru_gen = resource(LRU_GEN)
