# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unusable index and fragmentation index.

Fails when either differs from the kernel's own word by a thousandth: the rows of SAID are /proc/buddyinfo and
/sys/kernel/debug/extfrag of one moment of a real machine.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.memory import fragmentation
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies


@pytest.mark.parametrize(
    ("blocks", "unusable"),
    [
        ((0, 0, 0), (1.0, 1.0, 1.0)),
        ((4, 0, 0), (0.0, 1.0, 1.0)),
        ((0, 0, 5), (0.0, 0.0, 0.0)),
        ((1, 0, 1), (0.0, 0.2, 0.2)),
        ((1, 1, 0), (0.0, 0.333, 1.0)),  # rounded down
    ],
)
def test_unusable_index(blocks: tuple[int, ...], unusable: tuple[float, ...]) -> None:
    assert fragmentation.of_zone(Buddies(0, "Normal", blocks)).unusable_index == unusable


@pytest.mark.parametrize(
    ("blocks", "index"),
    [
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((0, 0, 5), (-1.0, -1.0, -1.0)),
        ((1, 0, 0), (-1.0, -0.5, -0.25)),  # one page: nothing that compaction could join
        ((4, 0, 0), (-1.0, 0.25, 0.5)),
        ((1000, 0, 0), (-1.0, 0.499, 0.749)),
    ],
)
def test_fragmentation_index(blocks: tuple[int, ...], index: tuple[float, ...]) -> None:
    assert fragmentation.of_zone(Buddies(0, "Normal", blocks)).fragmentation_index == index


SAID = [  # a machine of 24 GiB, then two moments of a virtual machine of 1 GiB whose memory had been used up
    (
        (1, 2, 4, 2, 5, 4, 3, 3, 4, 2, 752),
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.001, 0.002, 0.003),
        (-1.0,) * 11,
    ),
    (
        (6534, 5170, 4223, 2705, 3494, 7661, 3584, 1734, 675, 17, 2021),
        (0.0, 0.002, 0.005, 0.011, 0.018, 0.036, 0.116, 0.191, 0.264, 0.320, 0.323),
        (-1.0,) * 11,
    ),
    (
        (2, 2, 1, 2, 1, 1, 1, 2, 1, 1, 0),
        (0.0, 0.001, 0.005, 0.008, 0.022, 0.036, 0.063, 0.118, 0.339, 0.559, 1.0),
        (-1.0,) * 10 + (0.848,),
    ),
    (
        (29, 11, 30, 16, 10, 5, 3, 0, 4, 5, 8),
        (0.0, 0.002, 0.004, 0.013, 0.023, 0.036, 0.049, 0.064, 0.064, 0.145, 0.349),
        (-1.0,) * 11,
    ),
    (
        (9, 6, 3, 9, 6, 8, 7, 5, 4, 2, 0),
        (0.0, 0.002, 0.005, 0.009, 0.029, 0.055, 0.127, 0.251, 0.430, 0.715, 1.0),
        (-1.0,) * 10 + (0.924,),
    ),
    (
        (83533, 34, 63, 20, 22, 7, 4, 2, 7, 6, 18),
        (0.0, 0.770, 0.771, 0.773, 0.775, 0.778, 0.780, 0.782, 0.785, 0.801, 0.829),
        (-1.0,) * 11,
    ),
]


@pytest.mark.parametrize(("blocks", "unusable", "index"), SAID)
def test_what_the_kernel_said(blocks: tuple[int, ...], unusable: tuple[float, ...], index: tuple[float, ...]) -> None:
    found = fragmentation.of_zone(Buddies(0, "Normal", blocks))
    assert found.unusable_index == unusable
    assert found.fragmentation_index == index
