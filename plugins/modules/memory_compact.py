#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_compact
short_description: Compact memory where that helps
version_added: 0.1.0
description:
  - Free memory in small pieces is of no use to who needs large ones, such as huge pages. Compaction moves pages together,
    which costs processor time while it lasts.
  - So only nodes are compacted in which a zone is above O(threshold), which were not compacted within O(min_interval),
    and only while memory is not short.
  - It acts once. What recurs is for role C(highwater.memory.compaction).
extends_documentation_fragment:
  - highwater.memory.attributes
options:
  order:
    description:
      - The blocks that are wanted have 2 to this power of pages. 9 are 2 MiB where a page has 4 KiB, a huge page on x86.
      - A zone in which less is free than two such blocks is left alone, since compaction has to move pages somewhere.
    type: int
    default: 9
  threshold:
    description:
      - The unusable index above which a zone is compacted. It is the part of free memory that lies in blocks smaller than
        those of O(order), from 0.0 (compact where any of it does) to 1.0 (never).
    type: float
    default: 0.5
  nodes:
    description: Numbers of the NUMA nodes that may be compacted; without it all of them.
    type: list
    elements: int
  min_interval:
    description: A node that was compacted by this module less than this ago is left alone; V(90s), V(15m), V(2h), V(0s).
    type: str
    default: 5m
  skip_under_pressure:
    description:
      - Whether nothing is compacted while memory is short.
      - It is where tasks waited for memory for more than a tenth of the last ten seconds (C(/proc/pressure/memory)). Where
        the kernel does not tell, it is where within a second an allocation had to wait or C(kswapd) looked for memory.
    type: bool
    default: true
  on_unsupported:
    description:
      - What to do where memory cannot be compacted, in a container for example.
      - V(fail) fails, with a fixed word in RV(reason). V(skip) does nothing and warns with the reason.
    type: str
    choices: [fail, skip]
    default: fail
attributes:
  idempotent:
    support: partial
    details: It is one while no zone is above O(threshold), and within O(min_interval).
notes:
  - The kernel compacts a whole node at a time, until it is done.
seealso:
  - module: highwater.memory.memory_info
author:
  - highwater.memory authors (@highwater)
"""

EXAMPLES = r"""
- name: Room for huge pages, where more than half of what is free is in smaller pieces
  highwater.memory.memory_compact:

- name: Before a program with large buffers starts
  highwater.memory.memory_compact:
    order: 4
    threshold: 0.2
    min_interval: 0s
"""

RETURN = r"""
actions:
  description: The nodes that were compacted, and why; in check mode those that would be.
  returned: always
  type: list
  elements: str
  sample: ['compact node 0 (unusable index of order 9: Normal 0.930, above 0.5)']
order:
  description: The order that the figures are about.
  returned: success
  type: int
  sample: 9
nodes:
  description: Each node that was meant.
  returned: success
  type: list
  elements: dict
  sample: [{node: 0, compacted: true, why: 'Normal 0.930, above 0.5'}]
  contains:
    node:
      description: Its number.
      type: int
    compacted:
      description: Whether it was compacted; in check mode, would be.
      type: bool
    why:
      description: What decided.
      type: str
zones:
  description: Each zone of these nodes.
  returned: success
  type: list
  elements: dict
  sample:
    - node: 0
      zone: Normal
      before: {unusable_index: 0.93, usable_blocks: 12, free_pages: 90211}
      after: {unusable_index: 0.112, usable_blocks: 156, free_pages: 90034}
  contains:
    node:
      description: The node that it belongs to.
      type: int
    zone:
      description: Its name.
      type: str
    before:
      description: V(unusable_index), V(usable_blocks) (how many blocks of that order could be had) and V(free_pages).
      type: dict
    after:
      description: The same afterwards; null where in check mode nobody knows.
      type: dict
reason:
  description: A fixed word for why it failed or was skipped, such as V(container) or V(feature).
  returned: failure, or skipped by O(on_unsupported)
  type: str
  sample: container
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

from ansible_collections.highwater.memory.plugins.module_utils.core import runner  # first: see core/archive.py

# isort: split
from ansible_collections.highwater.memory.plugins.module_utils.compaction import answer
from ansible_collections.highwater.memory.plugins.module_utils.compaction.arguments import ARGUMENTS


def main() -> None:
    runner.answer(answer.answer, ARGUMENTS, alone=False)


if __name__ == "__main__":
    main()
