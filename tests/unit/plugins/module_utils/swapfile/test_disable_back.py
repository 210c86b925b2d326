# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where giving back what was put away costs somebody the data that stands in its place by now."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table

PLAIN = "/swap/file none swap sw 0 0\n"
MAPPED = "/dev/mapper/cryptswap1 none swap sw 0 0\n"
CRYPTTAB = "cryptswap1 /swap/file /dev/urandom swap,cipher=aes-xts-plain64\n"
BACK_ON = "swap on /swap/file (it was on before us)"


def steps_of(state, options):
    states = (state,)
    return resource.plan(resource.resolve(options, states), states)


def words(state, options):
    return [step.words() for step in steps_of(state, options)]


def all_back(world, **options):
    return world.params(path="all", state="absent", **options)


def put_away(world, crypttab=None, **changes):
    """The state after somebody's swap was put away, with what is there by now."""
    header = None if crypttab else world.header()
    areas = [] if crypttab else [world.area(priority=-2)]
    there = world.state(found=world.found(inode=99), header=header, fstab=PLAIN, areas=areas, generation=5)
    there = there._replace(crypt=Table(crypttab, world.PATH))
    entry = steps_of(there, world.params(state="disabled"))[0].action.entry
    entry = dict(entry, before=dict(entry["before"], active=True))
    return world.state(record=entry, fstab="", **changes)


@pytest.mark.parametrize("crypttab", [None, CRYPTTAB], ids=["plain", "encrypted"])
@pytest.mark.parametrize("options", [{}, {"apply": "next_boot"}])
def test_somebodys_file_in_its_place(world, crypttab, options):
    """The line of crypttab alone has the next boot write over it."""
    state = put_away(world, crypttab, found=world.found(inode=100))
    with pytest.raises(HighwaterError, match="is somebody's file of 512 MiB") as caught:
        words(state, all_back(world, **options))
    assert caught.value.reason == "not_swap"


@pytest.mark.parametrize("crypttab", [None, CRYPTTAB], ids=["plain", "encrypted"])
def test_a_link_or_a_folder_of_somebody_elses(world, crypttab):
    with pytest.raises(HighwaterError, match="a symbolic link"):
        words(put_away(world, crypttab, found=world.found(kind="link")), all_back(world))
    state = put_away(world, crypttab, found=world.found(inode=99), generation=5, header=world.header())
    with pytest.raises(HighwaterError, match="where others than root can write"):
        words(state._replace(folders=(world.folder(mode=0o777),)), all_back(world))


@pytest.mark.parametrize(
    ("changes", "said"), [({"blank": True}, "no swap header"), ({"header": True, "flaw": "it has a hole"}, "a hole")]
)
def test_what_the_kernel_would_not_take(world, changes, said):
    changes = dict(changes, header=world.header() if changes.get("header") else None)
    with pytest.raises(HighwaterError, match="was on before us, and is off and cannot be turned on .*%s" % said):
        words(put_away(world, found=world.found(inode=100), **changes), all_back(world))


@pytest.mark.parametrize("crypttab", [None, CRYPTTAB], ids=["plain", "encrypted"])
def test_the_file_itself_where_a_run_was_cut_off_before_it_went(world, crypttab):
    """Noise, where it was encrypted. Fails where it is neither given back nor put away any more."""
    header = None if crypttab else world.header()
    state = put_away(world, crypttab, found=world.found(inode=99), generation=5, header=header)
    assert BACK_ON in words(state, all_back(world))
    assert words(state, world.params(state="disabled"))[-1] == "remove /swap/file (it is to be disabled)"


def test_one_that_somebody_has_made_again_by_crypttab(world):
    state = put_away(world, CRYPTTAB, found=world.found(inode=100))._replace(crypt=Table(CRYPTTAB, world.PATH))
    assert words(state, world.params(state="disabled"))[-1] == "remove /swap/file (it is to be disabled)"
