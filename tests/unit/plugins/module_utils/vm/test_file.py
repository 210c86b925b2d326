# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose the file of vm_sysctl is. Fails where what somebody else has written is lost, or where it is written through a
link or to a path that sysctl.d(5) does not read; or where a value before us is lost between two files of ours.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

FILE = "/etc/sysctl.d/90-highwater.conf"


def test_a_file_edited_by_hand(machine):
    machine.run(settings={"swappiness": 10})
    text = machine.text(FILE)
    machine.write(FILE, text.replace("= 10", "= 0x0b ") + "vm.extfrag_threshold=400\nnet.core.somaxconn = 1024\n")
    done = machine.run(settings={"swappiness": 10})
    assert done["actions"] == ["write %s (changes vm.swappiness)" % FILE]
    assert "# not written by this module\nvm.extfrag_threshold = 400\n" in machine.text(FILE)
    assert machine.text(FILE).endswith("net.core.somaxconn = 1024\n")
    assert machine.run(settings={"swappiness": 10})["changed"] is False
    done = machine.run(settings={"swappiness": 10}, exclusive=True)
    assert machine.text(FILE) == text
    assert done["warnings"] == [
        "what vm.extfrag_threshold was before us is not known, so it stays as it is until the next boot"
    ]


def test_somebody_elses_file_is_left_alone(machine):
    machine.write(FILE, "vm.swappiness = 1\n")
    before = machine.everything()
    with pytest.raises(HighwaterError, match="was not made by this module"):
        machine.run(settings={"swappiness": 10})
    machine.run(state="absent")
    assert machine.everything() == before


@pytest.mark.parametrize("how", [{"state": "absent"}, {"settings": {"swappiness": 10}, "persistent": False}])
def test_comments_are_somebody_s_text_too(machine, how):
    """A file with nothing else is taken over, and is back once nothing of ours is in it."""
    text = "# vm.swappiness = 1 made it slow, see ticket 7\n"
    machine.write(FILE, text)
    before = machine.everything()
    machine.run(settings={"swappiness": 10, "page-cluster": 0})
    assert machine.run(settings={"swappiness": 10, "page-cluster": 0})["changed"] is False
    machine.run(settings={"swappiness": 10}, exclusive=True)
    assert text not in machine.text(FILE)
    machine.run(**how)
    assert machine.text(FILE) == text
    assert machine.run(**how)["changed"] is False
    machine.run(state="absent")
    assert machine.everything() == before


def test_the_file_of_the_administrator_is_none_of_ours(machine):
    """systemd-sysctl does not read it, and it is where somebody else writes."""
    before = machine.everything()
    with pytest.raises(
        HighwaterError, match=r"^file: /etc/sysctl\.conf is .*: name a file such as /etc/sysctl\.d/90-h"
    ):
        machine.run(settings={"swappiness": 10}, file="/etc/sysctl.conf")
    assert machine.run(state="absent", file="/etc/sysctl.conf")["changed"] is False
    assert machine.everything() == before


def test_somebody_elses_file_stays_where_only_the_running_kernel_is_set(machine):
    machine.write(FILE, "vm.swappiness = 5\n")
    before = machine.everything()
    assert machine.run(settings={"swappiness": 100}, persistent=False)["changed"] is True
    assert machine.text(FILE) == "vm.swappiness = 5\n"
    assert machine.run(settings={"swappiness": 100}, persistent=False)["changed"] is False
    machine.run(state="absent")
    assert machine.everything() == before


@pytest.mark.parametrize("file", ["sysctl.conf", "/etc/sysctl.d/x", "/etc/sysctl.d/../x.conf"])
def test_paths_that_are_no_sysctl_file(machine, file):
    with pytest.raises(HighwaterError, match=r"file: .* write an absolute path that ends in \.conf"):
        machine.run(settings={"swappiness": 10}, file=file)
    assert machine.live("swappiness") == "60"


def test_a_link_is_refused_before_anything_is_written(machine):
    machine.link(FILE, "../sysctl.conf")
    before = machine.everything()
    with pytest.raises(HighwaterError, match="is a symbolic link"):
        machine.run(settings={"swappiness": 10})
    assert machine.everything() == before


OTHER = "/etc/sysctl.d/95-other.conf"
PAIR = [({"swappiness": 10}, {"swappiness": 20}), ({"dirty_bytes": "64MiB"}, {"dirty_ratio": 30})]


