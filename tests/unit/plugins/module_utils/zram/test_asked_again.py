# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what was asked of a mount for the next boot is taken for what is mounted now, or where an option that is
taken out again stays."""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.record import BOOT_ID
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource

from .test_cases import DEFAULTS, Machine, lay_out
from .test_folders import BACK, boots, does, noted, steps

COMMIT = dict(BACK, mount_options=["nosuid", "commit=60"])
MOUNTS_ANEW = ["unmount /srv/a/b", "mount /dev/zram0 at /srv/a/b with nosuid,commit=60,discard"]


@pytest.fixture
def machine(tmp_path):
    """Mounted at /srv/a/b with nosuid."""
    machine = Machine(str(tmp_path))
    lay_out(machine, "_ours_filesystem", {})
    machine.install(BOOT_ID, "a boot\n")
    return machine


def test_options_asked_for_the_next_boot_are_not_those_of_now(machine):
    noted(machine, COMMIT)
    assert does(machine, COMMIT)[:2] == MOUNTS_ANEW
    assert options(machine) == ["nosuid", "discard"], "so says the diff"


def test_options_asked_for_the_next_boot_and_taken_out_again_change_nothing(machine):
    noted(machine, COMMIT)
    assert not any("mount" in step for step in does(machine, BACK))


def test_what_is_mounted_comes_back_with_the_options_that_it_had(machine):
    noted(machine, COMMIT)
    (step,) = (step for step in steps(machine, COMMIT) if step.does == MOUNTS_ANEW[0])
    assert step.undo[0].argv[4] == "nosuid,discard"


def test_after_the_boot_they_are_those_of_now(machine):
    noted(machine, COMMIT)
    machine.install(BOOT_ID, "the next boot\n")
    boots(machine, "/srv/a/b")
    assert not any("mount" in step for step in does(machine, COMMIT))
    assert options(machine) == ["nosuid", "commit=60", "discard"]


OPEN = dict(BACK, mount_point="/srv/d", mount_mode="1777", mount_owner="33")
NOT_ASKED = dict(BACK, mount_point="/srv/d")


def chmod(machine, mode):
    os.chmod(machine.path("/srv/d"), mode)


def test_an_owner_and_a_mode_that_are_taken_out_again_are_those_of_the_folder_below(machine):
    """Else a folder stays open to everybody for as long as it is ours."""
    machine.make_folder("/srv/d")
    chmod(machine, 0o750)
    first = noted(machine, OPEN)
    assert first["filesystem"]["before"] == {"owner": 0, "group": 0, "mode": 0o750}
    boots(machine, "/srv/d")
    chmod(machine, 0o1777)
    assert noted(machine, OPEN)["filesystem"] == first["filesystem"], "what is mounted there is not asked"
    assert "set the mode of /srv/d to 0750" in does(machine, NOT_ASKED)
    again = noted(machine, NOT_ASKED)["filesystem"]
    assert (again["owner"], again["mode"], again["before"]) == (0, 0o750, first["filesystem"]["before"])


def test_where_there_was_no_folder_it_is_roots_own(machine):
    noted(machine, OPEN)
    boots(machine, "/srv/d")
    chmod(machine, 0o1777)
    assert "set the mode of /srv/d to 0755" in does(machine, NOT_ASKED)


def test_what_covers_a_folder_is_not_taken_for_it(machine):
    """Back at a place where it still is mounted."""
    noted(machine, NOT_ASKED)
    assert "before" not in noted(machine, BACK)["filesystem"]


def test_of_a_record_that_does_not_say_whose_the_folder_was_nothing_is_made_up(machine):
    """A former version's: the root folder stays as it was asked for."""
    assert "before" not in noted(machine, dict(BACK, mount_mode="0700"))["filesystem"]
    os.chmod(machine.path("/srv/a/b"), 0o700)
    assert not any("mode" in step for step in does(machine, BACK))


def options(machine):
    return resource.managed(resource.observe(machine, dict(DEFAULTS, **BACK)))["zram0"]["mount_options"]
