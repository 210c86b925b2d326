# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a plan does too much, too little, or in an order that loses something; the words are what users read."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource

from .conftest import steps_of, words

REMEMBER = "remember /swap/file (what was asked, and what was there before)"
MAKE = "make /swap/file with 512 MiB and format it as swap (%s)"
OFF = "swap off /swap/file (%s)"
ON = "swap on /swap/file with priority 10 (it is off)"
ON_AGAIN = "swap on /swap/file with priority 10 (it was swapped off for the change)"
FSTAB = "write '/swap/file none swap sw,pri=10,nofail 0 0' to /etc/fstab (%s)"
NEW_LINE = FSTAB % "the next boot would not turn it on"
RELOAD = "reload systemd (it makes its swap units from /etc/fstab)"
BRIDGE = "/swap/.file.highwater"
DRAFT = "/swap/.file.highwater.new"


# What differs from a machine without any swapfile -> plan
FRESH = {
    "missing": ({}, [REMEMBER, MAKE % "it is missing", ON, NEW_LINE, RELOAD]),
    "without systemd": ({"systemd": False}, [REMEMBER, MAKE % "it is missing", ON, NEW_LINE]),
    "folder missing": (
        {"missing": ("/swap",)},
        [REMEMBER, "make the folder /swap (it is missing)", MAKE % "it is missing", ON, NEW_LINE, RELOAD],
    ),
    "in fstab, but gone": (
        {"fstab": "/swap/file none swap sw,pri=10,nofail 0 0\n"},
        [REMEMBER, MAKE % "it is missing", ON],
    ),
}


@pytest.mark.parametrize("name", FRESH)
def test_fresh(world, name):
    changes, expected = FRESH[name]
    assert words(world.state(**changes), world.params()) == expected


# What has drifted since our first run -> plan. Values are calls on the world, so that the table stays readable.
DRIFTED = {
    "nothing": (lambda w: {}, []),
    "larger": (
        lambda w: {"found": w.found(600 * w.MIB), "header": w.header(600 * w.MIB), "areas": []},
        [MAKE % "it has 600 MiB", ON],
    ),
    "truncated": (lambda w: {"found": w.found(3 * w.MIB), "areas": []}, [MAKE % "it has 3 MiB", ON]),
    "hole": (
        lambda w: {"flaw": "it has a hole at byte 4096", "areas": []},
        [MAKE % "it has a hole at byte 4096", ON],
    ),
    "mode and owner": (
        lambda w: {"found": w.found(mode=0o644, uid=7)},
        ["set mode and owner of /swap/file to 0600, 0:0 (they are 0644, 7:0)"],
    ),
    "not formatted": (
        lambda w: {"header": None, "areas": []},
        ["format /swap/file as swap (it is not formatted)", ON],
    ),
    "header of another size": (
        lambda w: {"header": w.header(w.MIB), "areas": []},
        ["format /swap/file as swap (its header says 1 MiB)", ON],
    ),
    "off": (lambda w: {"areas": []}, [ON]),
    "other priority": (lambda w: {"areas": [w.area(priority=5)]}, [OFF % "its priority is 5", ON_AGAIN]),
    "kernel's priority": (lambda w: {"areas": [w.area(priority=-2)]}, [OFF % "its priority is -2", ON_AGAIN]),
    "not in fstab": (lambda w: {"fstab": "# mine\n"}, [NEW_LINE, RELOAD]),
    "old form in fstab": (
        lambda w: {"fstab": "/swap/file swap swap defaults 0 0\n"},
        [FSTAB % "it has '/swap/file swap swap defaults 0 0'", RELOAD],
    ),
    "twice in fstab": (
        lambda w: {"fstab": w.OURS * 2},
        [FSTAB % "it has '{0}' and '{0}'".format("/swap/file none swap sw,pri=10,nofail 0 0"), RELOAD],
    ),
    "other blanks in fstab": (lambda w: {"fstab": "/swap/file\tnone\tswap\tnofail,pri=10\n"}, []),
    "another boot": (lambda w: {"record": dict(w.ENTRY, on={"boot_id": "earlier", "discard": "none"})}, []),
    "cut off while it was made": (
        lambda w: {"found": None, "header": None, "areas": [], "draft": w.found(99)},
        ["remove %s (an earlier run was cut off)" % DRAFT, MAKE % "it is missing", ON],
    ),
    "cut off with the bridge on": (
        lambda w: {"areas": [w.area(), w.area(BRIDGE, 9 * w.MIB)], "bridge": w.found(9 * w.MIB)},
        ["swap off and remove %s (an earlier run was cut off)" % BRIDGE],
    ),
    "cut off, bridge off": (
        lambda w: {"bridge": w.found(9 * w.MIB)},
        ["remove %s (an earlier run was cut off)" % BRIDGE],
    ),
}


