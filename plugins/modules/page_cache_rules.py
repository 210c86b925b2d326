#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: page_cache_rules
short_description: Drops files from the page cache by the calendar
version_added: 0.1.0
description:
  - Sets up a timer of systemd for each rule, which does what M(highwater.memory.page_cache_purge) does with the same
    options. Sizes and ages are evaluated at each run.
  - Timers of rules that are not listed are left alone. A rule goes by O(rules[].state=absent), all of them by
    O(state=absent).
  - What a run has dropped and what has stayed is a line in the journal, C(journalctl -t highwater-page-cache-NAME).
  - The timers run one program, C(/usr/local/lib/highwater-memory/highwater-memory.pyz), made of the code of this
    collection. It needs Python 3.8 or later and nothing else, and goes with the last timer.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
options:
  state:
    description: V(absent) takes all timers of rules back, and the program where no other timer runs it.
    type: str
    choices: [present, absent]
    default: present
  apply:
    description:
      - V(now) starts and stops timers.
      - V(next_boot) writes only what the next boot will start, for images being built.
    type: str
    choices: [now, next_boot]
    default: now
  on_unsupported:
    description:
      - What to do where the host does not boot by systemd.
      - V(fail) fails, V(skip) changes nothing and warns.
    type: str
    choices: [fail, skip]
    default: fail
  rules:
    description: The rules.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: A name of its own, of lower case letters, digits and dashes, such as V(logs).
        type: str
        required: true
      state:
        description: V(absent) takes the timer of this rule back; O(rules[].name) is all that it needs.
        type: str
        choices: [present, absent]
        default: present
      schedule:
        description:
          - When it runs, as a calendar expression of systemd such as V(hourly) or V(*-*-* 03:00:00).
          - Required for O(rules[].state=present).
        type: str
      paths:
        description:
          - Files and folders, with all that is below them; or globs such as V(/srv/*/log). Required for O(rules[].scope=files).
          - A path that is not there is an error, a glob that matches nothing is a warning.
          - Refused are V(/), what is below V(/proc), V(/sys) and V(/dev) or on a filesystem like theirs elsewhere, symbolic links,
            and paths that are not absolute. A glob leaves these out.
        type: list
        elements: path
      scope:
        description:
          - V(files) drops what is cached of the files of O(rules[].paths).
          - The others are for the whole machine, by C(vm.drop_caches). V(pagecache) is what is cached of all files, V(slab)
            what the kernel keeps of their names and inodes, V(all) both, which has to be confirmed by O(rules[].force). Programs are
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
          - Files of which less than this size is cached are left alone, and so are those that cannot be counted.
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
        description: Whether O(rules[].scope=all) is really meant.
        type: bool
        default: false
seealso:
  - module: highwater.memory.page_cache_purge
"""

EXAMPLES = r"""
- name: Logs and backups do not push programs into swap
  highwater.memory.page_cache_rules:
    rules:
      - name: logs
        schedule: hourly
        paths: [/var/log]
        min_size: 16MiB
        keep_tail: 4MiB
      - name: backup
        schedule: "*-*-* 04:30:00"
        paths: [/srv/backup]
        only_below: ram * 25%

- name: One rule less, while the others stay
  highwater.memory.page_cache_rules:
    rules:
      - name: backup
        state: absent

- name: No rules any more
  highwater.memory.page_cache_rules:
    state: absent
"""

RETURN = r"""
rules:
  description: The rules that have a timer.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "logs", "timer": "highwater-page-cache-logs.timer", "active": true}]
actions:
  description: What was done, or in check mode would be done, in order, and why.
  returned: always
  type: list
  elements: str
  sample:
    - write /etc/systemd/system/highwater-page-cache-logs.timer (it is not there)
reason:
  description: Why it failed, as a fixed word.
  returned: failure
  type: str
  sample: init
supported:
  description: Always false, as a word for roles to go on by.
  returned: where this host or its kernel cannot do it
  type: bool
  sample: false
os_id:
  description: C(ID) of the host's C(os-release).
  returned: where this host or its kernel cannot do it
  type: str
  sample: debian
kernel:
  description: Release of the kernel that runs.
  returned: where this host or its kernel cannot do it
  type: str
  sample: 6.12.48+deb13-cloud-amd64
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.arguments import CONFIGURE_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import rules

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "rules": {"type": "list", "elements": "dict", "default": [], "options": rules.RULE},
    "apply": CONFIGURE_OPTIONS["apply"],
    "on_unsupported": CONFIGURE_OPTIONS["on_unsupported"],
}


def main() -> None:
    run(rules, ARGUMENTS)


if __name__ == "__main__":
    main()
