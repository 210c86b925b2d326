#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Several zram devices, swapfiles and memory settings in one remote call
version_added: 0.1.0
description:
  - Does what M(highwater.memory.zram_device), M(highwater.memory.swapfile), M(highwater.memory.transparent_hugepage),
    M(highwater.memory.zswap), M(highwater.memory.lru_gen), M(highwater.memory.vm_sysctl) and
    M(highwater.memory.kernel_command_line) do, for any number of objects, in this order and in a single remote call.
    A remote call costs more than the work in it, so that a host converges in a fraction of the time.
  - Huge pages that are given back (O(transparent_hugepage) with C(state=absent)) come last, since the kernel computes
    C(vm.min_free_kbytes) anew then.
  - Swapfiles that are to be absent or disabled come after those that are to be present, wherever they stand in the list,
    so that new swap is on before old swap goes off. Only what takes back C(all) stays in its place.
  - A device or swapfile that is listed more than once is refused before anything is touched.
  - Where an object takes long, such as a swapfile that is written, the terminal shows how far it is.
  - Where a swapfile that is to be present is skipped (C(on_unsupported=skip)), the swapfiles of the same call that are to be
    absent or disabled stay as they are, with a warning that says why, so that no host is left with neither. Beside a kubelet,
    where no swap is wanted, they go.
  - The first object that cannot be brought to its state ends the run, with its module and name before the message.
    What was done before it stays, and is in RV(actions) of the failure.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.slices
options:
  zram_device:
    description:
      - The zram devices, each a dictionary of the options of M(highwater.memory.zram_device).
    type: list
    elements: dict
    default: []
  swapfile:
    description:
      - The swapfiles, each a dictionary of the options of M(highwater.memory.swapfile).
    type: list
    elements: dict
    default: []
  transparent_hugepage:
    description:
      - When programs get huge pages, each item a dictionary of the options of M(highwater.memory.transparent_hugepage).
    type: list
    elements: dict
    default: []
  zswap:
    description:
      - The compressed cache in front of swap, each item a dictionary of the options of M(highwater.memory.zswap).
    type: list
    elements: dict
    default: []
  lru_gen:
    description:
      - The multi-generational LRU, each item a dictionary of the options of M(highwater.memory.lru_gen).
    type: list
    elements: dict
    default: []
  vm_sysctl:
    description:
      - The vm settings, each item a dictionary of the options of M(highwater.memory.vm_sysctl).
      - In check mode, a profile for hosts with swap on zram counts with the devices and files that this call would turn on.
    type: list
    elements: dict
    default: []
  kernel_command_line:
    description:
      - Parameters for the next boot, each item a dictionary of the options of M(highwater.memory.kernel_command_line).
    type: list
    elements: dict
    default: []
notes:
  - C(module_defaults) of the other modules do not count here.
seealso:
  - module: highwater.memory.zram_device
  - module: highwater.memory.swapfile
  - module: highwater.memory.transparent_hugepage
  - module: highwater.memory.zswap
  - module: highwater.memory.lru_gen
  - module: highwater.memory.vm_sysctl
  - module: highwater.memory.kernel_command_line
"""

EXAMPLES = r"""
- name: Compressed swap, a swapfile behind it and the settings for both
  highwater.memory.converge:
    zram_device:
      - size: ram / 2
    swapfile:
      - path: /swapfile
        priority: 10
    vm_sysctl:
      - settings:
          swappiness: 100
          page-cluster: 0
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in order, and why. Also of a failure.
  returned: always
  type: list
  elements: str
  sample:
    - swap on /dev/zram0 with priority 100
    - set vm.swappiness to 100 (it is 60)
zram_device:
  description: What each device returned, as M(highwater.memory.zram_device) says.
  returned: success
  type: list
  elements: dict
swapfile:
  description: What each file returned, as M(highwater.memory.swapfile) says, in the order in which they were done.
  returned: success
  type: list
  elements: dict
transparent_hugepage:
  description: What each item returned, as M(highwater.memory.transparent_hugepage) says.
  returned: success
  type: list
  elements: dict
zswap:
  description: What each item returned, as M(highwater.memory.zswap) says.
  returned: success
  type: list
  elements: dict
lru_gen:
  description: What each item returned, as M(highwater.memory.lru_gen) says.
  returned: success
  type: list
  elements: dict
vm_sysctl:
  description: What each item returned, as M(highwater.memory.vm_sysctl) says.
  returned: success
  type: list
  elements: dict
kernel_command_line:
  description: What each item returned, as M(highwater.memory.kernel_command_line) says.
  returned: success
  type: list
  elements: dict
reason:
  description: Why an object cannot be brought to its state, as a fixed word.
  returned: failure
  type: str
  sample: headroom
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

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer  # first: see core/archive.py

# isort: split
from ansible_collections.highwater.memory.plugins.module_utils.converge import ARGUMENTS, converge_all
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SLICE_OPTIONS


def main() -> None:
    answer(converge_all, dict(ARGUMENTS, **SLICE_OPTIONS))


if __name__ == "__main__":
    main()