@pytest.mark.parametrize("name", DRIFTED)
def test_drifted(world, name):
    changes, expected = DRIFTED[name]
    assert words(world.settled_state(**changes(world)), world.params()) == expected


RESIZE = {"size": "1GiB"}
USED = 100 << 20
MAKE_NEW = "make %s (1 GiB is to take the place of the old file (it has 512 MiB))" % DRAFT
BRIDGE_ON = "swap on %s with 107 MiB as a bridge (100 MiB of /swap/file are in use)" % BRIDGE
BRIDGE_AWAY = "swap off and remove %s (/swap/file is on again)" % BRIDGE
PLACE = "rename it to /swap/file (the old file is off)"
CLEAR = "remove the old /swap/file (the disk has no room for the old file and the new one at once)"
MAKE_1G = "make /swap/file with 1 GiB and format it as swap (it has 512 MiB)"
TO_MEMORY = "; the disk has no room for a bridge, so that 100 MiB go to memory and other swap"


@pytest.mark.parametrize(
    ("disk", "used", "expected"),
    [
        (5 << 30, 0, [MAKE_NEW, OFF % "it has 512 MiB", PLACE, ON_AGAIN]),
        (5 << 30, USED, [MAKE_NEW, BRIDGE_ON, OFF % "it has 512 MiB", PLACE, ON_AGAIN, BRIDGE_AWAY]),
        # keep_free is 512 MiB here: 5 % of the disk
        (1100 << 20, USED, [BRIDGE_ON, OFF % "it has 512 MiB", CLEAR, MAKE_1G, ON_AGAIN, BRIDGE_AWAY]),
        (1 << 30, 0, [OFF % "it has 512 MiB", CLEAR, MAKE_1G, ON_AGAIN]),
    ],
)
def test_resize_while_on(world, disk, used, expected):
    state = world.settled_state(disk=disk, areas=[world.area(used=used)])
    assert [word for word in words(state, world.params(**RESIZE)) if word != REMEMBER] == expected


def test_no_room_for_a_bridge_goes_by_memory(world):
    state = world.settled_state(disk=1 << 30, areas=[world.area(used=USED)])
    found = words(state, world.params(size="1GiB", keep_free="480MiB"))
    assert BRIDGE_ON in found
    state = world.settled_state(disk=560 << 20, areas=[world.area(used=USED)])
    found = words(state, world.params(size="520MiB"))
    assert OFF % ("it has 512 MiB" + TO_MEMORY) in found


def test_no_bridge_where_the_new_file_would_not_fit_beside_it(world):
    """Fails where the old file is off and removed before the disk turns out to be full."""
    state = world.settled_state(disk=600 << 20, areas=[world.area(used=USED)])
    found = words(state, world.params(size="1GiB", keep_free="16MiB"))
    assert OFF % ("it has 512 MiB" + TO_MEMORY) in found


def test_a_bridge_is_larger_where_memory_is_short(world):
    state = world.settled_state(areas=[world.area(used=USED)], available=28 << 20)
    found = words(state, world.params(size="1GiB", headroom="128MiB"))
    assert "swap on %s with 207 MiB as a bridge (100 MiB of /swap/file are in use)" % BRIDGE in found


def test_no_step_after_the_new_area_is_on_can_fail(world):
    """A failure there would take back, one by one, what the machine already runs on."""
    state = world.settled_state(areas=[world.area(used=USED)], fstab="")
    steps = steps_of(state, world.params(**RESIZE))
    at = [step.words() for step in steps].index(ON_AGAIN)
    assert [type(step.action).__name__ for step in steps[at + 1 :]] == ["BridgeAway"]


