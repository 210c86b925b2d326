#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Several zram devices, swapfiles and vm settings in one remote call
version_added: 0.1.0
description:
  - Does what M(highwater.memory.zram_device), M(highwater.memory.swapfile) and M(highwater.memory.vm_sysctl) do, for any
    number of objects, in this order and in a single remote call. A remote call costs more than the work in it, so that a
    host converges in a fraction of the time.
  - The first object that cannot be brought to its state ends the run, with its module and name before the message.
    What was done before it stays, and is in RV(actions) of the failure.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
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
  vm_sysctl:
    description:
      - The vm settings, each item a dictionary of the options of M(highwater.memory.vm_sysctl).
      - In check mode, a profile for hosts with swap on zram counts with the devices and files that this call would turn on.
    type: list
    elements: dict
    default: []
notes:
  - C(module_defaults) of the other modules do not count here.
seealso:
  - module: highwater.memory.zram_device
  - module: highwater.memory.swapfile
  - module: highwater.memory.vm_sysctl
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
  description: What each file returned, as M(highwater.memory.swapfile) says.
  returned: success
  type: list
  elements: dict
vm_sysctl:
  description: What each item returned, as M(highwater.memory.vm_sysctl) says.
  returned: success
  type: list
  elements: dict
reason:
  description: Why an object cannot be brought to its state, as a fixed word.
  returned: failure
  type: str
  sample: headroom
"""

from ansible_collections.highwater.memory.plugins.module_utils.converge import ARGUMENTS, converge_all
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer


def main() -> None:
    answer(converge_all, ARGUMENTS)


if __name__ == "__main__":
    main()
