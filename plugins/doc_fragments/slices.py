# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For modules whose work may take long and is shown on the terminal as it goes.
    DOCUMENTATION = r"""
options:
  slice:
    description:
      - Not for playbooks. The action plugin of the same name says by it how long one call may work. It calls the module
        until all is done, and after each call prints how far it is.
    type: dict
    suboptions:
      seconds:
        description: How long the call may work.
        type: float
        required: true
      run:
        description: A name for the calls that belong together. Between two of them no other run gets at the host.
        type: str
        required: true
      resume:
        description: What the call before it has left to be known by the next one.
        type: dict
"""
