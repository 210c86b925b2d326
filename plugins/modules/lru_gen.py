#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lru_gen
short_description: Set the multi-generational LRU, and a working set that is kept
version_added: 0.1.0
description:
  - Sets how the kernel tells used pages from idle ones (the multi-generational LRU of Linux 6.1 and later), and for how
    long what was used stays in memory whatever happens, now and at each boot.
  - Each value is written and read back. What it was before this module is remembered, and O(state=absent) gives it back.
  - It is made to last by lines of tmpfiles.d(5) on systemd, by an init script on OpenRC.
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.settings
options:
  enabled:
    description: Whether it is used, with all that the machine's processor can do for it.
    type: bool
  min_ttl_ms:
    description:
      - What was used in so many milliseconds is not reclaimed, against thrashing; V(0) is the kernel's default.
      - Where memory does not suffice for it, the kernel kills a program instead, so values above V(1000) are seldom
        right.
    type: int
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
        type: bool
      min_ttl_ms:
        description: As the option of this name.
        type: int
seealso:
  - module: highwater.memory.vm_sysctl
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: Keep what was used in the last second
  highwater.memory.lru_gen:
    min_ttl_ms: 1000
"""

RETURN = r"""
actions:
  description: What was done and why, in order; in check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ['set /sys/kernel/mm/lru_gen/min_ttl_ms to 1000 (it is 0)']
settings:
  description: Each setting that was asked for or given up.
  returned: success
  type: dict
  sample:
    min_ttl_ms: {before: 0, after: 1000, boot_value: 1000, overridden_by: null}
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
  sample: /etc/tmpfiles.d/highwater-lru-gen.conf
unknown_settings:
  description: Settings that this kernel lacks and that were skipped.
  returned: success
  type: list
  elements: str
  sample: ["min_ttl_ms"]
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
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.arguments import LRU_GEN_ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.resource import lru_gen


def main() -> None:
    run(lru_gen, LRU_GEN_ARGUMENTS)


if __name__ == "__main__":
    main()
