# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_page
short_description: The memory of many hosts as one HTML page
version_added: 0.1.0
author: highwater.memory authors (@highwater)
description:
  - Makes the page of playbook C(highwater.memory.report) of the data that P(highwater.memory.report_json#filter) has made.
    The page needs no network and no other file.
positional: source
options:
  _input:
    description: The data.
    type: str
    required: true
  source:
    description: The name of the file that has them, for the reader.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The page
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'memory.json') | highwater.memory.report_page('memory.json') }}"
    dest: memory.html
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

from typing import Any

from ansible_collections.highwater.memory.plugins.plugin_utils.page import page


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"report_page": page}
