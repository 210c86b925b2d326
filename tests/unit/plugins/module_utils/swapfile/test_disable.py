# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the distribution's swap comes back by itself, where it is not given back as it was, where memory has no
room for it, or where something that is not swap is taken away."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import disable, resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.owner import Owner, find_owners, mask_of

from .conftest import steps_of, words

THEIRS = "# swap\n/swap/file\tnone swap sw 0 0\n/swap/other none swap sw 0 0"
DPHYS = Owner("dphys-swapfile", "dphys-swapfile.service", "/etc/dphys-swapfile")
RELOAD_SWAP = "reload systemd (it makes its swap units from /etc/fstab)"
RELOAD_UNITS = "reload systemd (its units have changed)"
OUT = "take the entry of /swap/file out of /etc/fstab (it has '/swap/file\\tnone swap sw 0 0')"


def theirs(world, **changes):
    """An installer's swapfile, on and in fstab."""
    there = {
        "found": world.found(inode=99),
        "header": world.header(),
        "fstab": THEIRS,
        "areas": [world.area(priority=-2)],
    }
    return world.state(**dict(there, **changes))


def put_away(world, state):
    """The state after it was put away, as the steps' own values have it."""
    entry = steps_of(state, world.params(state="disabled"))[0].action.entry
    fstab = THEIRS.replace("/swap/file\tnone swap sw 0 0\n", "")
    return world.state(record=entry, fstab=fstab)


def test_put_away(world):
    assert words(theirs(world), world.params(state="disabled")) == [
        "remember /swap/file (what was there before)",
        OUT,
        RELOAD_SWAP,
        "swap off /swap/file (it is to be disabled)",
        "remove /swap/file (it is to be disabled)",
    ]


def test_put_away_twice(world):
    assert words(put_away(world, theirs(world)), world.params(state="disabled")) == []


def test_nothing_of_it_is_there(world):
    assert words(world.state(), world.params(state="disabled")) == []


def test_a_unit_that_would_turn_it_on_again(world):
    state = theirs(world, owners=(DPHYS,), fstab="")
    assert words(state, world.params(state="disabled"))[1:] == [
        "mask dphys-swapfile.service (dphys-swapfile would turn it on again (/etc/dphys-swapfile))",
        RELOAD_UNITS,
        "swap off /swap/file (it is to be disabled)",
        "remove /swap/file (it is to be disabled)",
    ]


def test_the_unit_alone(world):
    assert words(world.state(owners=(DPHYS,)), world.params(state="disabled"))[1:2] == [
        "mask dphys-swapfile.service (dphys-swapfile would turn it on again (/etc/dphys-swapfile))"
    ]


def test_made_again_by_hand_it_goes_again_and_what_was_before_stays_known(world):
    away = put_away(world, theirs(world, owners=(DPHYS,)))
    again = theirs(world, record=away.record, fstab="", found=world.found(size=world.GIB))
    found = words(again, world.params(state="disabled"))
    assert found == ["swap off /swap/file (it is to be disabled)", "remove /swap/file (it is to be disabled)"]


def test_next_boot_leaves_what_is_on(world):
    found = words(theirs(world), world.params(state="disabled", apply="next_boot"))
    assert found == ["remember /swap/file (what was there before)", OUT, RELOAD_SWAP]


def test_given_back_with_all_that_there_was(world):
    away = put_away(world, theirs(world, owners=(DPHYS,)))
    steps = steps_of(away, world.params(path="all", state="absent"))
    assert [step.words() for step in steps] == [
        "make /swap/file with 512 MiB and format it as swap (it was there before us)",
        "unmask dphys-swapfile.service (it was not masked before us)",
        RELOAD_UNITS,
        "put back '/swap/file\\tnone swap sw 0 0' in /etc/fstab (it was there before us)",
        RELOAD_SWAP,
        "swap on /swap/file (it was on before us)",
        "forget /swap/file",
    ]
    assert next(step.action.text for step in steps if step.does.startswith("put back")) == THEIRS
    create = steps[0].action.actions[0]
    assert (create.size, create.uuid) == (512 * world.MIB, world.ENTRY["uuid"])


