#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_sysctl
short_description: Set vm.* kernel settings in one transaction
version_added: 0.1.0
description:
  - Sets any number of C(vm.*) settings in one call, now and at each boot.
  - All values are checked first, then written and read back, and only then the file for the next boot is written. Where
    the kernel refuses one of them, the others get back what they were.
  - Values that the kernel would take and that would hurt the machine are refused, with the figures.
  - What a setting was before this module is remembered, and O(state=absent) gives it back.
extends_documentation_fragment:
  - highwater.memory.attributes
  - highwater.memory.attributes.configure
  - highwater.memory.configure
  - highwater.memory.settings
options:
  settings:
    description:
      - Settings by name, with or without C(vm.); C(page_cluster) is understood as C(page-cluster).
      - The one setting from elsewhere is C(kernel.numa_balancing), which is a matter of the same settings.
      - A value is digits in the kernel's own unit, an expression, or, for settings that are amounts of memory, a size
        such as V(64MiB) or V(ram * 5%).
      - Expressions know C(ram) and C(available) (as in C(/proc/meminfo)), C(cpus), C(managed) (the memory that the
        kernel's watermarks are a share of) and C(min_free_auto) (what the kernel would choose for
        C(vm.min_free_kbytes) itself). They have C(+ - * /), parentheses, and the functions C(min) and C(max) of any
        number of values and C(clamp) of a value, the lowest and the highest; V(5%) is five hundredths.
      - What was computed stays until the expression, or by more than a tenth what it depends on, has changed.
      - With O(state=absent) only the names count.
    type: dict
    default: {}
  profiles:
    description:
      - Sets of settings that are merged in this order, with O(settings) on top. Where two of them say different
        things, the later one wins and a warning names both.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What warnings and the file call it. Several items may have the same name.
        type: str
        required: true
      when:
        description:
          - On which hosts it applies, decided on the host.
          - V(zram_swap) is a host that swaps to a zram device, V(zram_swap_alone) one that swaps to nothing else, and
            V(zram_swap_with_disk) one that has other swap too.
        type: str
        choices: [always, zram_swap, zram_swap_alone, zram_swap_with_disk]
        default: always
      settings:
        description: As O(settings).
        type: dict
        required: true
      on_top_of:
        description: Names of profiles that this one is meant to overrule; it does so without a warning.
        type: list
        elements: str
        default: []
  expect_huge_pages:
    description:
      - What counts as chosen in C(/sys/kernel/mm/transparent_hugepage/enabled) although it is not, since an earlier task
        sets it, which in check mode it only would. C(min_free_auto) depends on it.
    type: str
    choices: [always, madvise, never]
  expect_swap:
    description:
      - Swap that counts as on for O(profiles[].when) although it is not, since an earlier task turns it on, which in
        check mode it only would.
    type: list
    elements: str
    choices: [zram, disk]
    default: []
  file:
    description:
      - The file in sysctl.d(5) that makes the settings last. It belongs to this module.
      - Each line has a comment with the expression that its value came from, and the value before.
      - Where another file of this module's sets the same, what was before both is given back with the last of them.
      - One that is there and not its own is refused, unless nothing but comments stands in it, which come back once the
        module has nothing to write there; so is C(/etc/sysctl.conf).
    type: path
    default: /etc/sysctl.d/90-highwater.conf
  force:
    description:
      - Go past the guards. Without it these are refused.
      - C(min_free_kbytes) above 5 % of the memory that the kernel manages, more than 10 % below what the kernel would
        choose itself, which moves a little, or above what is available now.
      - Watermarks whose high marks add up to more than 15 % of RAM or to more than is available now.
      - C(nr_hugepages) that takes more than 90 % of RAM, or more than is available now, alone or together with the
        watermarks.
      - C(vfs_cache_pressure) 0; C(page-cluster) above 10; dirty background limits above the foreground's in the same unit,
        or where both are asked for. Beside a limit in the other unit, which is not asked for, it is a warning.
      - C(overcommit_memory) 2 where more than 90 % of the limit that would follow is committed already.
      - A value outside the range that the kernel is known to take. With O(force=true) the kernel is asked.
      - With O(apply=next_boot) in a container or a chroot, which makes an image, an expression that depends on the
        machine, in O(settings) or in a profile. A number in O(settings) stands in for what a profile computes. Of the
        guards only those on the value alone are asked there, since the image boots with other memory; and a range is
        that of the kernels that take most.
    type: bool
    default: false
