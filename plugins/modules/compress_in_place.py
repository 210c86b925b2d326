#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compress_in_place
short_description: Compresses files on a disk that is full
version_added: 0.1.0
description:
  - Replaces a file by its gzip without ever needing room for both. Block by block, the compressed bytes are appended to a
    part file (C(.NAME.highwater) in the same folder, mode 0600), synced, and read back from the disk and compared. Only
    then the block is punched out of the original, which gives its room back.
  - So at every instant each byte of the original is on the disk, in the original or in the part file. A run that was cut
    off, by a signal, a lost connection or a power cut, is gone on with by the next, or undone with O(state=restored).
  - The result, C(NAME.gz), is an ordinary file for C(gunzip), C(zcat) and C(zgrep), and has owner, mode, times, ACLs and
    extended attributes of the original.
  - While a file is being compressed, a program that reads it finds zeros where blocks are compressed already.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.slices
attributes:
  diff_mode:
    support: none
options:
  path:
    description:
      - A file, or a folder, whose files are compressed, those of the folders in it too.
      - For a file that cannot be compressed, the module fails. Such files in a folder are left alone, and named with the
        reason in RV(left_alone).
      - Refused or left alone are files that somebody has open for writing, files with more than one name (hard links),
        files that are compressed already or would hardly shrink, empty files, files of which blocks are shared with a
        snapshot, programs that are running, and files on a filesystem that cannot punch holes or is in memory. Symbolic
        links are not followed.
      - In a folder, files of the system (C(/usr) without C(/usr/local), C(/boot), C(/etc), C(/bin), C(/sbin), C(/lib)) are
        left alone as well.
    type: path
    required: true
  state:
    description:
      - V(compressed) compresses, and goes on where a run was cut off.
      - V(restored) undoes runs that were cut off. This needs the room that they have won, and some blocks more for the
        filesystem's own records. Files that are compressed whole stay so.
    type: str
    choices: [compressed, restored]
    default: compressed
  include:
    description:
      - Which files of a folder, by globs on the path below it. V(*) matches slashes too, so that C(["*"]) is all of them.
      - Required for a folder, unless O(state=restored). Refused for a single file.
    type: list
    elements: str
  older_than:
    description:
      - Of a folder, only files that were last changed longer ago than this age, such as V(90s), V(15m), V(2h) or V(7d).
      - Refused for a single file.
    type: str
  level:
    description: From 1 (fast) to 9 (small), as for gzip.
    type: int
    default: 6
  block_size:
    description:
      - How much of the file is moved at once, as a size from V(64KiB) to V(1GiB). The disk needs room for one such block,
        compressed; where there is less room, blocks are smaller until enough is won.
      - Memory needed is about this size times O(workers).
    type: str
    default: 4MiB
  workers:
    description: How many blocks are compressed at the same time. By default, one for each processor.
    type: int
  min_saving:
    description: Files of which samples shrink by less than so many percent are not compressed.
    type: int
    default: 10
  keep_metadata:
    description: Whether the result gets owner, mode, times, ACLs and extended attributes of the original. Otherwise it is
      root's, 0600 and new.
    type: bool
    default: true
notes:
  - In check mode, sizes are estimated from samples, and RV(files[].estimated) says so. Files that are looked at are opened
    for writing for a moment, though nothing is written, since only so the kernel says whether they can be.
  - Sparse files shrink to what they hold. On btrfs a block is free only when all of its extent, at most 128 MiB, is, so that
    the disk needs room for the compressed bytes of one extent.
  - Whether somebody has the file open for writing is asked of the kernel by a lease, and who opens it for writing while
    it is being compressed waits until the block in work is done; the module then stops and names that process. On
    filesystems without leases processes are looked through once, at the start.
seealso:
  - module: highwater.memory.deleted_open_files
"""

EXAMPLES = r"""
- name: The disk is full of logs that must be kept
  highwater.memory.compress_in_place:
    path: /var/log/app
    include: ["*.log", "*.log.[0-9]*"]
    older_than: 1d

- name: One large file
  highwater.memory.compress_in_place:
    path: /srv/export.csv

- name: Undo a run that was cut off
  highwater.memory.compress_in_place:
    path: /srv/export.csv
    state: restored
"""

RETURN = r"""
files:
  description: The files that were compressed or restored (in check mode, that would be).
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/srv/export.csv", "size_before": 1073741824, "size_after": 210435122, "ratio": 5.1, "freed": 863305728,
       "estimated": false}
  contains:
    path:
      description: The original.
      type: str
    size_before:
      description: Its size, in bytes.
      type: int
    size_after:
      description: The size of the result, in bytes; of a file that is restored, that of the file.
      type: int
    ratio:
      description: The first divided by the second.
      type: float
    freed:
      description: Disk given back, in bytes; negative for files that were restored.
      type: int
    estimated:
      description: Whether sizes are estimated (check mode).
      type: bool
freed:
  description: Disk given back by all of them, in bytes.
  returned: success
  type: int
  sample: 863305728
left_alone:
  description: Files of a folder that were not compressed, each with the reason.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/log/app/now.log", "why": "/var/log/app/now.log is open for writing by app (process 811): let it close the file first"}
actions:
  description: What was done, in order; in check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["compress /srv/export.csv to /srv/export.csv.gz (823.31 MiB freed)"]
reason:
  description: A fixed word for why it failed, such as V(open), V(hard_links), V(compressed), V(shared), V(filesystem) or V(disk_full).
  returned: failure
  type: str
  sample: open
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer  # first: see core/archive.py

# isort: split
from ansible_collections.highwater.memory.plugins.module_utils.compress.answer import compress_in_place
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SLICE_OPTIONS

ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["compressed", "restored"], "default": "compressed"},
    "include": {"type": "list", "elements": "str"},
    "older_than": {"type": "str"},
    "level": {"type": "int", "default": 6},
    "block_size": {"type": "str", "default": "4MiB"},
    "workers": {"type": "int"},
    "min_saving": {"type": "int", "default": 10},
    "keep_metadata": {"type": "bool", "default": True},
}


def main() -> None:
    answer(compress_in_place, dict(ARGUMENTS, **SLICE_OPTIONS), alone=False)


if __name__ == "__main__":
    main()
