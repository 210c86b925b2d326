#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: page_cache_purge
short_description: Drops files from the page cache
version_added: 0.1.0
description:
  - Has the kernel drop what it keeps in memory of files that nobody will read again soon, such as logs, backups and
    exports, before it makes room by sending programs to swap. The files themselves stay as they are.
  - Says what was cached before and after, by the kernel's word. Pages that a program has mapped, or that are locked, stay.
  - Symbolic links are never followed, and what is not a regular file is never opened.
  - Where it takes long, the terminal shows how far it is.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.slices
attributes:
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: What is read in between is in the cache again.
options:
  paths:
    description:
      - Files and folders, with all that is below them; or globs such as V(/srv/*/log). Required for O(scope=files).
      - A path that is not there is an error, a glob that matches nothing is a warning.
      - Refused are V(/), what is below V(/proc), V(/sys) and V(/dev) or on a filesystem like theirs elsewhere, symbolic links,
        and paths that are not absolute. A glob leaves these out.
    type: list
    elements: path
  scope:
    description:
      - V(files) drops what is cached of the files of O(paths).
      - The others are for the whole machine, by C(vm.drop_caches). V(pagecache) is what is cached of all files, V(slab)
        what the kernel keeps of their names and inodes, V(all) both, which has to be confirmed by O(force). Programs are
        slow until what they need has been read again, so these are for measuring rather than for every day.
    type: str
    choices: [files, pagecache, slab, all]
    default: files
  include:
    description:
      - Of a folder, only files of which the path below it matches one of these globs. V(*) matches slashes too.
      - A glob that matches nothing is a warning.
    type: list
    elements: str
  exclude:
    description:
      - Of a folder, no files of which the path below it matches one of these globs, and nothing below a folder that does.
    type: list
    elements: str
  min_size:
    description: Files smaller than this size are left alone.
    type: str
  min_cached:
    description:
      - Files of which less than this size is cached are left alone, and so are those that cannot be counted
        (RV(uncounted_count)).
    type: str
  older_than:
    description: Only files that were last changed longer ago than this age, such as V(90s), V(15m), V(2h) or V(7d).
    type: str
  keep_tail:
    description:
      - How much at the end of each file stays cached, as a size. For logs that something still reads.
      - The kernel drops blocks of up to 2 MiB whole or not at all, so that a little more may stay.
    type: str
  sync:
    description:
      - Whether dirty pages are written to the disk first, since they cannot be dropped otherwise. Only those of the files
        that are purged; with the other scopes those of the whole machine.
      - The latter is sync(2), which takes minutes where gigabytes are dirty and the disk is slow. It goes on in a process of
        its own where the module is ended meanwhile.
    type: bool
    default: true
  only_below:
    description:
      - Do nothing while more memory than this size is available (C(MemAvailable)), such as V(ram * 20%).
    type: str
  one_file_system:
    description:
      - Whether other filesystems that are mounted below a folder are left alone; subvolumes of btrfs count as such.
      - Those of the kernel itself, such as C(/proc) in a folder made for chroot, are left alone in any case.
    type: bool
    default: true
  force:
    description: Whether O(scope=all) is really meant.
    type: bool
    default: false
notes:
  - What is cached is counted by cachestat(2) from Linux 6.5 on, by mincore(2) before, which does not say what is dirty.
    RV(counted_by) has which. Where neither is allowed, a warning says for how many files.
  - A file with several names below O(paths) counts once for each.
  - In check mode nothing is written and nothing dropped; what is mapped or locked is not known before, so that
    RV(bytes_evicted) is the most it could be.
seealso:
  - module: highwater.memory.page_cache_rules
"""

EXAMPLES = r"""
- name: Logs that nobody reads, but for their ends
  highwater.memory.page_cache_purge:
    paths: [/var/log]
    include: ["*.log", "*.gz"]
    min_size: 16MiB
    keep_tail: 4MiB

- name: A backup that has just been written, where memory is short
  highwater.memory.page_cache_purge:
    paths: [/srv/backup]
    only_below: ram * 25%

- name: Begin a measurement with a cold cache
  highwater.memory.page_cache_purge:
    scope: all
    force: true
"""

RETURN = r"""
file_count:
  description: Files that were looked at. 0 with the other scopes.
  returned: success
  type: int
  sample: 1204
bytes_cached_before:
  description: What was cached of them, in whole pages.
  returned: success
  type: int
  sample: 3221225472
bytes_cached_after:
  description: What is cached of them now.
  returned: success
  type: int
  sample: 4194304
bytes_evicted:
  description: What was dropped.
  returned: success
  type: int
  sample: 3217031168
bytes_dirty:
  description:
    - Of what is cached now, what is not written to the disk yet.
    - Null where the kernel does not say (before Linux 6.5); what is left is all in RV(bytes_mapped_or_locked) then.
  returned: success
  type: int
  sample: 0
bytes_mapped_or_locked:
  description: Of what should have been dropped and is not dirty, what has stayed, because programs have it mapped or locked.
  returned: success
  type: int
  sample: 4194304
counted_by:
  description: V(cachestat), V(mincore), V(meminfo) (of the whole machine), or null where nothing was counted.
  returned: success
  type: str
  sample: cachestat
uncounted_count:
  description:
    - Files that could not be counted. They are in RV(file_count), and in none of the figures in bytes.
    - They were dropped all the same, but for the part that O(keep_tail) keeps; in check mode, and with O(min_cached), they
      were left alone.
  returned: success
  type: int
  sample: 0
error_count:
  description: Files and folders that could not be dealt with. That one has gone meanwhile is no error.
  returned: success
  type: int
  sample: 0
errors:
  description: The first hundred of them, with the reason.
  returned: success
  type: list
  elements: dict
  sample: [{"path": "/srv/data/x", "why": "Input/output error"}]
paths:
  description: The same for each path.
  returned: success
  type: list
  elements: dict
  sample:
    - {"path": "/var/log", "file_count": 1204, "bytes_cached_before": 3221225472, "bytes_cached_after": 4194304,
       "bytes_evicted": 3217031168, "bytes_dirty": 0, "bytes_mapped_or_locked": 4194304, "counted_by": "cachestat",
       "uncounted_count": 0, "error_count": 0, "errors": []}
actions:
  description: What was done, in order; in check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["drop 3.00 GiB of /var/log from memory (1204 files)"]
msg:
  description: Why nothing was looked at.
  returned: when more than O(only_below) is available
  type: str
  sample: "nothing to do: 5.10 GiB is available, more than only_below (2.00 GiB)"
reason:
  description: Why it failed, as a fixed word.
  returned: failure
  type: str
  sample: missing
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SLICE_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.answer import page_cache_purge
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import ARGUMENTS


def main() -> None:
    answer(page_cache_purge, dict(ARGUMENTS, **SLICE_OPTIONS), alone=False)


if __name__ == "__main__":
    main()
