# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a word that stood on a line before us is taken off, or where one that has gone from there is not set."""

from __future__ import annotations

import json

import pytest

RECORD = "/var/lib/highwater/memory/kernel_command_line/parameters.json"
OLD, NEW = "/boot/loader/entries/debian-6.1.conf", "/boot/loader/entries/debian-6.12.conf"
KERNEL_INSTALL = "/etc/kernel/cmdline"
NOSMT, FORCE = {"nosmt": None}, {"nosmt": "force"}


def entry(line):
    return "title Debian\nlinux /v\noptions %s\n" % line


def theirs(machine, *words):
    """The entries as the user has them."""
    for path in (OLD, NEW):
        machine.write(path, entry(" ".join(("root=1", *words))))


def test_what_the_user_has_taken_out_of_etc_default_grub_is_ours_from_then_on(grub):
    """Fails where a word that was there before us can never be set again, or stays when ours is taken back."""
    fresh = grub.everything()
    grub.default = "quiet nosmt"
    grub.mkconfig()
    grub.run(parameters=NOSMT)
    assert grub.host.listdir("/etc/default/grub.d") == []
    grub.default = "quiet"
    grub.mkconfig()
    assert grub.run(parameters=NOSMT)["changed"] is True
    assert grub.next_boot() == ["nosmt"]
    assert grub.run(parameters=NOSMT)["changed"] is False
    grub.write("/proc/cmdline", "root=UUID=1 ro quiet\n")
    grub.run(state="absent")
    assert set(grub.everything()) == set(fresh)
    assert grub.next_boot() == []


def test_what_the_user_has_taken_out_of_the_entries_is_ours_from_then_on(entries):
    """Fails where the word is in no file, or in one of two, and the module says that all is well."""
    theirs(entries, "nosmt")
    entries.run(parameters=NOSMT)
    entries.write(NEW, entry("root=1"))
    assert entries.run(parameters=NOSMT)["changed"] is True
    assert (entries.line("6.1"), entries.line("6.12")) == ("root=1 nosmt", "root=1 nosmt")
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(state="absent")
    assert (entries.line("6.1"), entries.line("6.12")) == ("root=1 nosmt", "root=1")


def test_a_word_that_is_in_some_of_the_files_stays_there(entries):
    """Fails where the user's own word goes because it was not everywhere."""
    theirs(entries, "nosmt")
    entries.write(KERNEL_INSTALL, "root=1\n")
    fresh = entries.everything()
    entries.run(parameters=NOSMT)
    assert entries.host.read(KERNEL_INSTALL) == "root=1 nosmt\n"
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(state="absent")
    assert entries.everything() == fresh


def test_an_entry_of_another_system_makes_nobody_s_word_ours(entries):
    """Fails where memtest, which has no command line, costs the user the word of all others."""
    theirs(entries, "nosmt")
    entries.write("/boot/loader/entries/memtest.conf", "title Memtest\nefi /memtest.efi\n")
    fresh = entries.everything()
    entries.run(parameters=NOSMT)
    entries.run(state="absent")
    assert entries.everything() == fresh


@pytest.mark.parametrize(("line", "after"), [("root=1 nosmt\n", "root=1 nosmt"), ("root=1\n", "root=1")])
def test_a_kernel_that_came_after_us(entries, line, after):
    """Fails where the entry of a new kernel keeps what it has from us, loses what it has from the user, or where it
    alone makes a run say that something changed."""
    theirs(entries, "nosmt")
    entries.write(OLD, entry("root=1"))
    entries.write(KERNEL_INSTALL, line)
    entries.run(parameters=NOSMT)
    entries.write("/boot/loader/entries/debian-6.13.conf", entry("root=1 nosmt"))
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(state="absent")
    assert entries.line("6.13") == after
    assert (entries.line("6.1"), entries.line("6.12")) == ("root=1", "root=1 nosmt")


def test_a_kernel_that_came_after_us_without_kernel_install_s_file(entries):
    """Fails where its entry, made from the line of the others, loses what all of them had before us."""
    theirs(entries, "nosmt")
    entries.run(parameters={"x": 1, **NOSMT})
    entries.write("/boot/loader/entries/debian-6.13.conf", entry("root=1 nosmt x=1"))
    assert entries.run(parameters={"x": 1, **NOSMT})["changed"] is False
    entries.run(state="absent")
    assert entries.line("6.13") == "root=1 nosmt"


