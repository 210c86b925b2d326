#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_usage_info
short_description: How full the disks are, and what takes the room
version_added: 0.1.0
description:
  - Lists the filesystems on disks by free space and free inodes, and the largest files and folders on them, in one call.
  - Can estimate what M(highwater.memory.compress_in_place) would give back of each of the largest files.
  - Nothing is changed. Links are not followed, and a file with several names counts once.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
attributes:
  diff_mode:
    support: none
options:
  paths:
    description: Folders to look into, each on its own filesystem. By default, the mount points of all filesystems on disks.
    type: list
    elements: path
  largest:
    description: How many of the largest files, and of the largest folders, are returned.
    type: int
    default: 10
  seconds:
    description: How long the search may take. Where it is not enough, a warning says so.
    type: int
    default: 60
  estimate:
    description: Whether samples of the largest files are compressed, to say what compressing them in place would give back.
    type: bool
    default: false
seealso:
  - module: highwater.memory.compress_in_place
  - module: highwater.memory.deleted_open_files_info
"""

EXAMPLES = r"""
- name: What fills this disk
  highwater.memory.disk_usage_info:
    paths: [/var]
    estimate: true
  register: usage
"""

RETURN = r"""
filesystems:
  description: The filesystems on disks, the fullest first.
  returned: success
  type: list
  elements: dict
  sample:
    - {"mount_point": "/", "device": "/dev/vda1", "fstype": "ext4", "size": 10464022528, "free": 0, "inodes": 655360,
       "inodes_free": 598211, "used_percent": 100.0, "writable": true}
  contains:
    mount_point:
      description: Where it is mounted.
      type: str
    device:
      description: What it is on.
      type: str
    fstype:
      description: Its kind.
      type: str
    size:
      description: Its size, in bytes.
      type: int
    free:
      description: What is free for everybody, in bytes; what is kept for root is not in it.
      type: int
    inodes:
      description: How many files it can hold; 0 where there is no such limit.
      type: int
    inodes_free:
      description: How many more.
      type: int
    used_percent:
      description: How full it is, by space or by inodes, whichever is worse.
      type: float
    writable:
      description: Whether it is mounted for writing.
      type: bool
files:
  description: The largest files, the largest first.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/log/app/app.log.1", "size": 1073741824, "on_disk": 1073745920, "mtime": 1795181524,
       "would_free": 863305728, "why_not": null}
  contains:
    path:
      description: The file.
      type: str
    size:
      description: Its length, in bytes.
      type: int
    on_disk:
      description: What it holds of the disk, in bytes.
      type: int
    mtime:
      description: When it was last changed, in seconds since the epoch.
      type: int
    would_free:
      description: With O(estimate), what compressing it in place would give back, in bytes.
      type: int
    why_not:
      description: With O(estimate), why it would be left alone, or should be; null where neither holds.
      type: str
folders:
  description:
    - The largest folders with all that is below them on the same filesystem, the largest first.
    - A folder that owes nine tenths to one folder in it is left out, since that one says more.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/log/app", "on_disk": 8589934592, "files": 97}
crowded:
  description: The folders with the most files in them, not below, for a filesystem that runs out of inodes.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/lib/php/sessions", "files": 381296}
complete:
  description: Whether O(seconds) was enough to see all files.
  returned: success
  type: bool
  sample: true
reason:
  description: A fixed word for why it failed, such as V(options), V(missing) or V(not_root).
  returned: failure
  type: str
  sample: missing
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer
from ansible_collections.highwater.memory.plugins.module_utils.disk.answer import disk_usage

ARGUMENTS = {
    "paths": {"type": "list", "elements": "path"},
    "largest": {"type": "int", "default": 10},
    "seconds": {"type": "int", "default": 60},
    "estimate": {"type": "bool", "default": False},
}


def main() -> None:
    answer(disk_usage, ARGUMENTS, alone=False)


if __name__ == "__main__":
    main()
