# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a swapfile that is remade is refused half-way, put in the wrong file's place, or lost when that fails; or
where a bridge of such a run is lost from sight.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import apply
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, recall

from .conftest import steps_of, words

RESIZE = {"size": "1GiB"}
BRIDGE = "/swap/.file.highwater"
OFF = "swap off /swap/file (%s)"
ON_AGAIN = "swap on /swap/file with priority 10 (it was swapped off for the change)"


@pytest.mark.parametrize("options", [RESIZE, {"priority": 3}, {"state": "absent"}])
def test_what_is_turned_on_again_stays_on(world, options):
    """Fails where an undo that cannot be noted leaves the machine without its swap."""
    steps = steps_of(world.settled_state(), world.params(**options))
    (off,) = [step for step in steps if step.does == "swap off /swap/file"]
    assert [action.stays for action in off.undo] == [True]
    assert not [step for step in steps if getattr(step.action, "stays", False)]


@pytest.mark.parametrize(
    ("disk", "there", "over"), [(5 << 30, True, 12), (1 << 30, True, None), (5 << 30, False, None)]
)
def test_a_new_file_takes_the_place_of_the_one_that_was_seen_only(world, disk, there, over):
    """Fails where a step would write over a file that it does not know, or not over the one that it does."""
    for areas in ([world.area()] if there else [], []):
        changes = {} if there else {"found": None, "header": None}
        steps = steps_of(world.settled_state(disk=disk, areas=areas, **changes), world.params(**RESIZE))
        actions = [inner for step in steps for inner in getattr(step.action, "actions", (step.action,))]
        assert [action.over for action in actions if type(action).__name__ == "Place"] == [over]
        undone = [action for step in steps for action in step.undo if type(action).__name__ == "Place"]
        assert {action.over for action in undone} <= {None}


# -- a bridge that is on already -----------------------------------------------------------------------------------


def bridged(world, available, leaving="", used=100, on_bridge=400):
    """A resize that was begun: so many MiB in use of the old area and of a bridge of 600 MiB."""
    areas = [world.area(used=used * world.MIB), world.area(BRIDGE, 600 * world.MIB, on_bridge * world.MIB, -2)]
    state = world.settled_state(areas=areas, available=available * world.MIB, bridge=world.found(600 * world.MIB))
    memory = state.machine.memory._replace(leaving=leaving)
    return state._replace(machine=state.machine._replace(memory=memory))


@pytest.mark.parametrize(("used", "on_bridge"), [(499, 1), (100, 400), (1, 499)])
def test_a_resize_whose_swapoff_outlasts_its_call_is_gone_on_with(world, used, on_bridge):
    """Fails where what was allowed once is refused half-way, which leaves the bridge on and the swapoff unwatched."""
    found = words(bridged(world, 60, world.PATH, used, on_bridge), world.params(headroom="128MiB", **RESIZE))
    assert OFF % "it has 512 MiB" in found


@pytest.mark.parametrize("removed", [False, True])
def test_the_room_that_a_bridge_takes_comes_back(world, removed):
    """A resize without room for both files, in the middle of which the disk has the bridge on it as well. Fails where
    it is refused then, with nothing but the bridge on.
    """
    there = {"found": None, "header": None} if removed else {}
    areas = [] if removed else [world.area(used=50 * world.MIB)]
    areas += [world.area(BRIDGE, 107 * world.MIB, 50 * world.MIB, -2)]
    free = (1100 - 107 + 512 * removed) * world.MIB
    state = world.settled_state(areas=areas, disk=free, bridge=world.found(107 * world.MIB), **there)
    assert "swap off and remove %s" % BRIDGE in words(state, world.params(**RESIZE))[-1]
    with pytest.raises(HighwaterError, match="keep_free"):
        words(state, world.params(size="2GiB"))


def test_an_area_that_is_going_off_is_not_on(world):
    """By the swapoff of a run that was cut off. Fails where the host counts as converged until the area is gone, or
    where the bridge goes first.
    """
    going = "an earlier run has begun to swap it off"
    memory = world.machine([world.area(used=world.MIB)]).memory._replace(leaving=world.PATH)
    state = world.settled_state()
    state = state._replace(area=memory.areas[0], machine=state.machine._replace(memory=memory))
    assert words(state, world.params()) == [OFF % going, ON_AGAIN]
    found = words(bridged(world, 60, world.PATH), world.params(headroom="128MiB"))
    assert [OFF % going, ON_AGAIN] == found[:2]
    assert found[2].startswith("swap off and remove %s" % BRIDGE)