def test_every_step_before_that_can_be_taken_back(world):
    state = world.settled_state(areas=[world.area(used=USED)], fstab="", disk=1100 << 20)
    steps = steps_of(state, world.params(**RESIZE))
    without = [step.does for step in steps if not step.undo]
    assert without == ["reload systemd", "swap off and remove %s" % BRIDGE]


# -- a run that goes on where the call before it stopped ------------------------------------------------------------


def created(steps):
    """The actions of a plan that make a file, those within others too."""
    actions = [inner for step in steps for inner in getattr(step.action, "actions", (step.action,))]
    return [action for action in actions if type(action).__name__ == "Create"]


@pytest.mark.parametrize(
    ("size", "changes", "goes_on"),
    [
        (4096, {}, True),
        (512 << 20, {}, True),
        (0, {}, False),
        (4097, {}, False),
        (513 << 20, {}, False),
        (4096, {"uid": 7}, False),
        (4096, {"mode": 0o644}, False),
        (4096, {"kind": "link"}, False),
    ],
)
def test_what_was_begun_is_gone_on_with(world, size, changes, goes_on):
    state = world.state(draft=world.found(size, **changes))
    steps = steps_of(state, world.params(method="dd"))
    assert [action.goes_on for action in created(steps)] == [goes_on]
    assert ("remove %s (an earlier run was cut off)" % DRAFT in [step.words() for step in steps]) is not goes_on


def test_zeros_are_no_beginning_of_what_is_allocated(world):
    state = world.state(draft=world.found(4096))
    assert [action.goes_on for action in created(steps_of(state, world.params(method="fallocate")))] == [False]


def test_where_zeros_cannot_be_written_nothing_is_gone_on_with_and_dd_is_refused(world):
    state = world.state(draft=world.found(4096), kind="f2fs")
    assert [action.goes_on for action in created(steps_of(state, world.params()))] == [False]
    with pytest.raises(HighwaterError, match="method: dd cannot make /swap/file, since f2fs ") as caught:
        steps_of(state, world.params(method="dd"))
    assert caught.value.reason == "filesystem"
    on = world.settled_state(areas=[world.area(used=USED)], kind="f2fs")
    with pytest.raises(HighwaterError, match="method: dd"):
        steps_of(on, world.params(method="dd", priority=3))
    there = world.settled_state(kind="f2fs")
    assert steps_of(there, world.params(method="dd")) == ()


def test_a_bridge_too_is_gone_on_with(world):
    state = world.settled_state(areas=[world.area(used=USED)], bridge=world.found(8 << 20), draft=world.found(1 << 30))
    steps = steps_of(state, world.params(method="dd", **RESIZE))
    assert [(action.path, action.goes_on) for action in created(steps)] == [(DRAFT, True), (BRIDGE, True)]
    assert not [step for step in steps if step.does.startswith("remove")]


def test_what_is_in_use_is_looked_at_again_once_a_bridge_is_written(world):
    """Zeros may take a minute. Fails where the area goes off by figures that are as old."""
    state = world.settled_state(areas=[world.area(used=USED)])
    made = created(steps_of(state, world.params(method="dd", **RESIZE)))
    assert [(action.path, action.beside) for action in made] == [(DRAFT, True), (BRIDGE, True)]


@pytest.mark.parametrize(("disk", "size"), [(5 << 30, 200 << 20), (450 << 20, 107 << 20)])
def test_a_bridge_that_is_larger_than_need_be_by_then_serves(world, disk, size):
    """Fails where all of it is written once more, each time that something has been freed, or where it takes the room
    that the new file needs.
    """
    there = {"bridge": world.found(200 << 20), "disk": disk}
    state = world.settled_state(areas=[world.area(used=USED)], **there)
    steps = steps_of(state, world.params(method="dd", size="1GiB", keep_free="16MiB"))
    (bridge,) = [action for action in created(steps) if action.path == BRIDGE]
    assert (bridge.size, bridge.goes_on) == (size, size == 200 << 20)


