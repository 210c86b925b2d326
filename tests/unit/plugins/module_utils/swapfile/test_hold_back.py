# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where old swap goes although the new swap that was to take its place could not be had."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource

WHY = "path: /swapfile is on zfs"
STAYS = "path: /swap/file stays as it is, since the swap that was to take its place could not be had: %s" % WHY


def on(world, **changes):
    there = {"found": world.found(), "header": world.header(), "areas": [world.area()], "fstab": world.OURS}
    return world.state(**dict(there, **changes))


@pytest.mark.parametrize("asked", ["absent", "disabled"])
def test_it_stays_and_a_warning_says_why(world, asked):
    options, states = world.params(state=asked, hold_back=WHY), (on(world),)
    specs = resource.resolve(options, states)
    assert resource.plan(specs, states) == ()
    assert resource.warnings(specs, states) == [STAYS]
    assert resource.wanted(specs, states) == resource.managed(states)
    assert resource.result(specs, states)["swapfile"]["active"] is True


@pytest.mark.parametrize("asked", ["absent", "disabled"])
def test_where_nothing_would_go_nothing_is_said(world, asked):
    options, states = world.params(state=asked, hold_back=WHY), (world.state(),)
    assert resource.warnings(resource.resolve(options, states), states) == []


def test_it_is_not_refused_for_room_that_it_does_not_need(world):
    states = (on(world, areas=[world.area(used=400 * world.MIB)], available=200 * world.MIB),)
    with pytest.raises(HighwaterError, match="headroom"):
        resource.resolve(world.params(state="disabled"), states)
    assert resource.resolve(world.params(state="disabled", hold_back=WHY), states)[0].warning == STAYS


def test_what_is_to_be_present_is_made(world):
    options, states = world.params(hold_back=WHY), (world.state(),)
    assert resource.plan(resource.resolve(options, states), states)
