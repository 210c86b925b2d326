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
options:
  settings:
    description:
      - Settings by name, with or without C(vm.); C(page_cluster) is understood as C(page-cluster).
      - A value is digits in the kernel's own unit, an expression, or, for settings that are amounts of memory, a size
        such as V(64MiB) or V(ram * 5%).
      - Expressions know C(ram) and C(available) (as in C(/proc/meminfo)), C(cpus), C(managed) (the memory that the
        kernel's watermarks are a share of) and C(min_free_auto) (what the kernel would choose for
        C(vm.min_free_kbytes) itself). They have C(+ - * / ( \)), C(min(a, b\)), C(max(a, b\)) and
        C(clamp(x, low, high\)), and V(5%) is five hundredths.
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
  expect_swap:
    description:
      - Swap that counts as on for O(profiles[].when) although it is not, since an earlier task turns it on, which in
        check mode it only would.
    type: list
    elements: str
    choices: [zram, disk]
    default: []
  state:
    description:
      - V(present) sets the settings.
      - V(absent) takes the settings named, or all of the file where none is, out of the file and gives back the values
        that were there before this module.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - Whether what O(file) holds beyond O(settings) and O(profiles) is treated as absent.
      - With O(state=absent), everything is.
    type: bool
    default: false
  file:
    description:
      - The file in sysctl.d(5) that makes the settings last. It belongs to this module.
      - Each line has a comment with the expression that its value came from, and the value before.
    type: path
    default: /etc/sysctl.d/90-highwater.conf
  unknown:
    description: What to do about settings that this kernel lacks. V(skip) returns them in RV(unknown_settings).
    type: str
    choices: [fail, skip]
    default: fail
  force:
    description:
      - Go past the guards. Without it these are refused.
      - C(min_free_kbytes) above 5 % of the memory that the kernel manages, below what the kernel would choose itself, or
        above what is available now.
      - Watermarks whose high marks add up to more than 15 % of RAM or to more than is available now.
      - C(vfs_cache_pressure) 0; C(page-cluster) above 10; dirty background limits above the foreground's.
      - C(overcommit_memory) 2 where more than 90 % of the limit that would follow is committed already.
      - A value outside the range that the kernel is known to take. With O(force=true) the kernel is asked.
    type: bool
    default: false
notes:
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
      min_free_kbytes: max(min_free_auto, min(ram * 0.4%, 1GiB))
      watermark_scale_factor: max(10, clamp(managed * 1%, 24M, 1G) / managed * 10000)

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
    vm.swappiness: {before: 60, after: 100, file_value: 100, expression: null, source: settings, overridden_by: null}
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
      description: The V(file), V(line) and V(value) that will set it otherwise at the next boot; null where none does.
      type: dict
watermarks:
  description: The watermarks V(before) and V(after), and as V(computed) from the settings.
  returned: success
  type: dict
  sample:
    before: {min: 69201920, low: 86499328, high: 103796736}
    after: {min: 69201920, low: 321552384, high: 573902848}
    computed: {min: 69201920, low: 321552384, high: 573902848}
  contains:
    before:
      description: V(min), V(low) and V(high) in bytes, summed over the zones, with the kernel's boost taken off.
      type: dict
    after:
      description: The same now; in check mode, as they would be.
      type: dict
    computed:
      description: The same, computed from C(vm.min_free_kbytes), C(vm.watermark_scale_factor) and C(/proc/zoneinfo).
      type: dict
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
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run
from ansible_collections.highwater.memory.plugins.module_utils.vm import sysctl
from ansible_collections.highwater.memory.plugins.module_utils.vm.arguments import ARGUMENTS


def main() -> None:
    run(sysctl, ARGUMENTS)


if __name__ == "__main__":
    main()