notes:
  - Where the kernel does not take back what a setting was before this module, as a number of huge pages that memory no
    longer has room for, a warning says so, the setting stays as it is, and all else goes on.
  - With O(state=absent) the settings also leave O(file), which goes with the last of them. With O(exclusive=true) so do
    settings that somebody else has written into it.
  - With O(apply=next_boot) in a container or a chroot, settings that only the kernel of the builder lacks are written
    all the same.
  - O(unknown=skip) warns of settings that no kernel known to this module has, since they are likely to be misspelt.
  - C(drop_caches), C(compact_memory) and C(stat_refresh) are actions and not settings, so they are refused here.
seealso:
  - module: ansible.posix.sysctl
    description: For settings outside C(vm.*).
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: A reserve that fits the machine
  highwater.memory.vm_sysctl:
    settings:
      min_free_kbytes: max(min_free_auto, min(ram * 0.4%, managed * 4%, 1GiB))
      watermark_scale_factor: max(10, min(clamp(managed * 1%, 24M, 1G), managed * 4%) / managed * 10000)

- name: Dirty pages by bytes
  highwater.memory.vm_sysctl:
    settings:
      vm.dirty_background_bytes: 256MiB
      vm.dirty_bytes: min(ram * 10%, 1GiB)

- name: Nothing else than this
  highwater.memory.vm_sysctl:
    settings:
      swappiness: 100
    exclusive: true

- name: Everything as it was
  highwater.memory.vm_sysctl:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done and why, in order; in check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ["set vm.swappiness to 100 (it is 60; settings)"]
settings:
  description: Each setting that was asked for or given up, by its full name.
  returned: success
  type: dict
  sample:
    vm.swappiness:
      before: 60
      after: 100
      file_value: 100
      expression: null
      source: settings
      overridden_by: null
      also_set_by: [{file: /usr/lib/sysctl.d/50-vm.conf, line: 3, key: vm.swappiness, value: 60}]
  contains:
    before:
      description: The value found; null where this kernel lacks the setting.
      type: raw
    after:
      description: The value now; in check mode, the value that would be.
      type: raw
    file_value:
      description: The value in O(file); null where it is not in there.
      type: raw
    expression:
      description: What the value was computed from; null for digits.
      type: str
    source:
      description: V(settings), or the profile that the value came from.
      type: str
    overridden_by:
      description:
        - The V(file), V(line) and V(value) that will set it otherwise at the next boot; null where none does.
        - A line of sysctl.d(5), of tuned's active profile, a rule of udev's, of tmpfiles.d(5), C(/etc/rc.local), OpenRC's
          C(/etc/local.d) or a unit of systemd's. V(line) is null where a program does it by itself, as the kubelet does.
      type: dict
    also_set_by:
      description:
        - Everybody else who sets it, or the setting that excludes it, at boot, whoever has the last word. V(file), V(line),
          V(key) and V(value) of each, the distribution's own files among them.
      type: list
      elements: dict
watermarks:
  description: The watermarks V(before) and V(after), and as V(computed) from the settings.
  returned: success
  type: dict
  sample:
    before: {min: 69201920, low: 86499328, high: 103796736}
    after: {min: 69201920, low: 321552384, high: 573902848}
    computed: {min: 69201920, low: 321552384, high: 573902848}
    zones:
      - node: 0
        zone: DMA32
        before: {min: 30392320, low: 37990400, high: 45588480}
        after: {min: 30392320, low: 141234176, high: 252076032}
        computed: {min: 30392320, low: 141234176, high: 252076032}
  contains:
    before:
      description: V(min), V(low) and V(high) in bytes, summed over the zones, with the kernel's boost taken off.
      type: dict
    after:
      description: The same now; in check mode, as they would be.
      type: dict
    computed:
      description:
        - The same, computed from C(vm.min_free_kbytes), C(vm.watermark_scale_factor) and C(/proc/zoneinfo).
        - What the kernel says can differ by some pages as long as neither of the two is written, since it reckons only then,
          and at boot, with the memory that it has at that moment.
      type: dict
    zones:
      description: The same three for each V(zone) of each V(node).
      type: list
      elements: dict
unknown_settings:
  description: Settings that this kernel lacks and that were skipped.
  returned: success
  type: list
  elements: str
  sample: ["vm.defrag_mode"]
profiles:
  description: Names of the profiles that apply to this host.
  returned: success
  type: list
  elements: str
  sample: ["server", "zram"]
reason:
  description:
    - A fixed word for why it failed or was skipped, such as V(container), V(guard), V(unknown_setting), V(not_vm),
      V(action) or V(file).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: guard
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
from ansible_collections.highwater.memory.plugins.module_utils.vm import sysctl
from ansible_collections.highwater.memory.plugins.module_utils.vm.arguments import ARGUMENTS


def main() -> None:
    run(sysctl, ARGUMENTS)


if __name__ == "__main__":
    main()
