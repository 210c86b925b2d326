# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of memory_info."""

from __future__ import annotations

from typing import Any

CHEAP = "default"  # the word for all subsets that cost next to nothing
# In the order in which they are returned. slab and processes have to be asked for.
SUBSET_NAMES = (
    "meminfo",
    "swaps",
    "zram",
    "zswap",
    "watermarks",
    "fragmentation",
    "vmstat",
    "pressure",
    "hugepages",
    "slab",
    "sockets",
    "processes",
    "oom",
    "findings",
)

MEMORY_INFO_OPTIONS: dict[str, dict[str, Any]] = {
    "gather": {"type": "list", "elements": "str", "choices": [CHEAP, *SUBSET_NAMES], "default": [CHEAP]},
    "sample": {"type": "float", "default": 0.0},
    "trace": {"type": "bool", "default": False},
}
