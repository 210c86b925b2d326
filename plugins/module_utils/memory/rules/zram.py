# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on zram devices: compress badly, refuse writes, too large."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.highwater.memory.plugins.module_utils.memory.rules.rule import (
    CRITICAL,
    WARNING,
    Case,
    Rule,
    memory,
)
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample

LEAST_COMPRESSED = 256 * 2**20  # bytes; a ratio over less says little
LEAST_RATIO = 1.5


def _compresses_badly(sample: Sample) -> Iterable[Case]:
    """What is the same all over the page, or was written back, takes no memory and is left out of the ratio."""
    for device in sample.now.zram or ():
        stat = device.stat
        elsewhere = stat.same_pages * sample.now.page_size + (device.bd_stat.bd_count if device.bd_stat else 0)
        data, packed = stat.orig_data_size - elsewhere, stat.compr_data_size
        if packed >= LEAST_COMPRESSED and data < packed * LEAST_RATIO:
            yield {
                "name": device.name,
                "data": data,
                "packed": packed,
                "ratio": "%.2f" % (data / packed),
                "algorithm": device.algorithm,
            }


def _refuses(sample: Sample) -> Iterable[Case]:
    for device in sample.now.zram or ():
        if device.io_stat and device.io_stat.failed_writes:
            yield {"name": device.name, "count": device.io_stat.failed_writes, "limit": device.stat.mem_limit}


def _too_large(sample: Sample) -> Iterable[Case]:
    ram, sizes = memory(sample, "MemTotal"), [device.size for device in sample.now.zram or ()]
    if ram and sum(sizes) > 2 * ram:
        yield {"size": sum(sizes), "ram": ram}


RULES = (
    Rule(
        "zram_compresses_badly",
        WARNING,
        "zram",
        _compresses_badly,
        "what is in {name} hardly gets smaller",
        "{data:size} take {packed:size}, a ratio of {ratio}, with {algorithm}",
        "give it a writeback device for what does not compress, try a stronger algorithm, or use a swapfile",
        "judgement: below 1.5, zram holds less than the memory that it takes is worth",
    ),
    Rule(
        "zram_refuses_writes",
        CRITICAL,
        "zram",
        _refuses,
        "{name} has refused pages that were to be swapped out",
        "failed_writes is {count}, mem_limit {limit:size}",
        "raise its mem_limit or take it away, and free memory: what is refused stays in memory and is tried again",
        "Documentation/admin-guide/blockdev/zram.rst, io_stat and mem_limit",
    ),
    Rule(
        "zram_too_large",
        WARNING,
        "zram",
        _too_large,
        "zram is larger than memory can hold when it is full",
        "{size:size} in all, on {ram:size} of memory",
        "make it at most twice the memory: pages compress two to four times",
        "Documentation/admin-guide/blockdev/zram.rst: little point in more than twice the memory",
    ),
)
