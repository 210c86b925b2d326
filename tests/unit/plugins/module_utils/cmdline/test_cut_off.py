# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a run that was killed between two of its steps leaves a word on the command line that no later run takes
off, or takes one off that was there before us."""

from __future__ import annotations

import json

import pytest

RECORD = "/var/lib/highwater/memory/kernel_command_line/parameters.json"
NEVER, MADVISE = {"transparent_hugepage": "never"}, {"transparent_hugepage": "madvise"}
CHANGES = [
    pytest.param(NEVER, {"parameters": MADVISE}, ["transparent_hugepage=madvise"], id="another value"),
    pytest.param(
        {"nosmt": None, **NEVER},
        {"parameters": NEVER, "exclusive": True},
        ["transparent_hugepage=never"],
        id="exclusive",
    ),
    pytest.param(
        {"nosmt": None, **NEVER},
        {"parameters": {"nosmt": None}, "state": "absent"},
        ["transparent_hugepage=never"],
        id="one absent",
    ),
    pytest.param(NEVER, {"state": "absent"}, [], id="absent"),
    pytest.param({}, {"parameters": NEVER}, ["transparent_hugepage=never"], id="fresh"),
]


def each_cut(machine, first, change):
    """The machine after a run that was killed before each step of a change, and after its last one, in turn."""
    start = dict(machine.everything())
    number, more = 0, True
    while more:
        for path in machine.everything():
            (machine.folder / path[len(str(machine.folder)) + 1 :]).unlink()
        for path, text in start.items():
            machine.write(path[len(str(machine.folder)) :], text)
        machine.run(parameters=first)
        more = machine.cut_off(number, **change)
        yield number
        number += 1


@pytest.mark.parametrize(("first", "change", "words"), CHANGES)
def test_the_same_run_again_ends_as_one_that_was_not_killed(machine, first, change, words):
    """Fails where what was to go stays on a line or in a file, or where absent leaves anything of either run."""
    fresh = machine.everything()
    for number in each_cut(machine, first, change):
        machine.run(**change)
        assert machine.next_boot() == words, number
        machine.write("/proc/cmdline", "root=UUID=1 ro quiet\n")
        assert machine.run(**change)["changed"] is False, number
        machine.run(state="absent")
        assert machine.everything() == fresh, number


@pytest.mark.parametrize(("first", "change", "words"), CHANGES)
def test_absent_leaves_nothing_of_a_killed_run(machine, first, change, words):
    """Fails where the record has let go of a word that a file, or GRUB's configuration, still has."""
    fresh = machine.everything()
    for number in each_cut(machine, first, change):
        machine.run(state="absent")
        assert machine.everything() == fresh, number


@pytest.mark.parametrize(("first", "change", "words"), CHANGES)
def test_back_to_what_was_asked_before(machine, first, change, words):
    """Fails where a word that was on its way out, and is asked for again, is taken for somebody else's or gets lost."""
    fresh = machine.everything()
    for number in each_cut(machine, first, change):
        machine.run(parameters=first, exclusive=True)
        assert sorted(word.split("=")[0] for word in machine.next_boot()) == sorted(first), number
        assert "transparent_hugepage=madvise" not in machine.next_boot()
        machine.write("/proc/cmdline", "root=UUID=1 ro quiet\n")
        machine.run(state="absent")
        assert machine.everything() == fresh, number


@pytest.mark.parametrize(("first", "change", "words"), CHANGES)
def test_a_killed_run_takes_no_word_of_somebody_else_s(entries, first, change, words):
    """Fails where the second run takes the same word off a file twice, once for each."""
    theirs = "root=UUID=1 ro quiet nosmt transparent_hugepage=never nosmt=force transparent_hugepage=always"
    for version in ("6.1", "6.12"):
        entries.write("/boot/loader/entries/debian-%s.conf" % version, "linux /v\noptions %s\n" % theirs)
    fresh = entries.everything()
    for number in each_cut(entries, first, change):
        entries.run(**change)
        entries.run(state="absent")
        assert entries.everything() == fresh, number


def test_a_word_that_goes_is_told_until_it_is_gone(entries):
    """Fails where the record lets go of it before the files do, or where the second run does not say what goes."""
    entries.run(parameters=NEVER)
    entries.cut_off(1, parameters=MADVISE)
    assert json.loads(entries.host.must_read(RECORD))["going"] == ["transparent_hugepage=never"]
    done = entries.run(parameters=MADVISE)
    assert done["actions"][0].startswith("write /boot/loader/entries/debian-6.1.conf (transparent_hugepage=madvise")
    assert "without transparent_hugepage=never" in done["actions"][0]
    assert done["actions"][-1] == "forget transparent_hugepage=never (it is gone)"
    assert "going" not in json.loads(entries.host.must_read(RECORD))


def test_a_configuration_of_grub_s_that_was_not_finished_is_made_again(grub):
    """Fails where a run that was killed in grub-mkconfig leaves a word that went with the next boot's line."""
    grub.run(parameters={"nosmt": None, **NEVER})
    assert grub.cut_off(2, parameters=NEVER, exclusive=True)
    assert sorted(grub.next_boot()) == ["nosmt", "transparent_hugepage=never"]
    done = grub.run(parameters=NEVER, exclusive=True)
    assert [action.split()[0] for action in done["actions"]] == ["run", "forget"]
    assert grub.next_boot() == ["transparent_hugepage=never"]
