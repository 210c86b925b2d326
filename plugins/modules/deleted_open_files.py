#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deleted_open_files
short_description: Gives back the disk of files that were deleted but are still open
version_added: 0.1.0
description:
  - Truncates files that have no name any more and that a process still has open, so that their blocks are free without
    ending that process. What they held is lost, as it was meant to be by whoever deleted them.
  - Only what O(match) names is touched, and only after a second look at the file's device and inode, since numbers of
    processes are used again.
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
      - A glob that names every file, such as V(*) or V(/*), is refused.
    type: list
    elements: str
    required: true
notes:
  - A log that is written with C(O_APPEND) goes on from its new beginning. A program that does not append leaves a sparse
    file, and one that reads the file back, a database for instance, would find it damaged; a warning names such writers.
seealso:
  - module: highwater.memory.deleted_open_files_info
"""

EXAMPLES = r"""
- name: The access log that somebody removed is still growing
  highwater.memory.deleted_open_files:
    match: /var/log/httpd/access_log
"""

RETURN = r"""
files:
  description: The files that were truncated (in check mode, that would be), as they were before, the largest first.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/log/httpd/access_log", "pid": 811, "command": "httpd", "fd": 7, "size_on_disk": 8589934592,
       "appends": true, "also_open": []}
freed:
  description: Disk given back, in bytes (in check mode, that would be).
  returned: success
  type: int
  sample: 8589934592
actions:
  description: What was done, in order; in check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["truncate /var/log/httpd/access_log (deleted, 8 GiB on disk, open in process 811 as 7)"]
reason:
  description: A fixed word for why it failed, such as V(match), V(not_root) or V(kernel).
  returned: failure
  type: str
  sample: match
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer
from ansible_collections.highwater.memory.plugins.module_utils.open_files.answer import truncate_deleted


def main() -> None:
    answer(truncate_deleted, {"match": {"type": "list", "elements": "str", "required": True}})


if __name__ == "__main__":
    main()
