#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transparent_hugepage
short_description: Set when programs get huge pages without asking
version_added: 0.1.0
description:
  - Sets when the kernel backs memory by huge pages, and how much it may do for one, now and at each boot.
  - Each value is checked against what this kernel offers, written and read back. What it was before this module is
    remembered, and O(state=absent) gives it back.
  - It is made to last by lines of tmpfiles.d(5) on systemd, by an init script on OpenRC.
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.settings
options:
  enabled:
    description:
      - Which memory of programs gets huge pages. V(madvise) is the memory that a program asks for it by madvise(2).
      - Writing it makes the kernel compute C(vm.min_free_kbytes) anew, which can raise a lower value; so it comes
        before M(highwater.memory.vm_sysctl).
    type: str
    choices: [always, madvise, never]
  defrag:
    description:
      - Who waits, while memory is reclaimed and compacted, for a huge page. V(defer) leaves it to the background,
        V(defer+madvise) lets those wait that asked by madvise(2).
    type: str
    choices: [always, defer, defer+madvise, madvise, never]
  shmem_enabled:
    description:
      - The same for memory that is shared and for memfd_create(2). V(deny) and V(force) are for emergencies and tests.
    type: str
    choices: [always, within_size, advise, never, deny, force]
  khugepaged_defrag:
    description: Whether C(khugepaged), which joins small pages in the background, may reclaim and compact memory for it.
    type: bool
  profiles:
    description:
      - Values beneath the other options, by profile. Of two that differ the later one wins, with a warning that names both.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What warnings call it.
        type: str
        required: true
      enabled:
        description: As the option of this name.
        type: str
        choices: [always, madvise, never]
      defrag:
        description: As the option of this name.
        type: str
        choices: [always, defer, defer+madvise, madvise, never]
      shmem_enabled:
        description: As the option of this name.
        type: str
        choices: [always, within_size, advise, never, deny, force]
      khugepaged_defrag:
        description: As the option of this name.
        type: bool
notes:
  - Huge pages that were given out stay until the memory is freed. O(enabled=never) from the first process on, and
    during the boot itself, takes C(transparent_hugepage=never) on the kernel command line; see
    M(highwater.memory.kernel_command_line).
seealso:
  - module: highwater.memory.kernel_command_line
  - module: highwater.memory.vm_sysctl
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: Only for programs that ask
  highwater.memory.transparent_hugepage:
    enabled: madvise
    defrag: defer+madvise

- name: As it was
  highwater.memory.transparent_hugepage:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done and why, in order; in check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ['set /sys/kernel/mm/transparent_hugepage/enabled to madvise (it is always)']
settings:
  description: Each setting that was asked for or given up.
  returned: success
  type: dict
  sample:
    enabled: {before: always, after: madvise, boot_value: madvise, overridden_by: null}
  contains:
    before:
      description: The value found; null where this kernel lacks the setting.
      type: raw
    after:
      description: The value now; in check mode, the value that would be.
      type: raw
    boot_value:
      description: What it gets at each boot; null where nothing of ours sets it then.
      type: raw
    overridden_by:
      description:
        - Who sets it after that at boot (V(file), V(line), V(value)), which is also a warning; null where nobody does.
        - Looked at are tmpfiles.d, tuned's active profile, C(rc.local), OpenRC's C(local.d), units in
          C(/etc/systemd/system) and others that are enabled, and sysfsutils.
      type: dict
boot_file:
  description: The file by which the next boot sets it; null where there is none.
  returned: success
  type: str
  sample: /etc/tmpfiles.d/highwater-transparent-hugepage.conf
unknown_settings:
  description: Settings that this kernel lacks and that were skipped.
  returned: success
  type: list
  elements: str
  sample: ["shmem_enabled"]
reason:
  description:
    - A fixed word for why it failed or was skipped, such as V(container), V(feature), V(unknown_setting) or V(init).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: feature
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

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.arguments import TRANSPARENT_HUGEPAGE_ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.resource import transparent_hugepage


def main() -> None:
    run(transparent_hugepage, TRANSPARENT_HUGEPAGE_ARGUMENTS)


if __name__ == "__main__":
    main()
