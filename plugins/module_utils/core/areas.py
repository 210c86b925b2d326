# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swap areas of the running kernel, for those who only look at them (swap.py is for those who swap off)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea, parse_swaps


def swap_areas(host: Host) -> tuple[SwapArea, ...]:
    """The areas that are on; none in a kernel without swap, which has no such file."""
    text = host.read("/proc/swaps")
    return () if text is None else parse_swaps(text)
