# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what a run that was cut off has left costs the host its own swap, or makes the next run fail."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table, make_line

from .conftest import all_back, steps_of, words

BRIDGE = "/swap/.file.highwater"
THEIRS = "/swap/file none swap sw,pri=7,discard=once 0 0\n"
PUT_BACK = "put back %r in /etc/fstab (it has %r)"
RELOAD = "reload systemd (it makes its swap units from /etc/fstab)"
GOING = "swap off /swap/file (an earlier run has begun to swap it off)"
BACK_ON = "swap on /swap/file (it was on before us)"
FORGET = "forget /swap/file"


def leaving(state, path):
    """The state while a swapoff of what is on at that path is under way."""
    memory = state.machine.memory._replace(leaving=path)
    return state._replace(machine=state.machine._replace(memory=memory))


# -- swap that was on before us ------------------------------------------------------------------------------------


def half_resized(world, before=None, areas=(), **changes):
    """A swapfile of the host's own, on before us, whose resize was cut off while it was off."""
    known = {"file": True, "active": True, "fstab": [{"line": THEIRS, "at": 0, "behind": None}]}
    record = dict(world.ENTRY, before=dict(known, **(before or {})))
    return world.settled_state(**dict({"record": record, "areas": areas}, **changes))


def own(steps):
    """The action that turns the file on."""
    (step,) = [step for step in steps if step.does == "swap on /swap/file"]
    assert step.undo == ()  # whatever fails after that, the host keeps its swap
    return step.action


def test_the_host_has_its_own_swap_again(world):
    """Fails where it stays off until the next boot, or comes on otherwise than the host had it."""
    steps = steps_of(half_resized(world), all_back(world))
    put_back = PUT_BACK % (THEIRS.rstrip(), world.OURS.rstrip())
    assert [step.words() for step in steps] == [BACK_ON, put_back, RELOAD, FORGET]
    on = own(steps)
    assert (on.path, on.priority, on.discard, on.noted) == (world.PATH, 7, "once", False)


def test_without_a_line_of_its_own_it_is_the_kernels_priority(world):
    on = own(steps_of(half_resized(world, {"fstab": []}), all_back(world)))
    assert (on.priority, on.discard) == (None, "none")


def test_what_was_put_away_before_we_made_it_ours_is_on_as_it_was(world):
    on = own(steps_of(half_resized(world, {"priority": 4, "discard": "pages"}), all_back(world)))
    assert (on.priority, on.discard) == (4, "pages")


def test_the_bridge_goes_once_it_is_on(world):
    """Fails where the bridge's pages have nowhere to go although the file that comes on has room for all of them."""
    areas = [world.area(BRIDGE, 600 * world.MIB, 450 * world.MIB, -2)]
    state = half_resized(world, areas=areas, bridge=world.found(600 * world.MIB), available=0)
    found = words(state, all_back(world))
    assert found[:2] == [BACK_ON, "swap off and remove %s (an earlier run was cut off)" % BRIDGE]
    small = state._replace(found=world.found(16 * world.MIB), header=world.header(16 * world.MIB))
    with pytest.raises(HighwaterError, match="would bring 450 MiB"):
        words(small, all_back(world))


@pytest.mark.parametrize("bridged", [False, True])
def test_it_is_not_on_while_it_goes_off(world, bridged):
    """By the swapoff that was begun for the resize. Fails where that is forgotten as long as the kernel shows it."""
    areas = [world.area(used=100 * world.MIB)]
    areas += [world.area(BRIDGE, 600 * world.MIB, 100 * world.MIB, -2)] if bridged else []
    state = leaving(half_resized(world, areas=areas, bridge=world.found() if bridged else None), world.PATH)
    found = words(state, all_back(world))
    assert found[:2] == [GOING, BACK_ON]
    assert ("swap off and remove %s (an earlier run was cut off)" % BRIDGE in found) is bridged
    found = words(state, all_back(world, apply="next_boot"))
    assert not [step for step in found if step.startswith("swap o")]


