# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_json
short_description: The memory of many hosts as JSON
version_added: 0.1.0
author: highwater.memory authors (@highwater)
description:
  - Makes the file that playbook C(highwater.memory.report) puts beside its page, of what M(highwater.memory.memory_info)
    returned.
positional: made
options:
  _input:
    description: By host, what the module returned.
    type: dict
    required: true
  made:
    description: When this was, in words for the reader.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The data
  ansible.builtin.copy:
    content: "{{ {'web1': look} | highwater.memory.report_json('today') }}"
    dest: memory.json
    mode: "0644"
"""

RETURN = r"""
_value:
  description: "C(made), and C(hosts): by name either C(memory), as the module returned it, or C(missing), why there is none."
  type: str
"""

from typing import Any

from ansible_collections.highwater.memory.plugins.plugin_utils.page import data


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"report_json": data}