@pytest.mark.parametrize(
    ("kind", "size", "begins_anew"),
    [("ext2", 0.25, False), ("f2fs", 0.25, True), ("ext2", 2, True)],
    ids=["zeros", "cannot grow", "larger"],
)
def test_one_that_is_begun(world, kind, size, begins_anew):
    """Fails where giving back stops for ever at what a call before this one, or a run that was killed, has made of it:
    zeros are gone on with, since a slow disk takes several calls for them, and all else is made anew.
    """
    away = put_away(world, theirs(world))
    whole = away.record["before"]["size"]
    begun = world.found(size=int(whole * size) // 4096 * 4096)
    state = away._replace(draft=begun, filesystem=away.filesystem._replace(kind=kind))
    steps = steps_of(state, world.params(state="absent", path="all"))
    assert ("remove /swap/.file.highwater.new" in [step.does for step in steps]) == begins_anew
    (make,) = [step for step in steps if step.does.startswith("make /swap/file")]
    assert make.action.actions[0].goes_on != begins_anew


def test_what_was_off_stays_off(world):
    away = put_away(world, theirs(world, areas=[]))
    assert not any("swap on" in step for step in words(away, world.params(path="all", state="absent")))


def test_absent_gives_up_what_was_put_away(world):
    away = put_away(world, theirs(world))
    assert words(away, world.params(state="absent")) == ["forget /swap/file"]


def test_present_makes_it_ours_and_keeps_what_was_before(world):
    away = put_away(world, theirs(world))
    entry = steps_of(away, world.params())[0].action.entry
    assert "disabled" not in entry
    assert entry["before"] == away.record["before"]


def test_ours_that_is_put_away_is_not_given_back(world):
    away = put_away(world, world.settled_state())
    assert words(away, world.params(path="all", state="absent")) == ["forget /swap/file"]


def test_what_comes_back_comes_before_what_goes(world):
    """And its room counts for what goes off after it."""
    away = put_away(world, theirs(world))
    areas = (world.area("/new", used=400 * world.MIB, size=world.GIB),)
    machine = away.machine._replace(memory=away.machine.memory._replace(areas=areas, available=200 * world.MIB))
    ours = world.settled_state()._replace(path="/new", machine=machine, area=areas[0], bridge_area=None)
    states = (away._replace(machine=machine), ours)
    options = world.params(path="all", state="absent")
    found = [step.does for step in resource.plan(resource.resolve(options, states), states)]
    assert found.index("swap on /swap/file") < found.index("swap off /new")
    with pytest.raises(HighwaterError, match="swapping off /new"):
        resource.resolve(options, (ours,))


def test_no_room_on_the_disk_for_what_comes_back(world):
    away = put_away(world, theirs(world))
    away = away._replace(filesystem=away.filesystem._replace(free=100 * world.MIB))
    with pytest.raises(HighwaterError, match="/swap/file of 512 MiB cannot be given back, since 100 MiB are free"):
        resource.resolve(world.params(path="all", state="absent"), (away,))


def test_headroom(world):
    state = theirs(world, areas=[world.area(used=400 * world.MIB)], available=200 * world.MIB)
    with pytest.raises(HighwaterError, match="headroom"):
        resource.resolve(world.params(state="disabled"), (state,))


def test_somebodys_file(world):
    state = world.state(found=world.found(), header=None)
    with pytest.raises(HighwaterError, match="neither swap nor made by this module"):
        resource.resolve(world.params(state="disabled"), (state,))


def test_a_device_is_left_as_it_is(world):
    found = world.found(kind=disable.DEVICE)
    assert "remove" not in " ".join(words(theirs(world, found=found), world.params(state="disabled")))


@pytest.mark.parametrize(
    ("spec", "link"),
    [
        ("/dev/vdb1", None),
        ("/dev/disk/by-id/virtio-1", "by-id/virtio-1"),
        ("UUID=0A", "by-uuid/0a"),
        ('LABEL="a b"', "by-label/a\\x20b"),
        ("PARTUUID=0A-1", "by-partuuid/0a-1"),
        ("partuuid=0a-1", "by-partuuid/0a-1"),
        ("PARTLABEL=swap\\040one", "by-partlabel/swap\\x20one"),
    ],
)
def test_by_whatever_name_fstab_has_a_device(world, tmp_path, spec, link):
    """Fails where it is swapped off, and the next boot turns it on again."""
    host = Host(str(tmp_path))
    host.install("/dev/vdb1", "")
    host.install("/dev/vdb2", "")
    if link:
        host.link("/dev/disk/" + link, "../../vdb1")
    host.link("/dev/disk/by-partuuid/0a-2", "../../vdb2")
    theirs = "%s none swap sw 0 0\n" % spec.replace("a b", "a\\040b")
    machine = world.machine(fstab=theirs + "PARTUUID=0a-2 none swap sw 0 0\n")
    state = disable.observe_device(host, machine, "/dev/vdb1", "/dev/vdb1")
    assert state.table.raw() == (theirs.rstrip(),)


def test_a_device_is_given_back(world):
    found = world.found(kind=disable.DEVICE)
    entry = steps_of(theirs(world, found=found), world.params(state="disabled"))[0].action.entry
    fstab = THEIRS.replace("/swap/file\tnone swap sw 0 0\n", "")
    away = world.state(found=found, header=world.header(), record=entry, fstab=fstab)
    assert words(away, world.params(path="all", state="absent")) == [
        "put back '/swap/file\\tnone swap sw 0 0' in /etc/fstab (it was there before us)",
        RELOAD_SWAP,
        "swap on /swap/file (it was on before us)",
        "forget /swap/file",
    ]


def test_absent_gives_up_a_device_that_was_put_away(world):
    """And leaves the device where it is, whatever has become of it since."""
    found = world.found(kind=disable.DEVICE)
    entry = steps_of(theirs(world, found=found), world.params(state="disabled"))[0].action.entry
    fstab = THEIRS.replace("/swap/file\tnone swap sw 0 0\n", "")
    away = world.state(found=found, header=world.header(), record=entry, fstab=fstab)
    assert words(away, world.params(state="absent")) == ["forget /swap/file"]
    again = theirs(world, found=found, record=entry)
    assert words(again, world.params(state="absent")) == [
        "swap off /swap/file (it is to be absent)",
        OUT,
        RELOAD_SWAP,
        "forget /swap/file",
    ]


def test_absent_of_a_device(world):
    """Nothing is to do where it is no swap; where it is somebody's, that has to be put away."""
    found = world.found(kind=disable.DEVICE)
    assert words(world.state(found=found), world.params(state="absent")) == []
    for there in ({"fstab": ""}, {"areas": []}):
        with pytest.raises(HighwaterError, match="use state: disabled"):
            resource.resolve(world.params(state="absent"), (theirs(world, found=found, **there),))


@pytest.mark.parametrize("asked", ["disabled", "absent"])
def test_headroom_of_a_device_by_another_name(world, asked):
    """The kernel lists it by its own name, whatever link it was named by."""
    area = world.area("/dev/vdb", used=400 * world.MIB)
    machine = theirs(world).machine
    machine = machine._replace(memory=machine.memory._replace(areas=(area,), available=200 * world.MIB))
    found = world.found(kind=disable.DEVICE)
    state = theirs(world, found=found, record={"disabled": True, "before": {}})._replace(machine=machine, area=area)
    with pytest.raises(HighwaterError, match="swapping off /dev/vdb"):
        resource.resolve(world.params(state=asked), (state,))


def test_a_device_without_swap(world):
    state = world.state(found=world.found(kind=disable.DEVICE), header=None)
    with pytest.raises(HighwaterError, match="a device without swap on it"):
        resource.resolve(world.params(state="disabled"), (state,))


@pytest.mark.parametrize("on", [True, False])
def test_what_a_run_that_was_cut_off_has_left_beside_it(world, on):
    """Fails where the draft and the bridge of a resize stay for ever, the bridge on perhaps."""
    bridge = "/swap/.file.highwater"
    areas = [world.area(priority=-2), *([world.area(bridge, 9 * world.MIB)] if on else [])]
    left = {"bridge": world.found(9 * world.MIB), "draft": world.found(4096)}
    found = words(theirs(world, areas=areas, **left), world.params(state="disabled"))
    assert found[-3:] == [
        "swap off and remove %s (an earlier run was cut off)" % bridge
        if on
        else "remove %s (an earlier run was cut off)" % bridge,
        "remove %s.new (an earlier run was cut off)" % bridge,
        "remove /swap/file (it is to be disabled)",
    ]
    later = words(theirs(world, areas=areas, **left), world.params(state="disabled", apply="next_boot"))
    assert ("remove %s (an earlier run was cut off)" % bridge in later) is not on
    assert not [word for word in later if word.startswith("swap off")]


@pytest.mark.parametrize("asked", ["present", "absent"])
def test_two_owners(world, asked):
    with pytest.raises(HighwaterError, match="turned on at boot by dphys-swapfile") as error:
        resource.resolve(world.params(state=asked), (theirs(world, owners=(DPHYS,)),))
    assert error.value.reason == "owner"


def test_a_unit_of_the_administrators_own(world):
    own = Owner("a unit of this host's own", "swap-file.swap", mask_of("swap-file.swap"))
    with pytest.raises(HighwaterError, match=r"systemctl disable swap-file\.swap"):
        resource.resolve(world.params(state="disabled"), (theirs(world, owners=(own,)),))


# -- owners --------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path):
    it = Host(str(tmp_path))
    it.install("/lib/systemd/system/dphys-swapfile.service", "")
    it.install("/etc/dphys-swapfile", "#CONF_SWAPFILE=/no\n")
    it.link("/etc/systemd/system/multi-user.target.wants/dphys-swapfile.service", "/lib/systemd/system/it")
    return it


def test_dphys_swapfile_by_its_default(host):
    assert find_owners(host, "/var/swap") == (DPHYS,)
    assert find_owners(host, "/swapfile") == ()


@pytest.mark.parametrize(
    "line", ["CONF_SWAPFILE=/swapfile", 'CONF_SWAPFILE="/swapfile" # here', "CONF_SWAPFILE='/swapfile'"]
)
def test_dphys_swapfile_by_its_file(host, line):
    host.install("/etc/dphys-swapfile", "CONF_SWAPSIZE=100\n%s\n" % line)
    assert [owner.program for owner in find_owners(host, "/swapfile")] == ["dphys-swapfile"]
    assert find_owners(host, "/var/swap") == ()


def test_dphys_swapfile_that_is_disabled(host):
    host.remove("/etc/systemd/system/multi-user.target.wants/dphys-swapfile.service")
    assert find_owners(host, "/var/swap") == ()


def test_masked(host):
    host.link(mask_of("dphys-swapfile.service"), "/dev/null")
    assert find_owners(host, "/var/swap") == ()


def test_units_of_type_swap(host):
    host.install("/etc/systemd/system/mine.swap", "[Swap]\nWhat = /swapfile \n")
    host.install("/usr/lib/systemd/system/other.swap", "[Swap]\nWhat=/elsewhere\n")
    assert find_owners(host, "/swapfile") == (), "no target has it started"
    host.link("/etc/systemd/system/swap.target.wants/mine.swap", "../mine.swap")
    (found,) = find_owners(host, "/swapfile")
    assert found.own_file
    assert found.unit == "mine.swap"


def test_units_of_generators_but_for_those_of_fstab(host):
    host.install("/run/systemd/generator.late/dev-sda2.swap", "[Swap]\nWhat=/dev/sda2\n")
    host.install("/run/systemd/generator/swapfile.swap", "[Unit]\nSourcePath=/etc/fstab\n\n[Swap]\nWhat=/swapfile\n")
    host.install("/run/systemd/generator/var-swap2.swap", "[Swap]\nWhat=/var/swap2\n")
    assert [owner.unit for owner in find_owners(host, "/dev/sda2")] == ["dev-sda2.swap"]
    assert [owner.unit for owner in find_owners(host, "/var/swap2")] == ["var-swap2.swap"]
    assert find_owners(host, "/dev/sda3") == find_owners(host, "/swapfile") == ()