# -- options -------------------------------------------------------------------------------------------------------


def test_not_persistent_takes_the_line_away(world):
    assert words(world.settled_state(), world.params(persistent=False)) == [TAKE_OUT, RELOAD]


def test_next_boot_turns_nothing_on(world):
    assert words(world.state(), world.params(apply="next_boot")) == [
        REMEMBER,
        MAKE % "it is missing",
        NEW_LINE,
        RELOAD,
    ]


def test_next_boot_writes_only_fstab_for_one_that_is_on(world):
    found = words(world.settled_state(), world.params(priority=3, apply="next_boot"))
    assert [word.split(" (")[0] for word in found if word != REMEMBER] == [
        "write '/swap/file none swap sw,pri=3,nofail 0 0' to /etc/fstab",
        "reload systemd",
    ]


def test_what_next_boot_changes_is_changed_now_by_the_next_run(world):
    """fstab says `discard` by then, but the area is on without it, which only our record knows."""
    stale = dict(world.ENTRY, on={"boot_id": "earlier", "discard": "none"})
    options = world.params(discard="both", apply="next_boot")
    first = steps_of(world.settled_state(record=stale), options)
    entry = next(step for step in first if step.words() == REMEMBER).action.entry
    line = "/swap/file none swap sw,pri=10,nofail,discard 0 0\n"
    state = world.settled_state(record=entry, fstab=line)
    assert words(state, options) == []
    assert words(state, world.params(discard="both"))[0] == OFF % "its discard is none"


def test_discard_of_an_area_that_the_boot_turned_on_is_what_fstab_says(world):
    record = dict(world.ENTRY, on={"boot_id": "earlier", "discard": "none"})
    line = "/swap/file none swap sw,pri=10,nofail,discard 0 0\n"
    assert words(world.settled_state(record=record, fstab=line), world.params(discard="both")) == []


def test_kernels_own_priority(world):
    line = "/swap/file none swap sw,nofail 0 0\n"
    state = world.settled_state(fstab=line, areas=[world.area(priority=-3)])
    assert words(state, world.params(priority=None)) == []


# -- absent --------------------------------------------------------------------------------------------------------

TAKE_OUT = "take the entry of /swap/file out of /etc/fstab (it has '/swap/file none swap sw,pri=10,nofail 0 0')"
GONE = "remove /swap/file (it is to be absent)"
FORGET = "forget /swap/file"


def test_absent_goes_in_the_order_that_systemd_needs(world):
    expected = [OFF % "it is to be absent", TAKE_OUT, RELOAD, GONE, FORGET]
    assert words(world.settled_state(), world.params(state="absent")) == expected


def test_absent_twice(world):
    assert words(world.state(), world.params(state="absent")) == []


def test_absent_takes_back_the_folder_that_we_made(world):
    state = world.settled_state(record=dict(world.ENTRY, folders=["/swap"]))
    found = words(state, world.params(state="absent"))
    assert found[-2:] == ["remove /swap (we made it; it stays where something else is in it)", FORGET]


def test_absent_at_the_next_boot_leaves_what_is_on(world):
    assert words(world.settled_state(), world.params(state="absent", apply="next_boot")) == [TAKE_OUT, RELOAD]


def test_absent_of_all_leaves_what_was_there_before_us(world):
    old = {"line": "/swap/file swap swap defaults 0 0\n", "at": 0, "behind": None}
    before = {"file": True, "active": True, "fstab": [old]}
    state = world.settled_state(record=dict(world.ENTRY, before=before))
    options = world.params(state="absent", path="all")
    assert [word.split(" (")[0] for word in words(state, options)] == [
        "put back '/swap/file swap swap defaults 0 0' in /etc/fstab",
        "reload systemd",
        FORGET,
    ]


def two_that_are_on(world, **changes):
    """Two swapfiles of ours, 400 MiB in use in the first one."""
    areas = [world.area(used=400 * world.MIB), world.area(path="/swap/two")]
    first = world.settled_state(areas=areas, bridge_area=None, **changes)
    return first, first._replace(path="/swap/two", area=areas[1])