@pytest.mark.parametrize(("first", "second"), PAIR)
def test_a_file_by_another_name_takes_over_what_was_before_the_first(machine, first, second):
    """Option file was changed, so that both are there; and each goes, in whichever order."""
    before = machine.everything()
    machine.run(settings=first)
    machine.run(settings=second, file=OTHER)
    name = next(iter(second))
    value = machine.live(name)
    done = machine.run(state="absent")
    assert (machine.live(name), done["warnings"]) == (value, [])
    assert machine.run(settings=second, file=OTHER)["changed"] is False
    machine.run(state="absent", file=OTHER)
    assert machine.everything() == before


@pytest.mark.parametrize(("first", "second"), PAIR)
def test_the_later_file_goes_first(machine, first, second):
    before = machine.everything()
    machine.run(settings=first)
    machine.run(settings=second, file=OTHER)
    machine.run(state="absent", file=OTHER)
    assert machine.host.read(OTHER) is None
    assert machine.run(settings=first)["changed"] is False
    machine.run(state="absent")
    assert machine.everything() == before


def test_what_was_given_up_for_the_next_boot_in_one_file_and_is_wanted_in_another(machine):
    before = machine.everything()
    machine.run(settings={"swappiness": 10})
    machine.run(state="absent", apply="next_boot")
    machine.run(settings={"swappiness": 20}, file=OTHER)
    assert "before: 60\nvm.swappiness = 20\n" in machine.text(OTHER)
    machine.run(state="absent")
    assert machine.live("swappiness") == "20"
    machine.run(state="absent", file=OTHER)
    assert machine.everything() == before


def test_of_two_files_one_given_up_for_the_next_boot_leaves_nothing_to_give_back(machine):
    before = machine.everything()
    machine.run(settings={"swappiness": 10})
    machine.run(settings={"swappiness": 20}, file=OTHER)
    machine.run(state="absent", apply="next_boot")
    assert machine.run(state="absent")["changed"] is False
    machine.run(state="absent", file=OTHER)
    assert machine.everything() == before


def test_an_image_with_one_file_and_another_on_the_machine_that_it_boots_on(machine):
    """What was before the first is not known, and the second does not take the first's value for it."""
    machine.write("/run/systemd/container", "podman\n")
    machine.run(settings={"swappiness": 10}, apply="next_boot")
    machine.host.remove("/run/systemd/container")
    machine.reboot()
    machine.run(settings={"swappiness": 20}, file=OTHER)
    assert "before: not known\nvm.swappiness = 20\n" in machine.text(OTHER)


EARLIER = "/etc/sysctl.d/80-a.conf"


@pytest.mark.parametrize("gone", ["removed by hand", "for the running kernel only", "masked", "edited by hand"])
def test_what_another_file_of_ours_no_longer_sets_is_not_given_back(machine, gone):
    """Its record is still there; the boot has brought the kernel's own number back."""
    machine.run(settings={"swappiness": 10}, file=EARLIER, persistent=gone != "for the running kernel only")
    if gone in ("removed by hand", "masked"):
        machine.host.remove(EARLIER)
    if gone == "masked":
        machine.link(EARLIER, "/dev/null")
    if gone == "edited by hand":
        machine.write(EARLIER, machine.text(EARLIER).replace("swappiness = 10", "swappiness = 40"))
    machine.defaults["swappiness"] = 33
    machine.reboot()
    machine.run(settings={"swappiness": 5})
    done = machine.run(state="absent")
    assert machine.live("swappiness") == "33"
    assert "set vm.swappiness to 33 (it is 5; that was before us)" in done["actions"]


def test_what_was_before_a_file_of_ours_that_was_removed_by_hand_is_still_known_before_the_next_boot(machine):
    machine.run(settings={"dirty_bytes": "64MiB"}, file=EARLIER)
    machine.host.remove(EARLIER)
    machine.run(settings={"dirty_ratio": 30})
    machine.run(state="absent")
    assert (machine.live("dirty_bytes"), machine.live("dirty_ratio")) == ("0", "20")


@pytest.mark.parametrize("text", ['{"settings": {"swapp', "[]", '{"settings": {"swappiness": {}}}', "a folder"])
def test_a_damaged_record_of_another_file_keeps_nothing_from_this_one(machine, text):
    """Its own call says that it is damaged."""
    path = record.record_path("vm_sysctl", EARLIER)
    machine.write(path + "/x" if text == "a folder" else path, text)
    before = machine.everything()
    machine.run(settings={"swappiness": 5})
    assert machine.run(settings={"swappiness": 5})["changed"] is False
    machine.run(state="absent")
    assert machine.live("swappiness") == "60"
    assert machine.everything() == before
