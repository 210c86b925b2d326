# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vm_sysctl as a resource of the runner: settings live, in our file, and in our record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.highwater.memory.plugins.module_utils.vm.answer import managed, result, wanted, warnings
from ansible_collections.highwater.memory.plugins.module_utils.vm.live import reach
from ansible_collections.highwater.memory.plugins.module_utils.vm.spec import Spec, resolve
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State, observe

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan

__all__ = ("managed", "observe", "plan", "resolve", "result", "wanted", "warnings")


def plan(spec: Spec, state: State) -> Plan:
    """As steps.plan(), which is not even imported where all is as wanted: start-up is most of what that costs."""
    live = (reach(name, number, state.live) for name, number in spec.live.items())
    if spec.entry == state.entry and spec.text == state.text and not any(live):
        return ()
    from ansible_collections.highwater.memory.plugins.module_utils.vm import steps

    return steps.plan(spec, state)