@pytest.mark.parametrize("options", [{}, {"apply": "next_boot"}])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"found": None, "header": None}, "it is missing"),
        ({"header": None}, "it has no swap header"),
        ({"flaw": "it has a hole at byte 4096"}, "it has a hole at byte 4096"),
        ({"found": "small"}, "its header says 512 MiB, and it has 16 MiB"),
    ],
)
def test_what_cannot_be_turned_on_is_not_forgotten(world, options, changes, said):
    """Fails where the host's swap is lost without a word, or where anything is changed before that is said."""
    if changes.get("found") == "small":
        changes = {"found": world.found(16 * world.MIB)}
    with pytest.raises(HighwaterError) as caught:
        words(half_resized(world, **changes), all_back(world, **options))
    assert caught.value.message.startswith("path: /swap/file was on before us")
    assert said in caught.value.message
    assert "state: present" in caught.value.message


@pytest.mark.parametrize("changes", [{}, {"found": None, "header": None}])
def test_what_was_off_before_us_stays_off(world, changes):
    found = words(half_resized(world, {"active": False}, **changes), all_back(world))
    assert found[-1] == FORGET
    assert BACK_ON not in found


def test_it_is_given_up_where_that_is_asked_for(world):
    """Which is the way out that the refusal names. Fails where that is refused too."""
    found = words(half_resized(world, found=None, header=None), world.params(state="absent"))
    assert found[-1] == FORGET


def test_it_comes_on_before_what_is_ours_goes_off(world, tmp_path):
    """Fails where what is ours is refused for want of room that the host's own swap is about to give."""
    host = Host(str(tmp_path))
    host.install("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\nCommitLimit: 9 kB\nCommitted_AS: 9 kB\n")
    host.install("/proc/swaps", "Filename Type Size Used Priority\n")
    Remember("swapfile", "/a", world.ENTRY).perform(host)
    Remember("swapfile", "/b", dict(world.ENTRY, before={"file": True, "active": True})).perform(host)
    assert [state.path for state in resource.observe(host, all_back(world))] == ["/b", "/a"]


def mapped(state, name):
    return state._replace(machine=state.machine._replace(mapped={state.path: name}), header=None)


def test_without_its_device_it_is_on_again(world):
    """The resize of one that we have encrypted. Fails where fstab gets its line back for a file without a header, which
    the next boot cannot turn on, or where the device stays.
    """
    name = "highwater-swap-file"
    steps = steps_of(mapped(half_resized(world, {"crypttab": {"lines": []}}), name), all_back(world))
    assert [step.words() for step in steps][:3] == [
        "close the device %s (no swap is on it)" % name,
        "format /swap/file as swap (it was not encrypted before us)",
        BACK_ON,
    ]
    on = own(steps)
    assert (on.path, on.priority) == (world.PATH, 7)


def test_through_the_device_that_it_had_before_us(world):
    """Fails where what crypttab has encrypted comes back as it is, or is refused for having no header."""
    line = "cryptswap1 /swap/file /dev/urandom swap,cipher=aes-xts-plain64\n"
    known = Table(line, world.PATH).before()
    for header in (None, world.header()):
        state = half_resized(world, {"crypttab": known}, header=header)
        opened, on = own(steps_of(state, all_back(world))).actions
        assert (opened.name, on.path) == ("cryptswap1", "/dev/mapper/cryptswap1")


# -- an area that is going off -------------------------------------------------------------------------------------


def put_away(world, **changes):
    """The host's swap, with the record of a run that puts it away."""
    there = {"found": world.found(), "header": world.header(), "area": world.area(used=world.MIB, priority=-2)}
    state = world.state(**dict(there, **changes))
    memory = state.machine.memory._replace(areas=(state.area,))
    state = state._replace(machine=state.machine._replace(memory=memory), bridge_area=None)
    return state._replace(record=steps_of(state, world.params(state="disabled"))[0].action.entry)


