# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be asked for, and what is said where it may not.

Fails where a request that changes nothing is taken, where a profile that does not apply here fails for what this kernel
lacks, where an error advises what does not help, or where a file without a single setting is taken for somebody's.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

FILE = "/etc/sysctl.d/90-highwater.conf"
COMMENTS = ["", "\n\n", "# by somebody\n; vm.swappiness = 1\n"]


def test_neither_now_nor_at_the_next_boot_is_nothing(machine):
    before = machine.everything()
    with pytest.raises(HighwaterError, match=r"^persistent: false with apply: next_boot .* leave one of the two out$"):
        machine.run(settings={"swappiness": 10}, persistent=False, apply="next_boot")
    assert machine.everything() == before
    machine.run(settings={"swappiness": 10})
    machine.run(state="absent", persistent=False, apply="next_boot")
    assert machine.text(FILE) is None


def profile(when, **settings):
    return {"name": "mine", "when": when, "settings": settings, "on_top_of": []}


def test_what_this_kernel_lacks_counts_in_profiles_that_apply(machine):
    done = machine.run(profiles=[profile("zram_swap", defrag_mode=1)], settings={"swappiness": 10})
    assert done["unknown_settings"] == []
    machine.swap("/dev/zram0")
    with pytest.raises(HighwaterError, match=r"has no vm\.defrag_mode"):
        machine.run(profiles=[profile("zram_swap", defrag_mode=1)])
    assert machine.run(profiles=[profile("zram_swap", defrag_mode=1)], unknown="skip")["unknown_settings"] == [
        "vm.defrag_mode"
    ]


def test_what_is_wrong_everywhere_is_wrong_in_a_profile_that_does_not_apply(machine):
    for settings in ({"defrag_mode": 2}, {"swappiness": "sixty"}, {"net.core.somaxconn": 1}):
        with pytest.raises(HighwaterError):
            machine.run(profiles=[profile("zram_swap", **settings)])


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("defrag_mode", "which came with Linux 6.15: leave it out, or say unknown: skip"),
        ("hugetlb_shm_group", "this kernel (6.12) has no vm.hugetlb_shm_group: leave it out, or say unknown: skip"),
        ("swapiness", "it has vm.swappiness: correct the name, or say unknown: skip"),
    ],
)
def test_a_name_is_to_be_corrected_only_where_it_is_wrong(machine, name, advice):
    with pytest.raises(HighwaterError) as caught:
        machine.run(settings={name: 1})
    assert caught.value.message.endswith(advice)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("swappiness", "1e2", "'1e2' is no value for it: write digits"),
        ("swappiness", "1.5E+1", "'1.5E+1' is no value for it: write digits"),
        ("dirty_bytes", "1e9", "write digits (bytes), or a size such as 64MiB or ram * 1%"),
    ],
)
def test_powers_of_ten_are_to_be_written_out(machine, name, value, advice):
    with pytest.raises(HighwaterError) as caught:
        machine.run(settings={name: value})
    assert caught.value.message.endswith(advice)


@pytest.mark.parametrize("text", COMMENTS)
def test_a_file_without_a_setting_is_taken_over(machine, text):
    machine.write(FILE, text)
    machine.run(settings={"swappiness": 10})
    assert "vm.swappiness = 10\n" in machine.text(FILE)
    assert machine.run(settings={"swappiness": 10})["changed"] is False


@pytest.mark.parametrize("text", COMMENTS)
def test_a_file_without_a_setting_stays_where_nothing_is_to_be_in_it(machine, text):
    machine.write(FILE, text)
    before = machine.everything()
    assert machine.run(state="absent")["changed"] is False
    machine.run(settings={"swappiness": 10}, persistent=False)
    machine.run(state="absent")
    assert machine.everything() == before


@pytest.mark.parametrize("text", ["net.core.somaxconn = 1\n", "-vm.swappiness\n", "vm.* = 1\n"])
def test_a_file_with_a_line_of_somebody_s_is_not(machine, text):
    machine.write(FILE, text)
    with pytest.raises(HighwaterError, match="was not made by this module"):
        machine.run(settings={"swappiness": 10})
