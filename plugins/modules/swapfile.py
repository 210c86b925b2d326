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
  - Where zeros have to be written, that goes past the page cache, at the speed of the disk. From eight seconds on the
    terminal shows how far it is, at what rate, and how long it will take; a run that is cut off is gone on with by the next.
  - Where SELinux is enabled, the file gets the type C(swapfile_t), and where there is C(semanage), the policy is told so.
  - Nobody's data is touched. Symbolic links, files that are neither swap nor made by this module (files of zeros aside),
    hibernated systems, the file that hibernation resumes from, and folders in which others than root can write are refused.
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
        somebody else made it, as long as it is swap. What V(disabled) has put away is given up by it.
      - V(disabled) puts the distribution's own swap away so that it stays away. It is swapped off under the guard of
        O(headroom), taken out of C(/etc/fstab), the unit that would turn it on again is masked (C(dphys-swapfile),
        systemd's swap units, those of its generators too), and the file is removed. O(path) may be a block
        device too, which is left as it is. Where nothing of it is there, nothing is done.
        O(path=all) with V(absent) gives it back.
    type: str
    choices: [present, absent, disabled]
    default: present
  size:
    description:
      - Size of the file, as an amount like V(2GiB), or an expression like V(min(ram / 2, disk_free * 10%)) of the names
        C(ram), C(available), C(cpus), C(disk_free) (its own blocks counted as free) and C(disk_total). V(2G) is V(2GiB),
        V(2GB) is less, and a lone percentage is of RAM; see U(https://github.com/highwater/memory/blob/main/docs/sizes.md).
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
  encrypted:
    description:
      - Whether what is swapped out is encrypted on the disk, with a random key that is made at each boot and kept nowhere.
      - It takes C(cryptsetup), and for the next boot a program that reads C(/etc/crypttab) (with systemd
        C(systemd-cryptsetup), which is a package of its own since Debian 13).
      - The device C(/dev/mapper/highwater-NAME) is made over the file by way of a loop device, and takes the file's place in
        C(/etc/fstab). A bridge is encrypted as well.
      - Refused beside hibernation, where a resume device is set up, and with O(label) or O(discard).
      - It takes processor and, while it writes, memory. Where the disk is encrypted as a whole, it is not needed.
    type: bool
    default: false
  keep_free:
    description:
      - Disk that must stay free, as a size; a lone percentage is of the filesystem's size.
      - A file that would leave less is refused, with both figures.
    type: str
    default: max(disk_total * 5%, 256MiB)
  expect_room:
    description:
      - Whether an earlier task turns on swap that what goes off here needs as room, which in check mode it only would. What
        O(headroom) refuses is a warning then. It counts in check mode alone.
    type: bool
    default: false
  hold_back:
    description:
      - Why the swap that was to take the place of this one could not be had. Where it is given and not empty, nothing goes
        off with O(state=absent) or O(state=disabled), and a warning says what stays and why.
      - Roles give it, so that no host is left with neither its old swap nor the new.
    type: str
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.configure.headroom
  - highwater.memory.slices
notes:
  - ext2, ext3, ext4, xfs, btrfs of one device and profile C(single) and, by O(method=fallocate) or O(method=auto), f2fs can hold
    swapfiles. Other filesystems fail with RV(ignore:reason) V(filesystem).
  - On btrfs no snapshot of a subvolume can be taken while a swapfile in it is on, and what snapper or timeshift take fails. Choose
    a path in a subvolume that is for swap alone (C(btrfs subvolume create /swap)). Where a file is made elsewhere, a warning says
    so. With O(encrypted) the file is on through a loop device, and snapshots are taken.
  - A swapfile that cloud-init makes (C(swap) in its configuration) is treated as any other. It is warned of, since a new
    instance from the same disk would have it again.
  - A new file below a mount point of C(/etc/fstab) (C(noauto) aside), or where an earlier run has found a filesystem mounted,
    is refused while none is mounted there. With O(state=absent), O(path=all) too, what is known of the file goes all the same,
    and a warning says that it stays on that filesystem. One that was put away and would be made again is refused by O(path=all),
    until it is given up by its path.
  - With O(apply=next_boot) the file is made and C(/etc/fstab) written, and nothing is turned on or off. A file that is on
    cannot be made anew that way.
  - Size, label and priority of an area that is on can only be changed by turning it off and on.
  - A signal (SIGTERM, SIGINT, SIGHUP) is looked at between two steps, and while zeros are written or an area goes off.
    What was done by then is taken back.
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

- name: What is swapped out is not readable on the disk
  highwater.memory.swapfile:
    path: /swapfile
    encrypted: true

- name: The swapfile that the installer made is put away
  highwater.memory.swapfile:
    path: /swap.img
    state: disabled

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
    encrypted:
      description: Whether it is on through an encrypted device. In check mode, whether it would be.
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
    encrypted: false
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
    - A fixed word for why it failed or was skipped, such as V(container), V(kubelet), V(filesystem), V(not_permitted),
      V(not_mounted), V(folder), V(symlink), V(not_swap), V(hibernation), V(disk), V(headroom), V(in_use), V(lock) or V(stopped).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: filesystem
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
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.arguments import ARGUMENTS


def main() -> None:
    run(resource, dict(ARGUMENTS, **SLICE_OPTIONS))


if __name__ == "__main__":
    main()