def test_another_value_over_theirs_and_back(entries):
    """Fails where the user's word is ours once another value stood over it for a while."""
    theirs(entries, "nosmt")
    fresh = entries.everything()
    for asked in (NOSMT, FORCE, NOSMT):
        entries.run(parameters=asked)
    assert entries.line("6.12") == "root=1 nosmt"
    entries.run(state="absent")
    assert entries.everything() == fresh


def test_a_word_in_the_first_of_two_options_lines(entries):
    """Fails where it is put on the last line as well, or is taken off one of them."""
    for path in (OLD, NEW):
        entries.write(path, "linux /v\noptions root=1 nosmt\noptions quiet\n")
    fresh = entries.everything()
    entries.run(parameters=NOSMT)
    assert {path: text for path, text in entries.everything().items() if "highwater" not in path} == fresh
    entries.run(state="absent")
    assert entries.everything() == fresh


def test_a_record_of_before_paths_were_told_apart(entries):
    """Fails where its names no longer count for all files, or where it is written anew though nothing changed."""
    theirs(entries, "nosmt", "x=1")
    record = {"words": {"nosmt": "nosmt", "x": "x=1"}, "theirs": ["nosmt"]}
    entries.write(RECORD, json.dumps(record))
    before = entries.everything()
    assert entries.run(parameters={"x": 1, **NOSMT})["changed"] is False
    assert entries.everything() == before
    entries.run(state="absent")
    assert (entries.line("6.1"), entries.line("6.12")) == ("root=1 nosmt", "root=1 nosmt")


def test_a_record_of_grub_s_of_before_paths_were_told_apart(grub):
    """Fails where a word that it says was there before us is written into our file."""
    grub.default = "quiet nosmt"
    grub.mkconfig()
    grub.write(RECORD, json.dumps({"words": {"nosmt": "nosmt"}, "theirs": ["nosmt"]}))
    assert grub.run(parameters=NOSMT)["changed"] is False
    grub.run(state="absent")
    assert grub.next_boot() == ["nosmt"]


def test_an_entry_whose_tries_systemd_boot_counts(entries):
    """Fails where the user's word goes with the entry's first good boot, which takes the count out of its name."""
    counted = "/boot/loader/entries/debian-6.13+2-1.conf"
    entries.write(counted, entry("root=1 nosmt"))
    entries.write(KERNEL_INSTALL, "root=1\n")
    entries.run(parameters=NOSMT)
    (entries.folder / counted[1:]).rename(entries.folder / "boot/loader/entries/debian-6.13.conf")
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(state="absent")
    assert entries.line("6.13") == "root=1 nosmt"


def test_a_word_that_grub_has_already_beside_our_file(grub):
    """Fails where it is put there twice, or where it is ours though it was there before us."""
    grub.run(parameters={"x": 1})
    grub.default = "quiet nosmt"
    grub.mkconfig()
    grub.run(parameters=NOSMT)
    assert grub.next_boot() == ["nosmt", "x=1"]
    grub.default = "quiet"
    grub.mkconfig()
    grub.run(parameters=NOSMT)
    assert grub.next_boot() == ["nosmt", "x=1"]


VENDOR = "/usr/lib/kernel/cmdline"


@pytest.mark.parametrize("text", ["root=1 quiet\n", "root=1\nquiet"])
def test_a_command_line_that_a_package_has_for_new_kernels(entries, text):
    """kernel-install reads it where there is none in /etc. Fails where entries of new kernels come without our words,
    or where a copy of it stays behind."""
    entries.write(VENDOR, text)
    fresh = entries.everything()
    assert KERNEL_INSTALL in entries.run(parameters=NOSMT)["files"]
    assert entries.host.read(KERNEL_INSTALL) == "root=1 quiet nosmt\n"
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(parameters=FORCE)
    assert entries.host.read(KERNEL_INSTALL) == "root=1 quiet nosmt=force\n"
    entries.run(state="absent")
    assert entries.everything() == fresh


def test_a_word_that_a_package_has_for_new_kernels_already(entries):
    entries.write(VENDOR, "root=1 nosmt\n")
    fresh = entries.everything()
    entries.run(parameters=NOSMT)
    assert entries.host.read(KERNEL_INSTALL) is None
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(state="absent")
    assert entries.everything() == fresh


def test_a_copy_of_it_that_the_user_has_made_stays(entries):
    entries.write(VENDOR, "root=1 quiet\n")
    entries.write(KERNEL_INSTALL, "root=1 quiet\n")
    assert entries.run(state="absent")["changed"] is False
    assert entries.host.read(KERNEL_INSTALL) == "root=1 quiet\n"