@pytest.mark.parametrize("device", [False, True])
def test_what_is_being_put_away_is_not_on(world, device):
    """By the swapoff of a run that was cut off. Fails where it counts as given back while the kernel still shows it, a
    device by the kernel's own name, and is off a minute later.
    """
    theirs = {"found": world.found(kind="device"), "area": world.area("/dev/vdb")} if device else {}
    state = put_away(world, **theirs)
    state = leaving(state, state.area.path)
    steps = steps_of(state, all_back(world))
    assert [step.words() for step in steps] == [GOING, BACK_ON, FORGET]
    assert steps[0].action.path == state.area.path
    assert words(state, all_back(world, apply="next_boot")) == [FORGET]
    assert words(state, world.params(state="disabled"))[0].startswith("swap off /swap/file")


def test_what_is_being_put_away_makes_room_once_it_is_on_again(world):
    """For what is ours and goes off after it. Fails where that is refused although all of it has room then."""
    areas = [world.area(used=world.MIB), world.area("/new", used=400 * world.MIB)]
    away = put_away(world)
    memory = away.machine.memory._replace(areas=tuple(areas), available=200 * world.MIB)
    away = leaving(away._replace(machine=away.machine._replace(memory=memory)), world.PATH)
    ours = world.settled_state()._replace(path="/new", machine=away.machine, area=areas[1], bridge_area=None)
    resource.resolve(all_back(world), (away, ours))
    with pytest.raises(HighwaterError, match="/swap/file is being swapped off by an earlier run"):
        resource.resolve(world.params(state="absent"), (ours,))


@pytest.mark.parametrize("header", [True, False])
def test_what_was_encrypted_and_put_away_is_encrypted_again(world, header):
    """Fails where pages reach the disk as they are, or where a run that was cut off before it removed the file left one
    without a header, which is then turned on as it is.
    """
    line = "cryptswap1 /swap/file /dev/urandom swap,cipher=aes-xts-plain64\n"
    state = put_away(world, crypt=Table(line, world.PATH))
    state = state._replace(area=None, header=state.header if header else None)
    (on,) = [step for step in steps_of(state, all_back(world)) if step.words() == BACK_ON]
    assert [action.__class__.__name__ for action in on.action.actions] == ["Open", "SwapOn"]
    assert on.action.actions[0].name == "cryptswap1"


def test_one_after_the_other_although_the_first_outlasts_its_call(world):
    """Two of ours that go off, each judged with the first one gone. Fails where the call that watches the first one
    refuses the second, whose turn has not come.
    """
    areas = [world.area(used=100 * world.MIB), world.area("/swap/two", used=100 * world.MIB)]
    first = leaving(world.settled_state(areas=areas, bridge_area=None), world.PATH)
    second = first._replace(path="/swap/two", area=areas[1])
    options = all_back(world)
    steps = resource.plan(resource.resolve(options, (first, second)), (first, second))
    assert [step.does for step in steps if step.does.startswith("swap")] == [
        "swap off /swap/file",
        "swap off /swap/two",
    ]
    with pytest.raises(HighwaterError, match="is being swapped off by an earlier run"):
        resource.resolve(options, (second, first))


# -- cut off between the two tables --------------------------------------------------------------------------------

NAME = "highwater-swap-file"
ENCRYPTED = "/dev/mapper/%s none swap sw,pri=10,nofail 0 0\n" % NAME
CRYPTTAB = make_line("/swap/file", True) + "\n"
CLOSE = "close the device %s (no swap is on it)" % NAME


def stray(world, fstab=None, **changes):
    """On its way from plain to encrypted, after a boot: crypttab has made the device of the file, without a header in
    it since the kernel lets nobody write to swap, and fstab has turned the file on as it is.
    """
    state = world.settled_state(fstab=world.OURS if fstab is None else fstab, **changes)
    state = state._replace(machine=state.machine._replace(mapped={world.PATH: NAME}))
    tags = (*state.table.tags, "/dev/mapper/" + NAME)
    return state._replace(crypt=Table(CRYPTTAB, world.PATH), table=state.table._replace(tags=tags))


