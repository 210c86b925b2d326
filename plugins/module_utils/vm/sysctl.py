# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vm_sysctl as a resource of the runner: settings live, in our file, and in our record."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.vm.answer import managed, result, wanted, warnings
from ansible_collections.highwater.memory.plugins.module_utils.vm.spec import resolve
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import observe
from ansible_collections.highwater.memory.plugins.module_utils.vm.steps import plan

__all__ = ("managed", "observe", "plan", "resolve", "result", "wanted", "warnings")
