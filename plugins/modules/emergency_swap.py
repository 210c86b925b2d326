#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: emergency_swap
short_description: A swapfile for tonight, on a host that is running out of memory
version_added: 0.1.0
description:
  - Where available memory has fallen below O(only_below), turns on a swapfile on the filesystem with the most room, until the
    next boot. Other hosts are left as they are.
  - The next boot does not turn it on and, with systemd, removes the file, by a list in C(/etc/tmpfiles.d).
  - It is one call that looks at little and allocates the file instead of writing it, since it is made for hosts whose memory is
    nearly gone.
  - A note in C(/run/motd.d), which most distributions show at login, says since when it is there and how to take it back.
author:
  - highwater.memory authors (@highwater)
options:
  state:
    description:
      - V(present) turns emergency swap on where it is needed. What is on stays on.
      - V(absent) swaps it off under the guard of O(headroom), and removes the file, the note and the list. It finds them by
        their names, after a reboot too.
    type: str
    choices: [present, absent]
    default: present
  only_below:
    description:
      - Available memory below which a host gets emergency swap, as a size.
      - It is looked at while the module runs, which itself takes some 15 MiB.
    type: str
    default: ram * 10%
  size:
    description:
      - Size of the swapfile, with the names that M(highwater.memory.swapfile) has for it.
      - One that is on gets another size only where memory is still below O(only_below).
    type: str
    default: min(max(ram / 2, 1GiB), disk_free * 50%)
  keep_free:
    description: Disk that must stay free, as a size; a lone percentage is of the filesystem's size.
    type: str
    default: max(disk_total * 5%, 256MiB)
  on_unsupported:
    description:
      - What to do on a host that can have no swapfile, a container for example.
      - V(fail) fails, with a fixed word in RV(ignore:reason).
      - V(skip) changes nothing and warns with the reason.
    type: str
    choices: [fail, skip]
    default: fail
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.configure.headroom
  - highwater.memory.slices
seealso:
  - module: highwater.memory.swapfile
"""

EXAMPLES = r"""
- name: Through the night
  highwater.memory.emergency_swap:
    only_below: 7%

- name: In the morning
  highwater.memory.emergency_swap:
    state: absent
"""

RETURN = r"""
memory:
  description: The host's memory as it is now, in bytes.
  returned: success
  type: dict
  sample: {"total": 6106906624, "available": 335544320, "swap_total": 3053453312, "swap_free": 3053453312}
only_below:
  description: The bytes that O(only_below) comes to.
  returned: success
  type: int
  sample: 610690662
below:
  description: Whether available memory is below that.
  returned: success
  type: bool
  sample: true
swapfile:
  description: The swapfile, as M(highwater.memory.swapfile) returns it; null where there is none.
  returned: success
  type: dict
  sample: {"path": "/highwater-emergency.swap", "size": 3053453312, "active": true}
take_back:
  description: Commands that take it away by hand.
  returned: success
  type: list
  elements: str
  sample:
    - swapoff /highwater-emergency.swap
    - rm -f /highwater-emergency.swap /run/motd.d/highwater-emergency-swap /etc/tmpfiles.d/highwater-emergency-swap.conf
note:
  description: The file with the note; null where there is none.
  returned: success
  type: str
  sample: /run/motd.d/highwater-emergency-swap
most_room:
  description: The filesystem with the most room that could hold a swapfile; null where there is none.
  returned: success
  type: dict
  sample: {"mount_point": "/", "free": 13958643712}
actions:
  description: What was done, in order, and why; in check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["swap on /highwater-emergency.swap (it is off)"]
reason:
  description: A fixed word for why it failed or was skipped, such as V(disk), V(headroom), V(filesystem) or V(container).
  returned: failure, or skipped by O(on_unsupported)
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

from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SLICE_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import DEFAULT_HEADROOM
from ansible_collections.highwater.memory.plugins.module_utils.emergency import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import DEFAULT_KEEP_FREE

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only_below": {"type": "str", "default": resource.DEFAULT_ONLY_BELOW},
    "size": {"type": "str", "default": resource.DEFAULT_SIZE},
    "keep_free": {"type": "str", "default": DEFAULT_KEEP_FREE},
    "headroom": {"type": "str", "default": DEFAULT_HEADROOM},
    "on_unsupported": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
}


def main() -> None:
    run(resource, dict(ARGUMENTS, **SLICE_OPTIONS))


if __name__ == "__main__":
    main()
