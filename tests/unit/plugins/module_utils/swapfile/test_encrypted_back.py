# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a host's own swapfile that we have encrypted is given back as a file that no boot can turn on."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table, make_line

from .conftest import all_back, steps_of, words

NAME = "highwater-swap-file"
FSTAB = "/dev/mapper/highwater-swap-file none swap sw,pri=10,nofail 0 0\n"
THEIRS = "/swap/file none swap sw,pri=7 0 0\n"
FORMAT = "format /swap/file as swap (it was not encrypted before us)"
OFF = "swap off /swap/file (it was not encrypted before us)"
TABLES = [
    "put back %r in /etc/fstab (it has %r)" % (THEIRS.rstrip(), FSTAB.rstrip()),
    "take the entry of /swap/file out of /etc/crypttab (it has %r)" % make_line("/swap/file", True),
    "reload systemd (it makes its swap units from /etc/fstab)",
]
ON = "swap on /swap/file (it was on before us)"
FORGET = "forget /swap/file"


def encrypted(world, areas=None, on_before=True, **changes):
    """The host's own swapfile, as the run that encrypted it has left it."""
    there = {"header": world.header(label="old"), "areas": [world.area(priority=7)]}
    theirs = world.settled_state(record={}, fstab=THEIRS, **there)
    theirs = theirs._replace(crypt=Table(None, world.PATH))
    entry = steps_of(theirs, world.params(encrypted=True))[0].action.entry
    entry = dict(entry, before=dict(entry["before"], active=on_before), uuid=None, label=None)
    areas = [world.area()] if areas is None else areas
    state = world.settled_state(header=None, fstab=FSTAB, record=entry, areas=areas, **changes)
    areas = tuple(area._replace(kind="partition") for area in state.machine.memory.areas)
    memory = state.machine.memory._replace(areas=areas)
    machine = state.machine._replace(memory=memory, mapped={world.PATH: NAME} if areas else {})
    table = state.table._replace(tags=("/dev/mapper/" + NAME,))
    crypt = Table(make_line("/swap/file", True) + "\n", world.PATH)
    return state._replace(machine=machine, area=areas[0] if areas else None, crypt=crypt, table=table)


def test_it_is_formatted_and_on_as_it_was(world):
    steps = steps_of(encrypted(world), all_back(world))
    assert [step.words() for step in steps] == [OFF, FORMAT, ON, *TABLES, FORGET]
    header, on = steps[1].action, steps[2].action
    assert (header.path, header.uuid, header.label) == (world.PATH, world.ENTRY["uuid"], "old")
    assert (on.path, on.priority) == (world.PATH, 7)
    # What fails after that is taken back to the encrypted area that it was.
    assert [type(action).__name__ for action in steps[2].undo + steps[0].undo[0].actions] == [
        "SwapOff",
        "Open",
        "SwapOn",
    ]


def test_after_a_run_that_was_cut_off(world):
    assert words(encrypted(world, areas=[]), all_back(world)) == [FORMAT, ON, *TABLES, FORGET]


@pytest.mark.parametrize("areas", [None, []], ids=["on", "off"])
def test_what_was_off_before_us_is_formatted_too(world, areas):
    found = words(encrypted(world, areas, on_before=False), all_back(world))
    assert found == ([] if areas == [] else ["swap off /swap/file (it is to be absent)"]) + [FORMAT, *TABLES, FORGET]


@pytest.mark.parametrize("on_before", [True, False])
def test_at_the_next_boot(world, on_before):
    """What is on cannot be formatted, and as it is the next boot would fail on it."""
    with pytest.raises(HighwaterError, match=r"/swap/file is on, encrypted, .* use apply: now") as caught:
        words(encrypted(world, on_before=on_before), all_back(world, apply="next_boot"))
    assert caught.value.reason == "in_use"
    assert words(encrypted(world, areas=[]), all_back(world, apply="next_boot")) == [FORMAT, *TABLES, FORGET]


def test_a_file_that_the_kernel_would_not_take_as_it_is(world):
    """Through a loop device it takes one with holes. Fails where that is found out once it is formatted."""
    with pytest.raises(HighwaterError, match=r"cannot be turned on \(it has a hole at byte 4096\)"):
        words(encrypted(world, areas=[], flaw="it has a hole at byte 4096"), all_back(world))


def test_its_pages_need_room_while_it_is_off(world):
    state = encrypted(world, areas=[world.area(used=400 * world.MIB)], available=200 * world.MIB)
    with pytest.raises(HighwaterError, match="swapping off /swap/file"):
        words(state, all_back(world))


def test_the_diff(world):
    state = encrypted(world)
    after = resource.wanted(resource.resolve(all_back(world), (state,)), (state,))["swapfiles"][world.PATH]
    assert (after["active"], after["formatted"], after["label"], after["encrypted"]) == (True, True, "old", False)


def test_one_that_crypttab_had_before_us_needs_no_header(world):
    state = encrypted(world)
    known = Table("cryptswap1 /swap/file /dev/urandom swap\n", world.PATH).before()
    state = state._replace(record=dict(state.record, before=dict(state.record["before"], crypttab=known)))
    assert FORMAT not in words(state, all_back(world))


def test_one_of_crypttab_that_was_off_when_we_came_stays(world):
    """Nothing but the host's line says that it is swap. Fails where it is removed and the line put back, which then
    names a file that is gone.
    """
    theirs = Table("cryptswap /swap/file /dev/urandom swap\n", world.PATH)
    fstab = "/dev/mapper/cryptswap none swap sw 0 0\n"
    state = world.settled_state(record={}, header=None, areas=[], fstab=fstab, crypt=theirs)
    state = state._replace(table=state.table._replace(tags=("/dev/mapper/cryptswap",)))
    entry = steps_of(state, world.params(encrypted=True))[0].action.entry
    found = words(encrypted(world)._replace(record=entry), all_back(world))
    assert [each for each in found if "/etc" not in each] == ["swap off /swap/file (it is to be absent)", FORGET]
    assert any(each.startswith("put back '/dev/mapper/cryptswap none swap sw 0 0'") for each in found)
