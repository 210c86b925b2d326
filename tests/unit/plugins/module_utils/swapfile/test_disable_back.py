# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where giving back what was put away costs somebody the data that stands in its place by now, or is not the
state before us where we had made it ours in between."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file

from .conftest import all_back, steps_of, words

PLAIN = "/swap/file none swap sw 0 0\n"
MAPPED = "/dev/mapper/cryptswap1 none swap sw 0 0\n"
CRYPTTAB = "cryptswap1 /swap/file /dev/urandom swap,cipher=aes-xts-plain64\n"
BACK_ON = "swap on /swap/file (it was on before us)"


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


def made_ours(world, **changes):
    """Theirs of 256 MiB with priority 7 and a label, after a run that resized it to 512 MiB with priority 10."""
    there = {"found": world.found(256 * world.MIB), "header": world.header(256 * world.MIB, label="old")}
    theirs = world.state(fstab=PLAIN, areas=[world.area(size=256 * world.MIB, priority=7)], **there)
    entry = steps_of(theirs, world.params(label="new"))[0].action.entry
    return world.settled_state(record=entry, header=world.header(label="new"), generation=None, **changes)


def test_it_comes_on_as_it_was_before_it_was_ours(world):
    state = made_ours(world)
    entry = steps_of(state, world.params(state="disabled"))[0].action.entry
    steps = steps_of(world.state(record=entry), all_back(world))
    create = steps[0].action.actions[0]
    assert (create.size, create.uuid, create.label) == (256 * world.MIB, world.ENTRY["uuid"], "old")
    (on,) = [step.action for step in steps if step.words() == BACK_ON]
    assert (on.priority, on.discard) == (7, "none")


def test_without_being_put_away_too(world):
    """A run that was cut off while it was off. Without a line of fstab only the record can tell its priority."""
    state = made_ours(world, areas=[])
    (on,) = [step.action for step in steps_of(state, all_back(world)) if step.words() == BACK_ON]
    assert on.priority == 7


def test_folders_and_the_rule_that_we_made_go(world):
    record = dict(world.ENTRY, folders=["/swap"], selinux=True)
    state = world.settled_state(record=record, has_rule=True, type="swapfile_t")
    machine = state.machine._replace(selinux=True, semanage=True)
    steps = steps_of(state._replace(machine=machine), world.params(state="disabled"))
    empty = machine._replace(memory=machine.memory._replace(areas=()))
    away = world.state(record=steps[0].action.entry, has_rule=True)._replace(machine=empty)
    assert words(away, all_back(world)) == [
        "take the rule for /swap/file from SELinux (we made it)",
        "remove /swap (we made it; it stays where something else is in it)",
        "forget /swap/file",
    ]


def test_the_rule_is_seen_where_there_is_no_file(tmp_path, world):
    host = Host(str(tmp_path))
    rules = "/swap/file    --    system_u:object_r:swapfile_t:s0\n"
    host.install("/etc/selinux/targeted/contexts/files/file_contexts.local", rules)
    machine = world.machine()._replace(selinux=True, semanage=True)
    assert observe_file(host, machine, world.PATH).has_rule


# -- room on the disk ----------------------------------------------------------------------------------------------


def refused(world, *states):
    with pytest.raises(HighwaterError) as caught:
        resource.resolve(all_back(world), states)
    assert caught.value.reason == "disk"
    return caught.value.message


def test_what_is_ours_is_named_where_it_takes_the_room(world):
    """Fails where nobody says how a small disk gets out of it: what comes back comes before what goes."""
    away = put_away(world, disk=100 * world.MIB)
    ours = world.settled_state(disk=100 * world.MIB)._replace(path="/swap/new")
    other = ours._replace(path="/else", filesystem=ours.filesystem._replace(mount_point="/else"))
    theirs = ours._replace(path="/theirs", record=dict(world.ENTRY, before={"file": True}))
    message = refused(world, away, ours, other, theirs)
    assert message.startswith("path: /swap/file of 512 MiB cannot be given back, since 100 MiB are free")
    assert "take /swap/new away first (state: absent)" in message
    assert "/else" not in message
    assert "/theirs" not in message
    assert "away first" not in refused(world, away)


def test_several_that_come_back_are_summed(world):
    away = put_away(world, disk=1000 * world.MIB)
    states = (away, away._replace(path="/swap/two"))
    assert "path: /swap/file and /swap/two of 1 GiB cannot be given back, since 1000 MiB are free" in refused(
        world, *states
    )
    roomy = [state._replace(filesystem=state.filesystem._replace(free=1 << 30)) for state in states]
    assert resource.resolve(all_back(world), tuple(roomy))


# -- its filesystem ------------------------------------------------------------------------------------------------


def test_its_filesystem_is_not_mounted(world):
    """Fails where the file is made again on the filesystem below, and hidden there by the next boot."""
    disk = "UUID=1-2 /swap ext4 nofail 0 2\n"
    away = put_away(world)
    away = away._replace(table=away.table._replace(text=disk))
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap, for which /etc/fstab") as caught:
        words(away, all_back(world))
    assert caught.value.reason == "not_mounted"
    mounted = away._replace(filesystem=away.filesystem._replace(mount_point="/swap"))
    assert BACK_ON in words(mounted, all_back(world))
    assert words(away, world.params(state="absent"))[-1] == "forget /swap/file"


def test_where_an_earlier_run_has_found_it(world):
    """Without a line of fstab, our record tells it. Fails where putting the file away forgets that."""
    ours = made_ours(world)
    on_disk = ours._replace(record=dict(ours.record, mount_point="/swap"))
    entry = steps_of(on_disk, world.params(state="disabled"))[0].action.entry
    away = world.state(record=entry)
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap, where an earlier run"):
        words(away, all_back(world))
    mounted = away._replace(filesystem=away.filesystem._replace(mount_point="/swap"))
    assert BACK_ON in words(mounted, all_back(world))
