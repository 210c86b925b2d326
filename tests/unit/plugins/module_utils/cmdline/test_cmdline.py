# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a parameter does not get onto the command line of the next boot, counts for less than another word there,
or leaves a trace when it is taken back. The programs of GRUB are a stand-in here; tests/lab has the real ones."""

from __future__ import annotations

import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported

ENTRY = "/boot/loader/entries/debian-%s.conf"
DEFAULT = "root=UUID=1 ro quiet"


NEVER = {"transparent_hugepage": "never", "slub_max_order": 1}


def test_from_fresh_to_the_next_boot_and_back_without_a_trace(machine):
    fresh = machine.everything()
    told = machine.run(check=True, parameters=NEVER)
    assert machine.everything() == fresh
    done = machine.run(parameters=NEVER)
    assert (done["changed"], done["actions"], done["diff"]) == (True, told["actions"], told["diff"])
    assert done["reboot_required"] is True
    assert "takes effect at the next boot" in done["warnings"][0]
    again = machine.run(parameters=NEVER)
    assert (again["changed"], again["reboot_required"]) == (False, True)
    machine.boot()
    assert machine.host.read("/proc/cmdline") == DEFAULT + " slub_max_order=1 transparent_hugepage=never\n"
    booted = machine.run(parameters=NEVER)
    assert (booted["changed"], booted["reboot_required"], booted["warnings"]) == (False, False, [])
    gone = machine.run(state="absent")
    assert (gone["changed"], gone["reboot_required"]) == (True, True)
    machine.boot()
    assert machine.everything() == fresh
    assert machine.run(state="absent")["changed"] is False


def test_all_entries_and_those_of_new_kernels_have_it(entries):
    entries.write("/etc/kernel/cmdline", DEFAULT + "\n")
    entries.run(parameters=NEVER)
    assert {entries.line(version) for version in ("6.1", "6.12")} == {
        DEFAULT + " slub_max_order=1 transparent_hugepage=never"
    }
    assert entries.host.read("/etc/kernel/cmdline") == DEFAULT + " slub_max_order=1 transparent_hugepage=never\n"


def test_recovery_stays_as_it_was(grub):
    grub.run(parameters=NEVER)
    assert grub.host.read("/boot/grub/grub.cfg").endswith("linux\t/vmlinuz root=UUID=1 ro single\n")


def test_another_value_replaces_ours_and_what_is_not_named_stays(machine):
    machine.run(parameters=NEVER)
    machine.run(parameters={"transparent_hugepage": "madvise"})
    machine.boot()
    line = machine.host.read("/proc/cmdline").split()
    assert sorted(line[3:]) == ["slub_max_order=1", "transparent_hugepage=madvise"]
    machine.run(parameters={"transparent_hugepage": "madvise"}, exclusive=True)
    machine.boot()
    assert machine.host.read("/proc/cmdline").split()[3:] == ["transparent_hugepage=madvise"]
    machine.run(state="absent", parameters={"slub_max_order": None})
    assert machine.run(state="absent", parameters={"transparent_hugepage": None})["changed"] is True


def test_a_word_that_was_there_before_us_stays(entries):
    entries.write(ENTRY % "6.1", "linux /v\noptions root=1 quiet nosmt\n")
    entries.write(ENTRY % "6.12", "linux /v\noptions root=1 quiet nosmt\n")
    fresh = entries.everything()
    entries.run(parameters={"nosmt": None})
    assert entries.line("6.12") == "root=1 quiet nosmt"
    entries.run(state="absent")
    assert entries.everything() == fresh


def test_a_word_of_somebody_else_before_ours_does_not_count(entries):
    entries.write(ENTRY % "6.12", "linux /v\noptions root=1 transparent_hugepage=always\n")
    entries.run(parameters=NEVER)
    assert entries.line("6.12") == "root=1 transparent_hugepage=always slub_max_order=1 transparent_hugepage=never"
    entries.run(state="absent")
    assert entries.line("6.12") == "root=1 transparent_hugepage=always"


def test_a_configuration_that_is_older_than_the_file_is_made_again(grub):
    grub.run(parameters=NEVER)
    grub.write("/boot/grub/grub.cfg", "linux\t/vmlinuz root=UUID=1 ro quiet\n")
    done = grub.run(parameters=NEVER)
    assert [action.split()[0] for action in done["actions"]] == ["run"]
    assert "transparent_hugepage=never" in grub.host.read("/boot/grub/grub.cfg")


def test_where_grub_fails_nothing_is_left_behind(grub):
    fresh = grub.everything()
    grub.fails = True
    with pytest.raises(HighwaterError, match="no space left"):
        grub.run(parameters=NEVER)
    assert grub.everything() == fresh


LATER = "/etc/default/grub.d/99-z.cfg"


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ("quiet", r"slub_max_order=1 transparent_hugepage=never would not be on the line: "),
        ("$(echo quiet)", r"slub_max_order=1 transparent_hugepage=never is not on the line that GRUB made: "),
        (
            "$GRUB_CMDLINE_LINUX_DEFAULT slub_max_order=0",
            r"slub_max_order=1 does not count on the line that GRUB made: ",
        ),
    ],
)
def test_a_later_file_that_wins_is_named_and_nothing_is_left_behind(grub, later, message):
    grub.write(LATER, '# by somebody\nGRUB_CMDLINE_LINUX_DEFAULT="%s"\n' % later)
    grub.mkconfig()
    fresh = grub.everything()
    with pytest.raises(HighwaterError) as caught:
        grub.run(parameters=NEVER)
    where = r"%s, line 2, sets GRUB_CMDLINE_LINUX_DEFAULT after ours: "
    assert re.search(message + where % re.escape(LATER), caught.value.message)
    assert "by hand" not in caught.value.message
    assert caught.value.reason == "overridden"
    assert grub.everything() == fresh
    assert grub.run(state="absent")["changed"] is False


def test_a_later_file_that_appends_takes_nothing_from_us(grub):
    grub.write(LATER, 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT nosmt"\n')
    grub.run(parameters=NEVER)
    assert grub.run(parameters=NEVER)["changed"] is False


def test_check_mode_refuses_what_the_real_run_would(grub):
    grub.write(LATER, 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    grub.mkconfig()
    with pytest.raises(
        HighwaterError, match=r"transparent_hugepage=never would not be on the line: .*99-z\.cfg, line 1"
    ):
        grub.run(check=True, parameters=NEVER)
    assert grub.ran == 0


@pytest.mark.parametrize(
    "later",
    [
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet slub_max_order=1 transparent_hugepage=never"\n',
        'if false; then\n  GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nfi\n',
        'GRUB_CMDLINE_LINUX_DEFAULT="${GRUB_CMDLINE_LINUX_DEFAULT} quiet"\n',
        'GRUB_CMDLINE_LINUX_DEFAULT+=" quiet"\n',
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet \\\n$GRUB_CMDLINE_LINUX_DEFAULT"\n',
        'GRUB_CMDLINE_LINUX_DEFAULT=quiet\nGRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT $MORE"\n',
    ],
)
def test_what_only_a_shell_can_tell_is_left_to_grub_s_own_program(grub, later):
    """The first says the same as we do."""
    grub.write(LATER, later)
    assert grub.run(check=True, parameters=NEVER)["changed"] is True


def test_what_is_taken_back_is_not_refused_for_a_later_file(grub):
    grub.run(parameters=NEVER)
    grub.write(LATER, 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    grub.mkconfig()
    grub.run(state="absent")
    assert grub.host.read("/etc/default/grub.d/90-highwater.cfg") is None


def test_a_later_file_that_came_after_us_is_named(grub):
    """What it was before us stays in the record, for absent."""
    grub.run(parameters=NEVER)
    grub.write(LATER, 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    grub.mkconfig()
    before = grub.everything()
    with pytest.raises(HighwaterError, match=r"99-z\.cfg, line 1, sets"):
        grub.run(parameters=NEVER)
    assert grub.everything() == before


def test_a_later_file_takes_nothing_from_a_word_that_stands_elsewhere_on_the_line(grub):
    """In GRUB_CMDLINE_LINUX, which no line on the other variable touches."""
    grub.write(LATER, 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    mkconfig = grub.mkconfig

    def with_the_word():
        mkconfig()
        config = grub.host.must_read("/boot/grub/grub.cfg")
        grub.write("/boot/grub/grub.cfg", config.replace("UUID=1 ro", "UUID=1 ro nosmt"))

    grub.mkconfig = with_the_word
    grub.mkconfig()
    assert grub.run(parameters={"nosmt": None})["parameters"]["nosmt"]["next_boot"] == "nosmt"
    assert grub.run(parameters={"nosmt": None})["changed"] is False
    with pytest.raises(HighwaterError, match=r"^transparent_hugepage=never would not be on the line"):
        grub.run(parameters={"transparent_hugepage": "never"})


def test_a_word_that_gets_lost_on_the_way_is_said_without_a_file_to_blame(grub):
    grub.mkconfig = lambda: None
    with pytest.raises(HighwaterError, match=r"is not on the line that GRUB made: look in .*/etc/grub\.d"):
        grub.run(parameters=NEVER)


def test_where_grub_fails_there_is_nothing_to_do_by_hand(grub):
    grub.fails = True
    with pytest.raises(HighwaterError) as caught:
        grub.run(parameters=NEVER)
    assert "by hand" not in caught.value.message
    assert grub.ran == 1


@pytest.mark.parametrize(
    ("parameters", "words", "reason"),
    [
        ({"root": "/dev/sda1"}, "root is what the machine boots by", "guard"),
        ({"init": "/bin/sh"}, "init is what the machine boots by", "guard"),
        ({"a b": 1}, "'a b' is no name", "options"),
        ({"": 1}, "'' is no name", "options"),
        ({"x": "$(reboot)"}, "cannot stand on a command line", "options"),
        ({"x": 'a"b'}, "cannot stand on a command line", "options"),
        ({"x": "a b"}, "cannot stand on a command line", "options"),
        ({"x": "a\n"}, "cannot stand on a command line", "options"),
        ({"x": "a;b"}, "cannot stand on a command line", "options"),  # GRUB takes what follows for a command
        ({"x": ""}, "cannot stand on a command line", "options"),
        ({"x": ["a"]}, "cannot stand on a command line", "options"),
    ],
)
def test_bad_input(grub, parameters, words, reason):
    fresh = grub.everything()
    with pytest.raises(HighwaterError, match=re.escape(words)) as caught:
        grub.run(parameters=parameters)
    assert caught.value.reason == reason
    assert grub.everything() == fresh


@pytest.mark.parametrize(
    ("value", "word"), [(None, "x"), (True, "x=1"), (False, "x=0"), (8, "x=8"), ("a=b,c", "x=a=b,c")]
)
def test_how_a_value_stands_on_the_line(grub, value, word):
    grub.run(parameters={"x": value})
    assert grub.host.read("/boot/grub/grub.cfg").splitlines()[0].split()[-1] == word


@pytest.mark.parametrize("mkconfig", [None, "for x in /etc/default/grub; do\n"])
def test_a_boot_loader_that_is_not_known(entries, tmp_path, mkconfig):
    for version in ("6.1", "6.12"):
        (tmp_path / (ENTRY % version).lstrip("/")).unlink()
    if mkconfig:
        entries.write("/usr/sbin/grub-mkconfig", mkconfig)
        entries.write("/boot/grub/grub.cfg", "")
    with pytest.raises(Unsupported, match="neither a GRUB that reads") as caught:
        entries.run(parameters=NEVER)
    assert caught.value.reason == "boot_loader"
    assert entries.run(state="absent")["changed"] is False


def test_fedora_s_grub_reads_entries(entries):
    entries.write("/boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n")
    assert entries.run(parameters=NEVER)["boot_loader"] == "boot loader entries"


def test_dashes_and_underscores_are_the_same_in_a_name(machine):
    """To the kernel (parameq() of kernel/params.c): of two spellings only the last word would count."""
    fresh = machine.everything()
    machine.run(parameters={"zswap.max-pool-percent": 20, "nosmt": None})
    machine.run(parameters={"zswap.max_pool_percent": 30})
    assert machine.next_boot() == ["nosmt", "zswap.max_pool_percent=30"]
    assert machine.run(parameters={"zswap.max_pool_percent": 30})["reboot_required"] is False
    machine.run(state="absent", parameters={"zswap.max-pool-percent": None})
    assert machine.next_boot() == ["nosmt"]
    machine.run(state="absent")
    machine.boot()
    assert machine.everything() == fresh


def test_one_parameter_in_two_spellings_is_refused(machine):
    with pytest.raises(HighwaterError, match=r"parameters: a-b and a_b are the same to the kernel: name it once"):
        machine.run(parameters={"a_b": 1, "a-b": 2})


def test_a_word_of_somebody_else_in_another_spelling_counts_as_that_parameter(entries):
    entries.write(ENTRY % "6.12", "linux /v\noptions root=1 slub-max-order=2\n")
    entries.run(parameters={"slub_max_order": 1})
    assert entries.line("6.12") == "root=1 slub-max-order=2 slub_max_order=1"
    entries.write(ENTRY % "6.12", "linux /v\noptions root=1 slub_max_order=1 slub-max-order=2\n")
    entries.run(parameters={"slub_max_order": 1})
    assert entries.line("6.12").split()[-1] == "slub_max_order=1"


def test_a_record_with_one_parameter_in_two_spellings(machine):
    """As earlier versions allowed: the later on the line counts, and the other goes."""
    machine.run(parameters={"a_b": 2, "nosmt": None})
    entry = record.recall(machine.host, "kernel_command_line", "parameters")
    entry["words"] = dict(entry["words"], **{"a-b": "a-b=1"})
    record.Remember("kernel_command_line", "parameters", entry).perform(machine.host)
    machine.run(parameters={"nosmt": None})
    assert machine.run(parameters={"nosmt": None})["changed"] is False
    assert machine.next_boot() == ["a_b=2", "nosmt"]
    machine.run(state="absent")
    assert machine.next_boot() == []
