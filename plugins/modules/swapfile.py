#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swapfile
short_description: Swapfiles, from any state, now and at each boot
version_added: 0.1.0
description:
  - Makes a file on a disk serve as swap, or takes it away again, whatever state the host is in. The file may be missing,
    half written, of another size, with holes, readable by others, not formatted, off, on with another priority,
    or in C(/etc/fstab) twice, otherwise or in vain.
  - The file belongs to root and is 0600 from its first byte. It is made beside its path and renamed when it is
    complete, so that nothing half made ever stands there.
  - A swapfile that is in use is resized without a gap. A bridge (C(.NAME.highwater) in the same folder, as large as what
    is used) goes on, the old area off, the new one on, and the bridge away. Where the disk has no room for the bridge,
    the pages go to memory, as far as O(headroom) allows it.
  - Nobody's data is touched. Symbolic links, files that are neither swap nor made by this module (files of zeros aside),
    hibernated systems and folders in which others than root can write are refused.
  - What was there before is remembered below C(/var/lib/highwater/memory).
author:
  - highwater.memory authors (@highwater)
options:
  path:
    description:
      - The file, as an absolute path without symbolic links. Folders that are missing are made.
      - With O(state=absent), V(all) takes back everything that this module did on this host, by its own record there.
        Files that it made go, files that were swap before it stay, with the fstab entry they had.
    type: path
    required: true
  state:
    description:
      - V(present) makes the file, formats it, turns it on and writes C(/etc/fstab), each where it is not so already.
      - V(absent) swaps it off under the guard of O(headroom), takes it out of C(/etc/fstab) and removes it, also where
        somebody else made it, as long as it is swap.
    type: str
    choices: [present, absent]
    default: present
  size:
    description:
      - Size of the file, as an amount like V(2GiB), or an expression like V(min(ram / 2, disk_free * 10%)) of the names
        C(ram), C(available), C(cpus), C(disk_free) (its own blocks counted as free) and C(disk_total).
      - V(auto) is RAM below 4 GiB of it, 4 GiB below 16 GiB, else the square root of RAM in GiB, rounded; never more than
        a quarter of the free disk, never less than 256 MiB.
      - What was computed once stays. It is computed again when the expression changes, or RAM by more than a tenth.
      - Rounded up to whole pages of memory.
    type: str
    default: auto
  method:
    description:
      - How a new file gets its blocks. One that is there and serves is left alone.
      - V(auto) allocates them where the filesystem takes that for swap, and writes zeros where it does not.
      - V(fallocate) allocates them, or fails.
      - V(dd) writes zeros, past the page cache.
    type: str
    choices: [auto, fallocate, dd]
    default: auto
  priority:
    description:
      - From 0 to 32767; swap of a higher priority is used first.
      - Without it the kernel gives one below 0.
    type: int
  discard:
    description:
      - Whether the disk is told of blocks that are free, V(once) when the area goes on, by V(pages) as they are freed, or
        V(both).
      - The kernel does not show it. The module goes by what it asked for itself in this boot, else by C(/etc/fstab).
    type: str
    choices: [none, once, pages, both]
    default: none
  nofail:
    description: Whether the boot goes on without a complaint where the file cannot be turned on.
    type: bool
    default: true
  label:
    description: Label in the header, at most 15 bytes. Without it, the label that is there stays.
    type: str
  keep_free:
    description:
      - Disk that must stay free, as a size; a lone percentage is of the filesystem's size.
      - A file that would leave less is refused, with both figures.
    type: str
    default: max(disk_total * 5%, 256MiB)
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.configure.headroom
notes:
  - ext2, ext3, ext4, xfs and btrfs of one device can hold swapfiles. Other filesystems fail with RV(ignore:reason) V(filesystem).
  - With O(apply=next_boot) the file is made and C(/etc/fstab) written, and nothing is turned on or off. A file that is on
    cannot be made anew that way.
  - Size, label and priority of an area that is on can only be changed by turning it off and on.
seealso:
  - module: highwater.memory.zram_device
  - module: highwater.memory.vm_sysctl
"""

EXAMPLES = r"""
- name: A swapfile of a fitting size, used after compressed swap in RAM
  highwater.memory.swapfile:
    path: /swapfile
    priority: 10

- name: Half of RAM, but leave a tenth of the disk
  highwater.memory.swapfile:
    path: /var/swap/file
    size: min(ram / 2, 8GiB)
    keep_free: 10%

- name: Until the next boot only
  highwater.memory.swapfile:
    path: /swapfile.tmp
    size: 4GiB
    persistent: false

- name: Take one away
  highwater.memory.swapfile:
    path: /swapfile
    state: absent

- name: Take back all that this module did on the host
  highwater.memory.swapfile:
    path: all
    state: absent
"""

RETURN = r"""
swapfile:
  description: The swapfile as it is now; null with O(path=all).
  returned: success
  type: dict
  contains:
    path:
      description: The file.
      type: str
    size:
      description: Its size in bytes; null where there is none.
      type: int
    method:
      description: The method asked for.
      type: str
    filesystem:
      description: The filesystem that it is on.
      type: str
    active:
      description: Whether it is on. In check mode, whether it would be.
      type: bool
    priority:
      description: The priority that the kernel uses; null while it is off.
      type: int
    used:
      description: Bytes in use; null while it is off.
      type: int
    uuid:
      description: UUID of its header.
      type: str
    label:
      description: Label of its header, empty for none.
      type: str
    fstab_line:
      description: Its line of C(/etc/fstab); null for none.
      type: str
  sample:
    path: /swapfile
    size: 1073741824
    method: auto
    filesystem: ext4
    active: true
    priority: 10
    used: 0
    uuid: 6f0e4c1a-77b1-4ad3-9d0a-7f3f1e1f6f56
    label: ""
    fstab_line: /swapfile none swap sw,pri=10,nofail 0 0
paths:
  description: The swapfiles that were taken back.
  returned: with O(path=all)
  type: list
  elements: str
  sample: [/swapfile]
take_back:
  description: The commands that take the swapfile away before the next boot does.
  returned: when O(persistent=false)
  type: list
  elements: str
  sample: [swapoff /swapfile.tmp, rm /swapfile.tmp]
actions:
  description: What was done, or in check mode would be done, in order, and why.
  returned: success
  type: list
  elements: str
  sample:
    - make /swapfile with 1 GiB and format it as swap (it is missing)
    - swap on /swapfile with priority 10 (it is off)
reason:
  description:
    - A fixed word for why it failed or was skipped, such as V(container), V(kubelet), V(filesystem), V(folder),
      V(not_swap), V(disk) or V(headroom).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: filesystem
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.arguments import ARGUMENTS


def main() -> None:
    run(resource, ARGUMENTS)


if __name__ == "__main__":
    main()
