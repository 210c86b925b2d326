#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zram_device
short_description: Compressed swap or a filesystem in RAM
version_added: 0.1.0
description:
  - Sets up a zram device, a block device whose content is kept compressed in RAM, and swaps it on
    or mounts it, now and at each boot.
  - Converges from any state, such as a device that is half set up, has another size, is swapped off or has another priority.
  - What a size was computed to once stays, unless the expression changes, or the RAM by more than a tenth.
  - Size, algorithms and the disk behind it can only be set on a device that is reset. So a device in use is swapped off
    first, where the pages fit in memory and other swap, and O(headroom) stays. Where they do not, they go by way of a
    temporary zram device, compressed all the while; a run after one that was cut off finds it and takes it away. Where
    not even that fits, or a control group would have to kill, nothing is touched, and the error has the figures.
  - Where that takes long, the terminal shows how far it is. On a host without systemd it does not.
  - A filesystem in RAM is empty after each boot. One that is mounted and has something in it is never thrown away by
    another size; O(apply=next_boot) starts with an empty one.
  - The next boot is served by a systemd unit or an OpenRC script with the same steps; no program stays on the host.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.configure.headroom
  - highwater.memory.slices
options:
  name:
    description:
      - The device, V(zram0), V(zram1) and so on. It is made where it is missing.
      - With O(state=absent) also V(all), every device that this module has set up on the host.
    type: str
    default: zram0
  state:
    description:
      - V(present) has the device swapped on, or mounted.
      - V(absent) swaps it off or unmounts it, with all that is in it, resets it and takes away what was made for it. It
        needs no other option. A device that was there before this module stays, reset. A kernel module that this module
        has loaded is unloaded with the last device.
    type: str
    choices: [present, absent]
    default: present
  size:
    description:
      - How much data the device takes, uncompressed.
      - A size evaluated on the host, such as V(2GiB), V(ram / 2) or V(min(ram / 2, 4GiB\)). Names are V(ram),
        V(available) and V(cpus), functions V(min), V(max) and V(clamp). V(2G) is V(2GiB), V(2GB) is less, and a lone
        percentage is of RAM; see U(https://github.com/highwater/memory/blob/main/docs/sizes.md).
      - Where it is omitted, it is V(min(ram / 2, 4GiB\)).
    type: str
  algorithm:
    description:
      - Compression algorithms in order of preference. The first that this kernel has is taken when the device is set up.
      - The boot sets it up with the same one again. Where its kernel has lost that, the first of the others is taken.
      - Each is the kernel's name, or a dictionary of C(name) and C(params), such as C(level). Parameters need Linux 6.12.
      - A device that was set up from the same list is left alone.
      - Where it is omitted, it is V([zstd, lzo-rle, lz4, lzo]).
    type: list
    elements: raw
  priority:
    description:
      - Priority of the swap, from 0 to 32767. Higher ones are used first. Refused with a filesystem.
      - Where it is omitted, it is V(100).
    type: int
  mem_limit:
    description:
      - How much RAM the device may use, as a size. V(0B), or where it is omitted, there is no limit.
      - Refused below 1.25 times what the device uses now, or what its pages may take by a weaker algorithm where they
        cannot stay in memory meanwhile.
      - A device that has reached its limit fails writes. It does not spill over to other swap.
    type: str
  recompress:
    description:
      - Further algorithms, by which pages are compressed a second time when that is asked for, see O(recompress_schedule).
      - Each is the kernel's name, or a dictionary of C(name), C(params) and C(priority), which is 1, 2 or 3; without one,
        it is one more than that of the item before. They begin at 1 and have no gap, above which newer kernels see none.
      - Needs a kernel with C(CONFIG_ZRAM_MULTI_COMP), and for C(params) Linux 6.12.
    type: list
    elements: raw
  writeback_device:
    description:
      - A block device to which pages can be written that are idle or do not compress, by its path. A link below
        C(/dev/disk/by-id) names the same disk after each boot; C(/dev/sdb) and the like may not, which is a warning.
      - It must not be in use, and have no signature of a filesystem, a partition table, RAID or the like on it. What is on
        it is overwritten. A name that may be another disk's after a boot has the boot look for signatures as well, by
        wipefs, and leave the device alone where it finds one, but for that of swap, which may be a page of its own.
      - With O(apply=next_boot) it need not be there yet, as in an image; that is a warning.
      - The kernel writes to it when that is asked for, see O(writeback_schedule).
      - Needs a kernel with C(CONFIG_ZRAM_WRITEBACK).
    type: str
  discard:
    description:
      - Whether the kernel tells the device which pages of swap, or blocks of the filesystem, are free again, so that
        their memory is given back.
    type: bool
    default: true
  fstype:
    description:
      - What the device is used as, swap or a filesystem of that type. The host needs the command that makes it, which is in
        e2fsprogs, xfsprogs or btrfs-progs.
      - ext4 is made without a journal, and btrfs without a second copy of its metadata, since neither outlasts the RAM.
    type: str
    choices: [swap, ext4, xfs, btrfs]
    default: swap
  mount_point:
    description:
      - Where the filesystem is mounted, as an absolute path. Required with a filesystem, and refused with swap.
      - The folder is made where it is missing, and removed again with O(state=absent) or when the filesystem is elsewhere;
        with O(apply=next_boot), by the first run after that boot. Only root may be able to write to the folders above it.
      - A folder that is not empty can only be taken with O(apply=next_boot), since what is in it would be out of reach
        below the filesystem.
      - Refused where C(/etc/fstab) mounts something there or below it, and for what a machine needs to run, such as
        C(/etc), C(/boot), C(/var/lib) and C(/usr), and folders below these but for those of C(/usr/local) and C(/var/lib).
      - Where the distribution has a unit that mounts there, as Debian 13 for C(/tmp), that is masked.
    type: str
  mount_options:
    description:
      - Options of the mount, such as V(noatime), as C(mount -o) takes them. C(discard) or C(nodiscard) comes from
        O(discard) where neither is here.
    type: list
    elements: str
  mount_owner:
    description:
      - To whom the filesystem's root folder belongs, a user of C(/etc/passwd) or a number.
      - Where it is omitted, to whom the folder belonged that it is mounted over. So for O(mount_group) and O(mount_mode).
    type: str
  mount_group:
    description:
      - The group of the filesystem's root folder, one of C(/etc/group) or a number.
    type: str
  mount_mode:
    description:
      - The mode of the filesystem's root folder, in octal and in quotes, such as V("1777").
    type: raw
  take_over:
    description:
      - What to do where another program sets up the device at boot, such as zram-generator, zram-tools, zramswap, zram-init,
        a unit or the script that it starts, an init script, a line of C(/etc/fstab) or a rule of udev made by hand.
      - With V(false) the module names its file and changes nothing.
      - With V(true) that program is switched off for the boots to come. Its stop command is never run, since that would
        swap off with no regard to memory. The device is swapped off by the module, within O(headroom), and only where
        it is not set up as asked for.
      - A unit or script is switched off as a whole. Where it sets up other devices as well, a warning names each that
        nobody sets up any more. It comes back with the last of them that is given back.
      - It is for all boots to come, so it is refused with O(persistent=false) where there is such a program.
      - With O(state=absent) the boot is given back to what was there. The module does not start it itself.
    type: bool
    default: false
  package:
    description:
      - A package that was installed because the host had no kernel module zram. The module installs nothing itself; it
        notes the name, and returns it in RV(packages) once the last device is taken back.
    type: str
  writeback_schedule:
    description:
      - When pages that were not used for long are written to O(writeback_device), as a calendar expression of systemd such
        as V(daily) or V(*-*-* 03:00:00). Where it is omitted or empty, never.
      - A timer of systemd does it, so the host has to boot by systemd. What a run has moved is in the log of its unit.
      - It is for lasting devices, so it needs O(persistent=true).
    type: str
  writeback_idle:
    description:
      - For how long nobody has touched a page that is written back, as an age such as V(90s), V(15m), V(2h) or V(7d).
      - A kernel that keeps no times (C(CONFIG_ZRAM_TRACK_ENTRY_ACTIME)) takes what was not touched since the run before.
    type: str
    default: 1d
  writeback_limit:
    description:
      - How much a run writes at most, as a size, so that the disk does not wear out. A run cannot be stopped before its end.
    type: str
    default: 256MiB
  recompress_schedule:
    description:
      - When pages that were not used for a while are compressed a second time, by the algorithms of O(recompress), as a
        calendar expression of systemd such as V(hourly). Where it is omitted or empty, never.
      - As with O(writeback_schedule), a timer of systemd does it, and the log of its unit has what it came to.
    type: str
  recompress_idle:
    description:
      - For how long nobody has touched a page that is compressed again. See O(writeback_idle).
    type: str
    default: 1h
  recompress_limit:
    description:
      - How much data a run looks at, uncompressed, as a size. Kernels before Linux 6.10 look at all that is idle.
    type: str
    default: 1GiB
  recompress_threshold:
    description:
      - The compressed size, such as V(3000B), from which a page is compressed again, and below which it has to come to be
        kept. At most three quarters of a page. Where it is omitted, every page is tried.
    type: str
notes:
  - A script such as C(/etc/rc.local) that names the device is never changed, only told of.
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

- name: Compress again what has been idle, and write what does not compress to a disk of its own
  highwater.memory.zram_device:
    size: ram
    algorithm: [lz4]
    recompress:
      - name: zstd
        params:
          level: 12
    writeback_device: /dev/disk/by-id/virtio-scratch

- name: The same, and each night pages that nobody used for two days go there
  highwater.memory.zram_device:
    size: ram
    algorithm: [lz4]
    recompress:
      - name: zstd
        params:
          level: 12
    writeback_device: /dev/disk/by-id/virtio-scratch
    writeback_schedule: "*-*-* 03:00:00"
    writeback_idle: 2d
    writeback_limit: 512MiB

- name: Have /tmp in RAM, compressed, from the next boot on
  highwater.memory.zram_device:
    name: zram1
    size: 1GiB
    fstype: ext4
    mount_point: /tmp
    mount_options: [nosuid, nodev]
    mount_mode: "1777"
    apply: next_boot

- name: Have the cache of nginx in RAM at once
  highwater.memory.zram_device:
    name: zram2
    size: min(ram / 4, 2GiB)
    fstype: xfs
    mount_point: /var/cache/nginx
    mount_options: [noatime]
    mount_owner: www-data
    mount_mode: "0750"
    mem_limit: ram / 8

- name: Have the device that zram-tools has set up so far
  highwater.memory.zram_device:
    take_over: true

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
      description: Whether it is swapped on, or mounted. In check mode, whether it would be.
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
    recompress:
      description: The algorithms for a second pass and their priorities. Null where it is not set up.
      type: list
      elements: str
      sample: [zstd at 1]
    writeback_device:
      description: Path of the disk behind it. Null for none.
      type: str
      sample: /dev/vdb
    fstype:
      description: What it is used as.
      type: str
      sample: swap
    mount_point:
      description: Where the filesystem is mounted. Null for swap.
      type: str
      sample: null
    mem_limit:
      description: How much RAM it may use. 0 for no limit, null where it is not set up.
      type: int
      sample: 0
    stats:
      description:
        - The columns of C(mm_stat), C(io_stat) and, where the kernel has it, C(bd_stat) by the kernel's names.
        - C(orig_data_size), C(compr_data_size), those of C(mem_) and those of C(bd_) are in bytes, the others are counts, of
          pages or of requests.
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
        failed_reads: 0
        failed_writes: 0
        invalid_io: 0
        notify_free: 210
        bd_count: 4194304
        bd_reads: 8192
        bd_writes: 4194304
unit:
  description: The systemd unit or OpenRC script that does the same at boot. Null with O(persistent=false) and O(state=absent).
  returned: success
  type: str
  sample: /etc/systemd/system/highwater-zram0.service
timers:
  description: The timers of systemd that O(writeback_schedule) and O(recompress_schedule) ask for.
  returned: success
  type: list
  elements: str
  sample: [highwater-zram0-writeback.timer]
packages:
  description: What was given as O(package), and is of no use any more, since the last device is gone.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: [linux-modules-extra-6.8.0-45-generic]
reason:
  description: A fixed word for why it failed or was skipped.
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: kernel_module_missing
os_id:
  description: C(ID) of the host's C(os-release), for reasons that a package may help with.
  returned: where this host or its kernel cannot do it
  type: str
  sample: debian
kernel:
  description: Release of the kernel that runs.
  returned: where this host or its kernel cannot do it
  type: str
  sample: 6.12.48+deb13-cloud-amd64
supported:
  description: Always false, as a word for roles to go on by.
  returned: where this host or its kernel cannot do it
  type: bool
  sample: false
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SLICE_OPTIONS
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS


def main() -> None:
    run(resource, dict(ARGUMENTS, **SLICE_OPTIONS))


if __name__ == "__main__":
    main()
