# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/buddyinfo.

Fails when a zone or an order is lost or invented, and when text that is not the kernel's passes.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.buddyinfo import Buddies, parse_buddyinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError

TWO_NODES = """\
Node 0, zone      DMA      0      0      0      0      0      0      0      1      0      1      3 \n\
Node 0, zone   Normal   5036   5017   3817   2941   5433   7651   3552   1737    674      1   2042 \n\
Node 1, zone  Movable      7      0      0 \n"""


def test_every_zone_and_as_many_orders_as_the_kernel_has() -> None:
    assert parse_buddyinfo(TWO_NODES) == (
        Buddies(0, "DMA", (0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 3)),
        Buddies(0, "Normal", (5036, 5017, 3817, 2941, 5433, 7651, 3552, 1737, 674, 1, 2042)),
        Buddies(1, "Movable", (7, 0, 0)),
    )


@pytest.mark.parametrize(
    ("malformed", "says"),
    [
        ("", "found '' where a line such as"),
        ("\n", "where a line such as"),
        ("Node 0, zone Normal\n", "found 'Node 0, zone Normal' where a line such as"),
        ("Node 0 zone Normal 1\n", "found 'Node 0 zone Normal 1' where"),
        ("Knot 0, zone Normal 1\n", "found 'Knot 0, zone Normal 1' where"),
        ("Node 0, zones Normal 1\n", "found 'Node 0, zones Normal 1' where"),
        ("Node x, zone Normal 1\n", "found 'Node x, zone Normal 1' where a whole number"),
        ("Node 0, zone Normal 1 -1\n", "found 'Node 0, zone Normal 1 -1' where a whole number"),
    ],
)
def test_malformed(malformed: str, says: str) -> None:
    with pytest.raises(ParseError, match=f"^/proc/buddyinfo: .*{says}"):
        parse_buddyinfo(malformed)
