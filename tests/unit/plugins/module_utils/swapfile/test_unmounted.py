# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a swapfile is written into the empty folder on which its filesystem is not mounted."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import Filesystem

from .conftest import all_back, steps_of

DISK = "UUID=1-2 /swap ext4 %s 0 2\n"


def mounted(world, state, at):
    return state._replace(filesystem=Filesystem("ext4", at, 10 * world.GIB, 5 * world.GIB))


@pytest.mark.parametrize("options", ["defaults", "nofail", "noauto,x-systemd.automount"])
def test_what_fstab_mounts_there_is_not_mounted(world, options):
    state = world.state(fstab=DISK % options)
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap, for which /etc/fstab") as caught:
        steps_of(state, world.params())
    assert caught.value.reason == "not_mounted"
    assert steps_of(mounted(world, state, "/swap"), world.params())


@pytest.mark.parametrize(
    "fstab",
    [
        DISK % "noauto",  # a boot does not mount it either
        "UUID=1-2 / ext4 defaults 0 1\n",
        "UUID=1-2 /swap/f ext4 defaults 0 2\n",
        "/swap/file none swap sw 0 0\n",
        "/dev/vdb1 /swap swap sw 0 0\n",
    ],
)
def test_what_says_nothing_of_it(world, fstab):
    assert steps_of(world.state(fstab=fstab), world.params())


def test_a_filesystem_that_goes_while_zeros_are_written(world):
    """Without a line in fstab our record tells the next call. Fails where that begins anew on what is below."""
    state = mounted(world, world.state(), "/swap")
    next_call = world.state(record=steps_of(state, world.params())[0].action.entry)
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap, where an earlier run") as caught:
        steps_of(next_call, world.params())
    assert caught.value.reason == "not_mounted"
    assert steps_of(mounted(world, next_call, "/swap"), world.params())
    assert steps_of(next_call, world.params(state="absent"))[-1].does == "forget /swap/file"


@pytest.mark.parametrize("noted", [{}, {"mount_point": "/swap"}], ids=["made before that was noted", "noted"])
def test_a_second_run_has_nothing_to_note(world, noted):
    state = mounted(world, world.settled_state(record=dict(world.ENTRY, **noted)), "/swap")
    assert steps_of(state, world.params()) == ()


def test_a_file_that_is_there_is_on_no_filesystem_that_is_missing(world):
    """A disk of a folder above that is gone for good, as cloud-init's of /mnt. Fails where a converged host fails."""
    gone = DISK % "defaults,nofail"
    converged = world.settled_state(fstab=gone + world.OURS)
    assert steps_of(converged, world.params()) == ()
    assert steps_of(world.settled_state(fstab=gone + world.OURS, areas=[]), world.params()), "ours, off"
    theirs = world.settled_state(fstab=gone + world.OURS, record={})
    assert steps_of(theirs, world.params()), "somebody's, on"


@pytest.mark.parametrize("inode", [13, None], ids=["another file", "none"])
def test_one_that_is_not_ours_and_off_says_nothing_of_it(world, inode):
    found = world.found(inode=inode) if inode else None
    state = world.settled_state(fstab=(DISK % "nofail") + world.OURS, areas=[], found=found, draft=world.found())
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap"):
        steps_of(state, world.params())


@pytest.mark.parametrize("noted", [None, {"inode": 11}, {"inode": None, "disabled": True}])
def test_a_file_that_was_taken_over_on_a_filesystem_that_goes(world, noted):
    """Mounted by a unit or an agent, without a line in fstab. Fails where the next run makes it on the one below."""
    record = dict(world.ENTRY, **noted) if noted else {}
    state = mounted(world, world.settled_state(record=record), "/swap")
    kept = steps_of(state, world.params())[0].action.entry
    assert kept["mount_point"] == "/swap"
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap, where an earlier run"):
        steps_of(world.state(record=kept, fstab=world.OURS), world.params())


def test_a_file_that_was_put_away_on_a_filesystem_that_goes(world):
    state = mounted(world, world.settled_state(record={}), "/swap")
    kept = steps_of(state, world.params(state="disabled"))[0].action.entry
    with pytest.raises(HighwaterError, match="no filesystem is mounted at /swap, where an earlier run"):
        steps_of(world.state(record=kept), all_back(world))
    assert steps_of(mounted(world, world.state(record=kept), "/swap"), all_back(world))


def test_where_a_file_that_was_put_away_was_stays_known(world):
    """Also once its filesystem is gone, and its line is written and put away once more."""
    state = mounted(world, world.settled_state(record={}), "/swap")
    kept = steps_of(state, world.params(state="disabled"))[0].action.entry
    again = steps_of(world.state(record=kept, fstab=world.OURS), world.params(state="disabled"))
    assert [step.does for step in again] == ["take the entry of /swap/file out of /etc/fstab", "reload systemd"]


def test_the_root_is_no_mount_point_to_note(world):
    state = world.settled_state(record={})
    for asked in ("present", "disabled"):
        assert "mount_point" not in steps_of(state, world.params(state=asked))[0].action.entry


def warned(state, options):
    specs = resource.resolve(options, (state,))
    gone = state._replace(record={}, table=state.table._replace(text=""))  # as warnings are told of the state after
    return resource.warnings(specs, (gone,))


@pytest.mark.parametrize("every", [False, True], ids=["path", "all"])
@pytest.mark.parametrize("noted", [False, True], ids=["fstab", "an earlier run"])
def test_a_file_that_cannot_be_removed_is_told_of(world, noted, every):
    """A disk that is gone for good must not keep a host from being cleaned. Fails where the file stays, what we know of
    it goes, and nothing says so.
    """
    record = dict(world.ENTRY, mount_point="/swap") if noted else world.ENTRY
    fstab = world.OURS if noted else DISK % "nofail" + world.OURS
    state = world.settled_state(areas=[], found=None, header=None, record=record, fstab=fstab)
    options = all_back(world) if every else world.params(state="absent")
    assert steps_of(state, options)[-1].does == "forget /swap/file"
    (said,) = warned(state, options)
    by = "where an earlier run has found one" if noted else "for which /etc/fstab has one"
    assert said.startswith("path: no filesystem is mounted at /swap, %s, so that /swap/file stays on it" % by)
    assert warned(mounted(world, state, "/swap"), options) == []


def test_what_is_not_told_of(world):
    """What we know nothing of, what stays in any case, what was removed before, and what does not go at all."""
    gone = {"areas": [], "found": None, "header": None}
    absent, fstab = world.params(state="absent"), DISK % "nofail"
    assert warned(world.state(fstab=fstab), absent) == []
    theirs = dict(world.ENTRY, before=dict(world.ENTRY["before"], file=True))
    assert warned(world.settled_state(record=theirs, fstab=fstab, **gone), all_back(world)) == []
    put_away = dict(theirs, disabled=True)
    assert warned(world.settled_state(record=put_away, fstab=fstab, **gone), absent) == []
    held = warned(world.settled_state(fstab=fstab, **gone), dict(absent, hold_back="it is on zfs"))
    assert len(held) == 1
    assert "it is on zfs" in held[0]
