#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zram_device
short_description: Compressed swap in RAM
version_added: 0.1.0
description:
  - Sets up a zram device, a block device whose content is kept compressed in RAM, and swaps it on, now and at each boot.
  - Converges from any state, such as a device that is half set up, has another size, is swapped off or has another priority.
  - What a size was computed to once stays, unless the expression changes, or the RAM by more than a tenth.
  - Size and algorithm can only be set on a device that is reset. So a device in use is swapped off first, where the pages
    fit in memory and other swap, and O(headroom) stays. Where they do not, nothing is touched.
  - The next boot is served by a systemd unit with the same steps; no program stays on the host.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.configure.headroom
options:
  name:
    description:
      - The device, V(zram0), V(zram1) and so on. It is made where it is missing.
      - With O(state=absent) also V(all), every device that this module has set up on the host.
    type: str
    default: zram0
  state:
    description:
      - V(present) has the device swapped on.
      - V(absent) swaps it off, resets it and takes away what was made for it. It needs no other option. A device that
        was there before this module stays, reset. A kernel module that this module has loaded is unloaded with the
        last device.
    type: str
    choices: [present, absent]
    default: present
  size:
    description:
      - How much data the device takes, uncompressed.
      - A size evaluated on the host, such as V(2GiB), V(ram / 2) or V(min(ram / 2, 4GiB\)). Names are V(ram),
        V(available) and V(cpus), functions V(min), V(max) and V(clamp).
      - Where it is omitted, it is V(min(ram / 2, 4GiB\)).
    type: str
  algorithm:
    description:
      - Compression algorithms in order of preference. The first that this kernel has is taken when the device is set up.
      - Each is the kernel's name, or a dictionary of C(name) and C(params), such as C(level). Parameters need Linux 6.12.
      - A device that was set up from the same list is left alone.
      - Where it is omitted, it is V([zstd, lzo-rle, lz4, lzo]).
    type: list
    elements: raw
  priority:
    description:
      - Priority of the swap, from 0 to 32767. Higher ones are used first.
      - Where it is omitted, it is V(100).
    type: int
  mem_limit:
    description:
      - How much RAM the device may use, as a size. V(0B), or where it is omitted, there is no limit.
      - Refused below 1.25 times what the device uses now.
      - A device that has reached its limit fails writes. It does not spill over to other swap.
    type: str
  discard:
    description:
      - Whether the kernel tells the device which pages of swap are free again.
    type: bool
    default: true
  fstype:
    description:
      - What the device is used as.
    type: str
    choices: [swap]
    default: swap
notes:
  - Where another program sets up the device (zram-generator, zram-tools, zram-init, a unit made by hand), the module
    names its file and changes nothing.
seealso:
  - name: zram in the kernel's documentation
    description: What the kernel offers, and what the statistics mean.
    link: https://docs.kernel.org/admin-guide/blockdev/zram.html
"""

EXAMPLES = r"""
- name: Have compressed swap of half the RAM, at most 4 GiB
  highwater.memory.zram_device:

- name: Have as much as there is RAM, compressed by zstd where the kernel has it
  highwater.memory.zram_device:
    size: ram
    algorithm: [zstd, lz4]
    priority: 200

- name: Compress harder, and never use more than a quarter of the RAM
  highwater.memory.zram_device:
    size: ram
    algorithm:
      - name: zstd
        params:
          level: 8
      - lzo-rle
    mem_limit: ram * 25%

- name: Prepare an image, of which only the next boot makes use
  highwater.memory.zram_device:
    apply: next_boot

- name: Take back every device that this module has set up
  highwater.memory.zram_device:
    name: all
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, and why, in order.
  returned: success
  type: list
  elements: str
  sample:
    - make the device zram0 (it does not exist)
    - set up zram0 with 2 GiB, compressed by zstd (it is new)
    - format /dev/zram0 as swap
    - swap on /dev/zram0 with priority 100
zram:
  description:
    - The device as it is afterwards, in check mode as it is. Sizes are in bytes.
    - Null with O(state=absent).
  returned: success
  type: dict
  contains:
    name:
      description: Name of the device.
      type: str
      sample: zram0
    device:
      description: Path of the device.
      type: str
      sample: /dev/zram0
    active:
      description: Whether it is swapped on. In check mode, whether it would be.
      type: bool
      sample: true
    size:
      description: How much data it takes, uncompressed. Null where it is not set up.
      type: int
      sample: 2147483648
    algorithm:
      description: The algorithm that it uses. Null where it is not set up.
      type: str
      sample: zstd
    algorithms:
      description: The algorithms that the kernel has. Empty where there is no device yet.
      type: list
      elements: str
      sample: [lzo-rle, lzo, lz4, zstd]
    priority:
      description: Priority of the swap. Null where it is off.
      type: int
      sample: 100
    fstype:
      description: What it is used as.
      type: str
      sample: swap
    mount_point:
      description: Null, since it is used as swap.
      type: str
      sample: null
    mem_limit:
      description: How much RAM it may use. 0 for no limit, null where it is not set up.
      type: int
      sample: 0
    stats:
      description:
        - The columns of C(mm_stat) by the kernel's names, sizes in bytes.
        - C(ratio) is how many times smaller the data is compressed, null while it holds none.
      type: dict
      sample:
        orig_data_size: 104857600
        compr_data_size: 29360128
        mem_used_total: 30408704
        mem_limit: 0
        mem_used_max: 30408704
        same_pages: 120
        pages_compacted: 0
        huge_pages: 3
        huge_pages_since: 3
        ratio: 3.57
unit:
  description: The systemd unit that does the same at boot. Null with O(persistent=false) and O(state=absent).
  returned: success
  type: str
  sample: /etc/systemd/system/highwater-zram0.service
reason:
  description: Why it cannot be done, as a fixed word.
  returned: where it cannot be done
  type: str
  sample: kernel_module_missing
os_id:
  description: C(ID) of the host's C(os-release), for reasons that a package may help with.
  returned: where the host cannot do it
  type: str
  sample: debian
kernel:
  description: Release of the kernel that runs.
  returned: where the host cannot do it
  type: str
  sample: 6.12.48+deb13-cloud-amd64
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS


def main() -> None:
    run(resource, ARGUMENTS)


if __name__ == "__main__":
    main()
