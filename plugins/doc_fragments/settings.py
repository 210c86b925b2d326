# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options that mean the same in every module that gives named settings of the kernel a value.
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) sets what is given, and leaves the rest alone.
      - V(absent) gives back the values from before this module, of the settings that are named, or of all that it set
        where none is.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - Whether settings that this module set before and that are not given now are treated as absent.
      - With O(state=absent), all of them are.
    type: bool
    default: false
  unknown:
    description:
      - What to do about settings that this kernel lacks. V(skip) returns them in RV(ignore:unknown_settings).
    type: str
    choices: [fail, skip]
    default: fail
"""