def test_a_device_that_is_not_the_swap_is_closed_first(world):
    """Fails where it is taken for what is on: swapped off as that, the file is still in use when it is to be wiped."""
    steps = steps_of(stray(world), world.params(encrypted=True))
    assert [step.words() for step in steps if not step.does.startswith("remember")] == [
        "write %r to /etc/fstab (it has %r)" % (ENCRYPTED.rstrip(), world.OURS.rstrip()),
        RELOAD,
        CLOSE,
        "swap off /swap/file (it is formatted as it is, not encrypted)",
        "wipe the swap header of /swap/file (it is formatted as it is, not encrypted)",
        "swap on /swap/file with priority 10, encrypted (it was swapped off for the change)",
    ]
    (off,) = [step for step in steps if step.does == "swap off /swap/file"]
    assert off.action.path == world.PATH
    assert [type(action).__name__ for action in off.undo] == ["SwapOn"]


def test_back_to_plain_it_stays_on(world):
    """Whoever has changed their mind. Fails where what is on as wanted goes off, or the device stays."""
    assert [step.split(" (")[0] for step in words(stray(world), world.params())] == [
        "take the entry of /swap/file out of /etc/crypttab",
        "reload systemd",
        "close the device " + NAME,
    ]


def test_it_is_shown_as_it_is_on(world):
    """Fails where a plain swapfile is called encrypted since a device is open on it."""
    (shown,) = resource.managed((stray(world),))["swapfiles"].values()
    assert shown["encrypted"] is False


@pytest.mark.parametrize("options", [{"state": "absent"}, {"state": "absent", "path": "all"}, {"state": "disabled"}])
def test_what_goes_takes_the_device_along(world, options):
    """Fails where the device keeps the blocks of a file that is removed."""
    found = words(stray(world), world.params(**options))
    assert CLOSE in found
    assert found.index(CLOSE) < next(n for n, word in enumerate(found) if word.startswith("remove /swap/file"))


def test_the_device_goes_where_the_host_s_own_swap_stays_on(world):
    state = stray(world)
    state = state._replace(record=dict(state.record, before={"file": True, "active": True, "fstab": []}))
    found = words(state, all_back(world))
    assert found[0] == CLOSE
    assert not [word for word in found if word.startswith(("swap", "remove"))]


@pytest.mark.parametrize("options", [{"size": "1GiB"}, {"state": "absent"}, {"state": "absent", "path": "all"}])
def test_noise_that_no_table_tells_of_any_more(world, options):
    """A resize, to plain, of what the host's own crypttab has encrypted, cut off while zeros are written, when the
    tables are changed. Fails where the file is somebody's from then on, and no run goes through.
    """
    line = "cryptswap1 /swap/file /dev/urandom swap,cipher=aes-xts-plain64\n"
    theirs = world.settled_state(record={}, header=None, fstab="/dev/mapper/cryptswap1 none swap sw 0 0\n")
    area = theirs.area._replace(kind="partition")
    memory = theirs.machine.memory._replace(areas=(area,))
    machine = theirs.machine._replace(memory=memory, mapped={world.PATH: "cryptswap1"})
    theirs = theirs._replace(machine=machine, area=area, crypt=Table(line, world.PATH))
    entry = steps_of(theirs, world.params(size="1GiB"))[0].action.entry
    cut = world.settled_state(record=entry, header=None, areas=[], draft=world.found(16 * world.MIB, inode=13))
    assert words(cut._replace(crypt=Table("", world.PATH)), world.params(**options))


# -- a bridge that has become too small ----------------------------------------------------------------------------

RESIZE = {"size": "1GiB", "headroom": "128MiB"}
AWAY_FIRST = "swap off and remove %s (an earlier run was cut off, and with it this change has no room)" % BRIDGE


def outgrown(world, used=300, on_bridge=50, bridge=107, available=200, **changes):
    """A resize that was cut off with the bridge on, since when more of the old area has come into use; in MiB."""
    areas = [world.area(used=used * world.MIB), world.area(BRIDGE, bridge * world.MIB, on_bridge * world.MIB, -2)]
    left = world.found(bridge * world.MIB)
    return world.settled_state(areas=areas, available=available * world.MIB, bridge=left, **changes)


