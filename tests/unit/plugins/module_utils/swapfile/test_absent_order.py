# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a swapfile cannot be taken away since the disk is full of it, or where it goes too early on any other."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table, make_line


def does(state, options):
    states = (state,)
    steps = [step.does for step in resource.plan(resource.resolve(options, states), states)]
    return [step for step in steps if not step.startswith("reload")]


OUT = "take the entry of /swap/file out of /etc/fstab"


@pytest.mark.parametrize(
    ("free", "mount_point", "first"),
    [(0, "/", True), (64 << 10, "/", True), (1 << 30, "/", False), (0, "/swap", False)],
)
def test_on_a_full_disk_the_file_goes_before_fstab_is_written(world, free, mount_point, first):
    """That of /etc, which has no room for a new fstab."""
    state = world.settled_state()
    state = state._replace(filesystem=state.filesystem._replace(free=free, mount_point=mount_point))
    last = [OUT, "remove /swap/file"]
    expected = ["swap off /swap/file", *(last[::-1] if first else last), "forget /swap/file"]
    assert does(state, world.params(state="absent")) == expected


@pytest.mark.parametrize(("reserved", "first"), [(1 << 30, False), (64 << 10, True)])
def test_what_is_kept_for_root_is_room(world, reserved, first):
    """Fails where the file goes before the tables for nothing: if they fail then, it cannot be turned on again."""
    state = world.settled_state(disk=0)
    state = state._replace(filesystem=state.filesystem._replace(reserved=reserved))
    last = [OUT, "remove /swap/file"]
    assert does(state, world.params(state="absent"))[1:3] == (last[::-1] if first else last)


def test_an_encrypted_one_goes_last(world):
    """A boot would wait for its device."""
    crypt = Table(make_line("/swap/file", True) + "\n", world.PATH)
    assert (
        does(world.settled_state(disk=0)._replace(crypt=crypt), world.params(state="absent"))[-2] == "remove /swap/file"
    )


def test_at_the_next_boot_what_is_on_stays_on_a_full_disk_too(world):
    state = world.settled_state(disk=0)
    assert does(state, world.params(state="absent", apply="next_boot")) == [OUT]
