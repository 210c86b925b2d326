# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options that mean the same in every module of the action group C(configure).
    DOCUMENTATION = r"""
options:
  persistent:
    description:
      - Whether this also holds at the next boot.
      - With V(false) it holds until the next boot only, and what an earlier run left for the next boot is taken away.
    type: bool
    default: true
  apply:
    description:
      - V(now) changes the running kernel, and what the next boot will do.
      - V(next_boot) writes only what the next boot will do. Use it for images being built, and for changes that are
        too heavy to make while the machine is busy.
      - V(next_boot) with O(persistent=false) would do nothing, and is refused.
    type: str
    choices: [now, next_boot]
    default: now
  on_unsupported:
    description:
      - What to do where this host or its kernel cannot do what is asked, a container for example.
      - V(fail) fails, with a fixed word in RV(ignore:reason).
      - V(skip) changes nothing and warns with the reason.
    type: str
    choices: [fail, skip]
    default: fail
"""

    # For modules that may swap off.
    HEADROOM = r"""
options:
  headroom:
    description:
      - Memory that must stay available after swapping off has brought the pages back into RAM, as a size
        like V(256MiB) or V(ram * 5%).
      - Where it would not stay available, the module refuses before anything was touched, with the figures.
    type: str
    default: max(ram * 5%, 128MiB)
"""
