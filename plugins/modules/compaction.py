#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compaction
short_description: Keep large blocks of memory available
version_added: 0.1.0
description:
  - Has memory compacted again and again, where too much of what is free is in pieces too small to be of use.
  - The kernel does so by itself where it has C(vm.compaction_proactiveness) (5.9 and later) and O(order) is that of huge
    pages, which is all that it looks at. Then the module gives that setting the value which belongs to O(threshold).
  - Elsewhere a timer of systemd does what M(highwater.memory.memory_compact) does, at the times of O(schedule). It needs
    Python 3.8 on the host; each run leaves a line with figures in the journal.
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
options:
  order:
    description:
      - The blocks that are to be available have 2 to this power of pages. 9 are 2 MiB where a page has 4 KiB, a huge page
        on x86.
    type: int
    default: 9
  threshold:
    description:
      - The unusable index above which memory is compacted. It is the part of free memory that lies in blocks smaller than
        those of O(order), from 0.0 to 1.0.
    type: float
    default: 0.5
  schedule:
    description:
      - When the timer runs, where there has to be one, as in systemd.time(7); V(hourly), V(*:0/15).
      - Without it a host that needs a timer is one that cannot, see O(on_unsupported).
    type: str
    default: ""
  state:
    description: V(absent) takes setting, timer and program back.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Where M(highwater.memory.vm_sysctl) sets C(vm.compaction_proactiveness) in a file of its own, that stays as it is,
    with a warning.
seealso:
  - module: highwater.memory.memory_compact
  - module: highwater.memory.vm_sysctl
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: Huge pages stay available
  highwater.memory.compaction:
    schedule: hourly

- name: So do blocks of 32 KiB, which only a timer sees to
  highwater.memory.compaction:
    order: 3
    threshold: 0.7
    schedule: '*:0/15'

- name: No more of it
  highwater.memory.compaction:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done and why, in order; in check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ['set vm.compaction_proactiveness to 60 (it is 20; settings)']
by:
  description: Who compacts, V(kernel) or V(timer); null for nobody.
  returned: success
  type: str
  sample: kernel
proactiveness:
  description: The value of C(vm.compaction_proactiveness); null where it is of no concern or the kernel has none.
  returned: success
  type: int
  sample: 60
timer:
  description: The unit that starts it; null where there is none.
  returned: success
  type: str
  sample: highwater-compaction.timer
reason:
  description:
    - A fixed word for why it failed or was skipped, such as V(container), V(init) or V(schedule).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: schedule
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

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run  # first: see core/archive.py

# isort: split
from ansible_collections.highwater.memory.plugins.module_utils.compaction import recurring
from ansible_collections.highwater.memory.plugins.module_utils.compaction.arguments import RECURRING_ARGUMENTS


def main() -> None:
    run(recurring, RECURRING_ARGUMENTS)


if __name__ == "__main__":
    main()
