#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_command_line
short_description: Put parameters on the kernel command line of the next boot
version_added: 0.1.0
description:
  - For what can only be set when the kernel starts, such as C(slub_max_order), or has to hold from its first process on,
    such as C(transparent_hugepage=never).
  - It takes effect at the next boot. The module does not boot the machine; RV(reboot_required) says whether one is due.
  - With GRUB on Debian, Ubuntu and those made from them, it writes C(/etc/default/grub.d/90-highwater.cfg) and has GRUB's
    own program make C(grub.cfg) from it. Entries for recovery stay as they were.
  - A file that GRUB reads after that one can win, such as C(/etc/default/grub.d/99-x.cfg). Where it leaves a parameter
    out, or says another value, the module names it and fails with the reason V(overridden), and all is as it was. A
    plain line that throws all away is refused in check mode as well; what else such a file comes to only GRUB's program
    can tell.
  - With boot loader entries (systemd-boot, and the GRUB of Fedora and RHEL), it appends to the C(options) of each entry
    that has a C(linux) line, and to C(/etc/kernel/cmdline) where there is one, so that entries of new kernels have it too.
    Where a package has one in C(/usr/lib/kernel), that in C(/etc) is made from it, and goes when the module is taken back.
  - Where the files of both are there, the one counts that has booted the machine. Where nothing tells which that is, as in
    an image, it is GRUB if our file for it is there already, and else it is refused. From a machine that boots by entries by
    now our file for GRUB is removed.
  - Parameters that stood there before this module stay when it is taken back, file by file. Where one has gone from a
    file since, it is put there.
extends_documentation_fragment:
  - highwater.memory.attributes
options:
  parameters:
    description:
      - Parameters by name. A null is a name without a value; V(true) and V(false) are V(1) and V(0).
      - With O(state=absent) only the names count.
    type: dict
    default: {}
  state:
    description:
      - V(present) puts the parameters at the end of the line, where they count.
      - V(absent) takes off what this module has put there, of the names given, or all of it where none is.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description: Whether parameters that this module put there before, and that are not given now, are taken off.
    type: bool
    default: false
  on_unsupported:
    description:
      - What to do on a host whose boot loader is not known, as with machines that get their command line from outside.
      - V(fail) fails with the reason V(boot_loader); V(skip) changes nothing and warns.
    type: str
    choices: [fail, skip]
    default: fail
notes:
  - C(root), C(init), C(initrd) and the like, by which a machine boots, are refused.
seealso:
  - module: highwater.memory.transparent_hugepage
  - module: highwater.memory.zswap
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: No huge pages from the first process on, and small slabs
  highwater.memory.kernel_command_line:
    parameters:
      transparent_hugepage: never
      slub_max_order: 1

- name: As it was
  highwater.memory.kernel_command_line:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done and why, in order; in check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample:
    - write /etc/default/grub.d/90-highwater.cfg (slub_max_order=1; it takes effect at the next boot)
    - run /usr/sbin/grub-mkconfig -o /boot/grub/grub.cfg (it makes what the next boot reads)
parameters:
  description: By name each parameter that this module has put there, was asked for, or has given up.
  returned: success
  type: dict
  sample:
    slub_max_order: {next_boot: slub_max_order=1, running: null}
  contains:
    next_boot:
      description: How it stands on the line of the next boot by this module; null where it does not.
      type: str
    running:
      description: How it stands on the line of the kernel that runs; null where it does not.
      type: str
boot_loader:
  description: V(grub) or V(boot loader entries).
  returned: success
  type: str
  sample: grub
files:
  description: The files that have the line.
  returned: success
  type: list
  elements: str
  sample: [/etc/default/grub.d/90-highwater.cfg]
reboot_required:
  description: Whether the running kernel has another command line than the next boot will have.
  returned: success
  type: bool
  sample: true
reason:
  description: A fixed word for why it failed or was skipped, such as V(boot_loader), V(guard), V(options) or V(overridden).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: boot_loader
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

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import run  # first: see core/archive.py

# isort: split
from ansible_collections.highwater.memory.plugins.module_utils.cmdline import resource
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.arguments import ARGUMENTS


def main() -> None:
    run(resource, ARGUMENTS)


if __name__ == "__main__":
    main()