def test_a_larger_bridge_takes_its_place(world):
    """Fails where the resize is refused for the sake of a bridge without which it would be allowed."""
    found = words(outgrown(world), world.params(**RESIZE))
    assert [word for word in found if not word.startswith("remember")] == [
        AWAY_FIRST,
        "make /swap/.file.highwater.new (1 GiB is to take the place of the old file (it has 512 MiB))",
        "swap on %s with 319 MiB as a bridge (300 MiB of /swap/file are in use)" % BRIDGE,
        "swap off /swap/file (it has 512 MiB)",
        "rename it to /swap/file (the old file is off)",
        "swap on /swap/file with priority 10 (it was swapped off for the change)",
        "swap off and remove %s (/swap/file is on again)" % BRIDGE,
    ]


def test_that_it_cannot_go_is_seen_before_the_next_one_is_made(world):
    """Fails where a bridge that stays on is written over, or where taking back turns it on once more."""
    first = steps_of(outgrown(world), world.params(**RESIZE))[0]
    assert type(first.action).__name__ == "Several"
    assert first.undo == ()


def test_what_it_holds_is_in_the_old_area_by_then(world):
    """Memory has no room for it. Fails where the next bridge is too small for what has gone there."""
    found = words(outgrown(world, available=100), world.params(**RESIZE))
    assert found[0] == AWAY_FIRST
    # 300 MiB, 78 MiB that memory had no room for beside headroom, and a sixteenth
    assert "swap on %s with 402 MiB as a bridge (378 MiB of /swap/file are in use)" % BRIDGE in found


def test_a_bridge_that_is_large_enough_stays(world):
    """Fails where pages are moved twice."""
    found = words(outgrown(world, bridge=600), world.params(**RESIZE))
    assert AWAY_FIRST not in found
    assert found[-1] == "swap off and remove %s (an earlier run was cut off)" % BRIDGE


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"used": 500, "on_bridge": 100, "available": 140}, {}, "swapping off /swap/file would bring 500 MiB"),
        ({"disk": 500 << 20}, {}, "keep_free"),
        ({}, {"size": "300MiB", "headroom": "250MiB"}, "would bring 300 MiB"),
        ({}, {"apply": "next_boot"}, "apply: now"),
    ],
)
def test_what_is_refused_without_it_is_refused_with_it(world, changes, options, said):
    """Fails where a bridge goes for nothing, or where the refusal is about a state that is not there."""
    with pytest.raises(HighwaterError, match=said):
        words(outgrown(world, **changes), world.params(**dict(RESIZE, **options)))


def test_the_disk_that_it_takes_is_what_the_new_file_lacks(world):
    """Fails where a resize is refused since the disk is full of the bridge, although memory has room for all of it."""
    state = outgrown(world, used=10, on_bridge=10, bridge=600, available=1000, disk=400 << 20)
    found = words(state, world.params(size="1GiB", headroom="128MiB", keep_free="16MiB"))
    assert found[0].startswith("swap off and remove " + BRIDGE)


def test_one_that_is_going_off_is_waited_for(world):
    """By the swapoff of the call before, or of a run that was cut off. Fails where that forbids the change, or where
    the new bridge counts on what is going.
    """
    state = leaving(outgrown(world), BRIDGE)
    found = words(state, world.params(**RESIZE))
    assert found[0] == "swap off and remove %s (an earlier run has begun to swap it off)" % BRIDGE
    assert "swap on %s with 319 MiB as a bridge (300 MiB of /swap/file are in use)" % BRIDGE in found


def test_the_device_of_an_encrypted_one_goes_with_it(world):
    name = "highwater-swap-.file.highwater"
    state = outgrown(world)
    state = state._replace(machine=state.machine._replace(mapped={BRIDGE: name}))
    first, *others = steps_of(state, world.params(**RESIZE))
    off, removed = first.action.actions
    assert (off.actions[0].path, removed.path) == ("/dev/mapper/" + name, BRIDGE)
    assert not [step for step in others if step.does.startswith("close")]
