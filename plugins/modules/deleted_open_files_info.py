#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deleted_open_files_info
short_description: Files that were deleted but still hold disk
version_added: 0.1.0
description:
  - A file that is deleted while a process has it open keeps its blocks until that process closes it or ends. Such files
    are why a disk stays full after somebody has removed a large log.
  - Lists them, once each, the largest first, with the processes that hold them. Nothing is opened or changed.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
attributes:
  diff_mode:
    support: none
options:
  match:
    description:
      - Globs on the path that the file had, of which one has to match. V(*) matches slashes too.
    type: list
    elements: str
    default: ["*"]
notes:
  - A file that a process has mapped and no longer open, such as a library that was replaced, is not found.
  - Files on a C(tmpfs) are listed like others. What they hold is memory.
  - Only processes that are seen from where the module runs are looked at, so in a container only those of the container.
seealso:
  - module: highwater.memory.deleted_open_files
"""

EXAMPLES = r"""
- name: What holds disk without a name
  highwater.memory.deleted_open_files_info:
  register: deleted

- name: Only what was below /var/log
  highwater.memory.deleted_open_files_info:
    match: /var/log/*
"""

RETURN = r"""
files:
  description: The files, the largest first.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/log/httpd/access_log", "pid": 811, "command": "httpd", "fd": 7, "size_on_disk": 8589934592,
       "appends": true, "also_open": [{"pid": 812, "command": "httpd", "fd": 7}]}
  contains:
    path:
      description: The path that it had.
      type: str
    pid:
      description: A process that has it open.
      type: int
    command:
      description: The name of this process.
      type: str
    fd:
      description: The number under which this process has it open.
      type: int
    size_on_disk:
      description: What it holds, in bytes.
      type: int
    appends:
      description: Whether all who write to it write to its end, so that it may be emptied under them.
      type: bool
    also_open:
      description: The other places where it is open.
      type: list
      elements: dict
reason:
  description: A fixed word for why it failed, such as V(not_root).
  returned: failure
  type: str
  sample: not_root
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer
from ansible_collections.highwater.memory.plugins.module_utils.open_files.answer import list_deleted


def main() -> None:
    answer(list_deleted, {"match": {"type": "list", "elements": "str", "default": ["*"]}}, alone=False)


if __name__ == "__main__":
    main()
