# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a folder that was made to mount at is forgotten when the next boot mounts elsewhere, or where one goes
that somebody uses."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.record import recall
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND

from .test_cases import DEFAULTS, Machine, lay_out

ROOT = "21 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
OURS = ROOT + "36 21 253:0 / %s rw,nosuid,relatime - ext4 /dev/zram0 rw,discard\n"
SWAP = {"size": "64MiB"}
BACK = dict(SWAP, fstype="ext4", mount_point="/srv/a/b", mount_options=["nosuid"])
MOVED = dict(BACK, mount_point="/srv/c")
GONE = {"state": "absent"}
REMOVED = "remove the folder /srv/a/b"


@pytest.fixture
def machine(tmp_path):
    """Mounted at /srv/a/b, for which /srv/a was made."""
    machine = Machine(str(tmp_path))
    lay_out(machine, "_ours_filesystem", {})
    return machine


def steps(machine, options, **more):
    params = dict(DEFAULTS, **options, **more)
    states = resource.observe(machine, params)
    return resource.plan(resource.resolve(params, states), states)


def does(machine, options, **more):
    return [step.does for step in steps(machine, options, **more)]


def performed(machine, options, **more):
    """What of these steps concerns folders and the record, performed: no other leaves the sample tree alone."""
    found = [step for step in steps(machine, options, **more) if step.does.startswith(("remember ", "remove the f"))]
    for step in found:
        step.action.perform(machine)
    return [step.does for step in found]


def noted(machine, options):
    """What the record says once this has been asked for the next boot."""
    performed(machine, options, apply="next_boot")
    return recall(machine, KIND, "zram0")


def boots(machine, at):
    machine.install("/proc/self/mountinfo", OURS % at if at else ROOT)
    if at:
        machine.make_folder(at)
    else:
        machine.install("/proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 65532 0 100\n")
        machine.install("/dev/zram0", "")


@pytest.mark.parametrize(("asked", "at"), [(MOVED, "/srv/c"), (SWAP, "")], ids=["moved", "swap"])
def test_the_former_folder_goes_after_the_boot(machine, asked, at):
    assert noted(machine, asked)["folders"] == [["/srv/a/b", "/srv/a"]]
    assert performed(machine, asked, apply="next_boot") == [], "noted once"
    boots(machine, at)
    assert performed(machine, asked)[:1] == [REMOVED]
    assert not machine.exists("/srv/a")
    assert "folders" not in recall(machine, KIND, "zram0")
    assert performed(machine, asked) == []


@pytest.mark.parametrize(("asked", "at"), [(MOVED, "/srv/c"), (SWAP, "")], ids=["moved", "swap"])
def test_the_former_folder_goes_with_the_device(machine, asked, at):
    noted(machine, asked)
    assert REMOVED in does(machine, GONE)
    boots(machine, at)
    assert REMOVED in does(machine, GONE)


@pytest.mark.parametrize("asked", [MOVED, SWAP], ids=["moved", "swap"])
def test_the_former_folder_goes_where_it_is_asked_for_now_after_all(machine, asked):
    noted(machine, asked)
    found = does(machine, asked)
    assert found.count(REMOVED) == 1
    assert found[0].startswith("unmount /srv/a/b")


def test_a_folder_that_is_asked_for_again_is_still_one_that_we_made(machine):
    noted(machine, MOVED)
    again = noted(machine, BACK)
    assert again["filesystem"]["made"] == "/srv/a"
    assert "folders" not in again, "no other was made yet"


def test_a_folder_beside_it_is_below_one_that_we_made(machine):
    noted(machine, MOVED)
    assert noted(machine, dict(MOVED, mount_point="/srv/a/d"))["filesystem"]["made"] == "/srv/a"


def test_a_folder_at_which_somebody_has_mounted_something_is_theirs_by_now(machine):
    noted(machine, MOVED)
    boots(machine, "/srv/c")
    machine.install("/proc/self/mountinfo", OURS % "/srv/c" + "40 21 0:40 / /srv/a/b rw - tmpfs tmpfs rw\n")
    assert REMOVED not in does(machine, MOVED)
    assert REMOVED not in does(machine, GONE)
