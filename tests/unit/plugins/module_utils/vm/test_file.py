# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose the file of vm_sysctl is. Fails where what somebody else has written is lost, or where it is written through a
link or to a path that sysctl.d(5) does not read.
"""

from __future__ import annotations

import pytest
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
