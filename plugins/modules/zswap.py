#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zswap
short_description: Set the compressed cache in front of swap
version_added: 0.1.0
description:
  - Sets up zswap, which compresses pages in RAM on their way to a swapfile or partition, now and at each boot.
  - Each value is checked against what this kernel has, written and read back. What it was before this module is
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
      - Whether pages that are swapped out from now on go through it. Switched off, it keeps those that it has until
        they are read or swapped off.
    type: bool
  compressor:
    description: Names in order of preference. The first that this kernel has, built in or as a module, is taken.
    type: list
    elements: str
  zpool:
    description:
      - How compressed pages are stored, V(zsmalloc) for instance. Kernels from 6.18 on have nothing else and no such
        setting; see O(unknown).
    type: str
  max_pool_percent:
    description: How much of RAM it may use, 1 to 100 per cent. What is beyond goes to the swap device.
    type: int
  accept_threshold_percent:
    description: Once full, it takes pages again when it is below this part of its limit, 1 to 100 per cent.
    type: int
  shrinker_enabled:
    description: Whether its coldest pages are written to the swap device when memory is short (Linux 6.8 and later).
    type: bool
notes:
  - It needs swap on a disk. In front of a zram device it compresses everything twice, which is a warning.
  - To have it from the first page on, C(zswap.enabled=1) on the kernel command line; see
    M(highwater.memory.kernel_command_line).
seealso:
  - module: highwater.memory.kernel_command_line
  - module: highwater.memory.swapfile
  - module: highwater.memory.zram_device
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: A fifth of RAM in front of the swapfile
  highwater.memory.zswap:
    enabled: true
    compressor: [zstd, lz4, lzo]
    max_pool_percent: 20
    shrinker_enabled: true
    unknown: skip

- name: As it was
  highwater.memory.zswap:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done and why, in order; in check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ['set /sys/module/zswap/parameters/enabled to on (it is off)']
settings:
  description: Each setting that was asked for or given up.
  returned: success
  type: dict
  sample:
    enabled: {before: false, after: true, boot_value: true, overridden_by: null}
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
  sample: /etc/tmpfiles.d/highwater-zswap.conf
unknown_settings:
  description: Settings that this kernel lacks and that were skipped.
  returned: success
  type: list
  elements: str
  sample: ["shrinker_enabled"]
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
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.arguments import ZSWAP_ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.resource import zswap


def main() -> None:
    run(zswap, ZSWAP_ARGUMENTS)


if __name__ == "__main__":
    main()