def test_absent_of_all_has_room_for_all_or_begins_none(world):
    """The pages of the first would go to the second, which goes too."""
    absent = world.params(path="all", state="absent")
    resource.resolve(absent, two_that_are_on(world, available=600 * world.MIB))
    with pytest.raises(HighwaterError, match=r"swapping off /swap/two would bring \d+ MiB back") as caught:
        resource.resolve(absent, two_that_are_on(world, available=200 * world.MIB))
    assert caught.value.reason == "headroom"


def test_check_mode_warns_where_swap_of_earlier_tasks_would_make_room(world):
    """And only there: what a run would refuse for good, check mode refuses too."""
    states = two_that_are_on(world, available=200 * world.MIB)
    absent = world.params(path="all", state="absent", expect_room=True, check_mode=True)
    (warning,) = resource.warnings(resource.resolve(absent, states), states)
    assert "swapping off /swap/two would bring" in warning
    assert "unless swap that earlier tasks turn on" in warning
    on = world.settled_state(areas=[world.area(used=400 * world.MIB)], available=0, disk=0)
    again = world.params(priority=3, expect_room=True, check_mode=True, keep_free="0")
    assert len(resource.warnings(resource.resolve(again, (on,)), (on,))) == 1
    for options, state in ((absent, states), (again, (on,))):
        for changed in ({"check_mode": False}, {"expect_room": False}):
            with pytest.raises(HighwaterError, match="bring"):
                resource.resolve(dict(options, **changed), state)
    with pytest.raises(HighwaterError, match="9 TiB"):
        resource.resolve(dict(again, size="9TiB"), (on,))


def test_what_stays_on_needs_no_room(world):
    record = dict(world.ENTRY, before={"file": True, "active": True, "fstab": []})
    state = world.settled_state(areas=[world.area(used=400 * world.MIB)], available=0, record=record)
    resource.resolve(world.params(path="all", state="absent"), (state,))


def test_absent_at_the_next_boot_leaves_a_bridge_on(world):
    bridge = world.area(path="/swap/.file.highwater", used=world.MIB)
    state = world.state(areas=[bridge], bridge=world.found(), available=0)
    (spec,) = resource.resolve(world.params(state="absent", apply="next_boot"), (state,))
    assert resource.plan((spec,), (state,)) == ()
    with pytest.raises(HighwaterError, match=r"swapping off /swap/\.file\.highwater "):
        resource.resolve(world.params(state="absent"), (state,))


def test_absent_of_all_sees_fstab_as_the_file_before_left_it(world):
    first = world.settled_state()
    text = world.OURS + "/other none swap sw 0 0\n"
    first = first._replace(table=first.table._replace(text=text))
    second = first._replace(
        path="/other", area=None, found=None, header=None, table=first.table._replace(path="/other")
    )
    options = world.params(state="absent", path="all")
    steps = resource.plan(resource.resolve(options, (first, second)), (first, second))
    texts = [step.action.text for step in steps if "/etc/fstab" in step.does]
    assert texts == ["/other none swap sw 0 0\n", ""]


# -- refusals before anything is touched ---------------------------------------------------------------------------


def test_next_boot_cannot_make_anew_what_is_on(world):
    with pytest.raises(HighwaterError, match="apply: now"):
        words(world.settled_state(), world.params(size="1GiB", apply="next_boot"))


@pytest.mark.parametrize("options", [{"state": "absent"}, {"priority": 3}, {"size": "1GiB"}])
def test_headroom(world, options):
    state = world.settled_state(areas=[world.area(used=500 << 20)], available=300 << 20)
    with pytest.raises(HighwaterError, match="headroom") as caught:
        words(state, world.params(headroom="4GiB", **options))
    assert caught.value.reason == "headroom"
    assert ("next_boot" in caught.value.message) == ("size" not in options)


def test_disk_says_both_figures(world):
    with pytest.raises(HighwaterError) as caught:
        words(world.state(disk=1 << 30), world.params(size="700MiB"))
    assert caught.value.reason == "disk"
    for figure in ("700 MiB", "324 MiB", "1 GiB", "512 MiB"):
        assert figure in caught.value.message