def test_a_bridge_is_judged_by_the_area_that_takes_its_pages(world):
    """Fails where the area that goes, not the one that comes in its place, has to have room for them."""
    found = words(bridged(world, 60), world.params(headroom="128MiB", **RESIZE))
    assert found[-1] == "swap off and remove %s (an earlier run was cut off)" % BRIDGE


def test_a_new_area_too_small_for_what_is_on_the_bridge(world):
    """Fails where free slots of the area that goes count as room, or where a way out is named that is none."""
    with pytest.raises(HighwaterError, match=r"swapping off /swap/\.file\.highwater would bring 428 MiB") as caught:
        words(bridged(world, 200), world.params(headroom="128MiB", size="16MiB"))
    assert caught.value.reason == "headroom"
    assert "next_boot" not in caught.value.message


def test_a_bridge_that_is_all_the_swap_there_is(world):
    """The old area has gone, and for a moment no memory is available. Fails where that stops a change half-way, or
    where pages go to an area that has no room for them.
    """
    areas = [world.area(BRIDGE, 600 * world.MIB, 450 * world.MIB, -2)]
    state = world.settled_state(areas=areas, available=0, bridge=world.found(600 * world.MIB))
    found = words(state, world.params(headroom="128MiB"))
    assert found[-1] == "swap off and remove %s (/swap/file is on again)" % BRIDGE
    with pytest.raises(HighwaterError, match="would bring 450 MiB"):
        words(state, world.params(headroom="128MiB", size="450MiB"))


def test_a_bridge_beside_an_area_that_stays(world):
    """Fails where an area that is not made anew counts for nothing."""
    assert words(bridged(world, 200), world.params(headroom="128MiB"))
    with pytest.raises(HighwaterError, match=r"swapping off /swap/\.file\.highwater would bring 400 MiB"):
        words(bridged(world, 100), world.params(headroom="128MiB"))


# -- absent --------------------------------------------------------------------------------------------------------

OFF_BRIDGE = "swap off and remove %s (an earlier run was cut off)" % BRIDGE


@pytest.mark.parametrize("device", [None, "highwater-bridge"])
def test_absent_forgets_nothing_while_a_bridge_is_on(world, tmp_path, device):
    """Fails where a bridge that cannot be swapped off stays on, and nothing on the host says whose it is any more."""
    ran = []

    def run(argv, _timeout):
        ran.append(argv)
        return Completed(int(argv[0] == "swapoff"), "", "Input/output error")

    host = Host(str(tmp_path), run)
    on = "/dev/mapper/" + device if device else BRIDGE
    host.install("/proc/swaps", "Filename Type Size Used Priority\n%s file 1020 4 -2\n" % on)
    host.install(BRIDGE, "")
    Remember("swapfile", world.PATH, world.ENTRY).perform(host)
    state = world.settled_state(areas=[world.area(BRIDGE, 9 << 20)], bridge=world.found(9 << 20), systemd=False)
    if device:
        state = state._replace(machine=state.machine._replace(mapped={BRIDGE: device}))
    steps = steps_of(state, world.params(state="absent"))
    assert steps[0].words() == OFF_BRIDGE
    with pytest.raises(HighwaterError, match=r"could not swap off and remove .*Input/output error"):
        apply(steps, host)
    assert [argv[:2] for argv in ran] == [("swapoff", on)]
    assert host.exists(BRIDGE)
    assert recall(host, "swapfile", world.PATH) == world.ENTRY


def test_absent_takes_a_bridge_away(world, tmp_path):
    """Fails where its file stays once it is off, or where that comes after the record is gone."""
    host = Host(str(tmp_path), lambda argv, _timeout: Completed(0, "", ""))
    host.install(BRIDGE, "")
    state = world.settled_state(areas=[world.area(BRIDGE, 9 << 20)], bridge=world.found(9 << 20))
    steps = steps_of(state, world.params(state="absent"))
    steps[0].action.perform(host)
    assert not host.exists(BRIDGE)
    assert [step.words() for step in steps][-1] == "forget /swap/file"


def test_absent_at_the_next_boot_forgets_nothing_while_a_bridge_is_on(world):
    """Fails where what stays on until the boot is forgotten: its file, which the boot leaves, would be nobody's."""
    state = world.settled_state(areas=[world.area(BRIDGE, 9 << 20)], bridge=world.found(9 << 20), fstab="")
    assert words(state, world.params(state="absent", apply="next_boot")) == []
    assert words(state, world.params(state="absent"))[-1] == "forget /swap/file"
