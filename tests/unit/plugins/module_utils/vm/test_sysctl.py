# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vm_sysctl from end to end on a machine made of files.

Fails where a refusal by the kernel leaves something changed, a second run or a run after a reboot changes something,
or absent does not give back what was.
"""

from __future__ import annotations

import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FILE = "/etc/sysctl.d/90-highwater.conf"


def test_the_way_of_a_setting(machine):
    before = machine.everything()
    asked = {
        "vm.swappiness": 100,
        "page_cluster": "0",
        "dirty_bytes": "64MiB",
        "min_free_kbytes": "max(min_free_auto, 1M)",
    }
    checked = machine.run(check=True, settings=asked)
    assert machine.everything() == before
    done = machine.run(settings=asked)
    assert done["actions"] == checked["actions"]
    assert done["diff"] == checked["diff"]
    assert {name: machine.live(name) for name in ("swappiness", "page-cluster", "dirty_bytes", "dirty_ratio")} == {
        "swappiness": "100",
        "page-cluster": "0",
        "dirty_bytes": "67108864",
        "dirty_ratio": "0",
    }
    assert machine.text(FILE) == (
        "# Made by Ansible, module highwater.memory.vm_sysctl: changes made here by hand are lost.\n"
        "# Above each setting: where the number comes from, and what stood there before.\n"
        "\n# 64MiB, settings; before: dirty_ratio 20\nvm.dirty_bytes = 67108864\n"
        "\n# max(min_free_auto, 1M), settings; before: 67584\nvm.min_free_kbytes = 45056\n"
        "\n# settings; before: 3\nvm.page-cluster = 0\n"
        "\n# settings; before: 60\nvm.swappiness = 100\n"
    )
    assert done["settings"]["vm.dirty_bytes"] == {
        "before": 0,
        "after": 67108864,
        "file_value": 67108864,
        "expression": "64MiB",
        "source": "settings",
        "overridden_by": None,
    }
    assert machine.run(settings=asked)["changed"] is False
    machine.reboot()
    assert machine.run(settings=asked)["actions"] == []
    assert machine.run(check=True, state="absent")["settings"]["vm.dirty_bytes"]["after"] == 0
    machine.run(state="absent")
    assert machine.everything() == before
    assert machine.run(state="absent")["changed"] is False


def test_the_steps_in_words(machine):
    assert machine.run(check=True, settings={"swappiness": 100, "dirty_bytes": "64MiB"})["actions"] == [
        "remember what vm.dirty_bytes, vm.swappiness was before us (state: absent gives it back)",
        "set vm.dirty_bytes to 67108864 (vm.dirty_ratio is 20; settings)",
        "set vm.swappiness to 100 (it is 60; settings)",
        "write /etc/sysctl.d/90-highwater.conf (adds vm.dirty_bytes, vm.swappiness)",
    ]


@pytest.mark.parametrize("refused", ["vfs_cache_pressure", "dirty_background_bytes", "dirty_bytes"])
@pytest.mark.parametrize("manner", ["refuses", "halves"])
def test_a_refusal_by_the_kernel_restores_the_others(machine, refused, manner):
    before = machine.everything()
    setattr(machine.host, manner, (refused,))
    with pytest.raises(HighwaterError, match=r"could not set vm\.%s" % refused):
        machine.run(
            settings={
                "extfrag_threshold": 400,
                "vfs_cache_pressure": 120,
                "dirty_background_bytes": "16M",
                "dirty_bytes": "64M",
                "swappiness": 10,
            }
        )
    left = machine.everything()
    if manner == "halves":  # this kernel cannot put back what it halves, but it is asked to
        for name in (refused, refused.replace("bytes", "ratio")):
            for files in (left, before):
                files.pop("proc/sys/vm/" + name, None)
    assert left == before


def test_a_file_that_cannot_be_written_restores_the_kernel(machine):
    machine.write("/etc/sysctl.d", "somebody's file where the folder should be")
    before = machine.everything()
    with pytest.raises(HighwaterError, match=r"could not write /etc/sysctl\.d/90-highwater\.conf"):
        machine.run(settings={"swappiness": 10})
    assert machine.everything() == before


def test_pairs_come_back_as_the_one_that_counted(machine):
    machine.write("/proc/sys/vm/dirty_ratio", "0\n")
    machine.write("/proc/sys/vm/dirty_bytes", "1048576\n")
    before = machine.everything()
    machine.run(settings={"dirty_ratio": 15})
    assert (machine.live("dirty_ratio"), machine.live("dirty_bytes")) == ("15", "0")
    machine.run(settings={"dirty_bytes": "4M"})  # changes its mind: the ratio leaves the file
    assert "dirty_ratio = " not in machine.text(FILE)
    assert (machine.live("dirty_ratio"), machine.live("dirty_bytes")) == ("0", "4194304")
    machine.run(state="absent")
    assert machine.everything() == before


def test_a_ratio_of_0_clears_the_bytes_too(machine):
    machine.run(settings={"dirty_background_ratio": 0, "dirty_bytes": "4M"})
    assert machine.live("dirty_bytes") == "4194304"
    machine.run(settings={"dirty_ratio": 0})
    assert (machine.live("dirty_ratio"), machine.live("dirty_bytes")) == ("0", "0")
    assert machine.run(settings={"dirty_ratio": 0})["changed"] is False


def test_absent_and_exclusive(machine):
    machine.run(settings={"swappiness": 10, "extfrag_threshold": 400, "max_map_count": 100000})
    machine.run(state="absent", settings={"swappiness": None})
    assert machine.live("swappiness") == "60"
    assert "swappiness" not in machine.text(FILE)
    machine.run(settings={"max_map_count": 100000}, exclusive=True)
    assert (machine.live("extfrag_threshold"), machine.live("max_map_count")) == ("500", "100000")
    machine.run(state="absent", settings={"vfs_cache_pressure": None})
    assert "max_map_count = 100000" in machine.text(FILE)


def test_what_was_before_us_is_not_forgotten_when_the_value_changes(machine):
    for value in (10, 20, 60, 30):
        machine.run(settings={"swappiness": value})
    machine.run(state="absent")
    assert machine.live("swappiness") == "60"


def test_only_until_the_next_boot(machine):
    machine.run(settings={"swappiness": 10})
    machine.run(settings={"swappiness": 10}, persistent=False)
    assert machine.live("swappiness") == "10"
    assert machine.text(FILE) is None
    assert machine.run(settings={"swappiness": 10}, persistent=False)["changed"] is False
    machine.run(state="absent")
    assert machine.live("swappiness") == "60"


def test_only_from_the_next_boot_on(machine):
    machine.run(settings={"swappiness": 10}, apply="next_boot")
    assert machine.live("swappiness") == "60"
    assert machine.run(settings={"swappiness": 10}, apply="next_boot")["changed"] is False
    machine.reboot()
    assert machine.run(settings={"swappiness": 10})["changed"] is False
    machine.run(state="absent")
    assert machine.live("swappiness") == "60"


def test_what_was_computed_stays(machine):
    asked = {"max_map_count": "ram / 1MiB * 10", "min_free_kbytes": "max(min_free_auto, ram * 2%)"}
    machine.run(settings=asked)
    text = machine.text(FILE)
    machine.write("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n")  # a balloon takes a little
    assert machine.run(settings=asked)["changed"] is False
    assert machine.text(FILE) == text
    machine.write("/proc/meminfo", "MemTotal: 3000000 kB\nMemAvailable: 2000000 kB\n")  # another machine
    assert machine.run(settings=asked)["changed"] is True
    assert machine.live("max_map_count") == "29296"


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


def test_unknown_settings_are_skipped_where_asked(machine):
    done = machine.run(settings={"swappiness": 10, "defrag_mode": 1, "nonsense": 7}, unknown="skip")
    assert done["unknown_settings"] == ["vm.defrag_mode", "vm.nonsense"]
    assert "nonsense" not in machine.text(FILE)
    with pytest.raises(HighwaterError, match="0 to 1"):  # a wrong value is wrong on each kernel
        machine.run(settings={"defrag_mode": 2}, unknown="skip")


def test_an_older_kernel_takes_less(make_machine):
    machine = make_machine(4096, kernel="5.10.0-32-amd64")
    with pytest.raises(HighwaterError, match=r"1 to 1000 \(1 to 3000 since Linux 5\.18, and this one is 5\.10\)"):
        machine.run(settings={"watermark_scale_factor": 1500})


def test_a_kernel_without_swap_has_vm_settings_too(machine):
    machine.host.remove("/proc/swaps")
    assert machine.run(settings={"swappiness": 10})["changed"] is True
    assert machine.live("swappiness") == "10"


def test_a_container_is_unsupported(machine):
    machine.write("/run/systemd/container", "lxc\n")
    with pytest.raises(Unsupported, match=r"container \(lxc\)") as caught:
        machine.run(settings={"swappiness": 10})
    assert caught.value.reason == "container"
    machine.run(settings={"swappiness": 10}, apply="next_boot")  # an image is being built
    assert machine.live("swappiness") == "60"
    assert "before: not known" in machine.text(FILE)


def test_nothing_to_take_back_in_a_container_is_no_error(machine):
    machine.write("/run/systemd/container", "lxc\n")
    assert machine.run(state="absent")["changed"] is False


SERVER = {"name": "server", "when": "always", "settings": {"swappiness": 30, "dirty_bytes": "64M"}, "on_top_of": []}
BURST = {"name": "burst", "when": "always", "settings": {"swappiness": 40, "dirty_ratio": 15}, "on_top_of": []}


def test_profiles_merge_in_order_and_a_conflict_is_named(machine):
    done = machine.run(profiles=[SERVER, BURST])
    assert (machine.live("swappiness"), machine.live("dirty_ratio"), machine.live("dirty_bytes")) == ("40", "15", "0")
    assert [warning.split(":")[0] for warning in done["warnings"]] == ["vm.swappiness", "vm.dirty_ratio"]
    assert all(
        re.search("profile server says .* but profile burst, which comes later, says", warning)
        for warning in done["warnings"]
    )
    assert "# profile burst; before: 60\nvm.swappiness = 40" in machine.text(FILE)


def test_settings_win_silently(machine):
    done = machine.run(profiles=[SERVER], settings={"swappiness": 50, "dirty_ratio": 17})
    assert (machine.live("swappiness"), machine.live("dirty_ratio")) == ("50", "17")
    assert done["warnings"] == []


def test_a_profile_that_is_meant_to_overrule_does_so_silently(machine):
    assert machine.run(profiles=[SERVER, dict(BURST, on_top_of=["server"])])["warnings"] == []
    assert machine.live("swappiness") == "40"


@pytest.mark.parametrize(
    ("swaps", "expected", "applied"),
    [
        ((), [], []),
        ((), ["zram"], ["zram_swap", "zram_swap_alone"]),
        (("/dev/zram0",), [], ["zram_swap", "zram_swap_alone"]),
        (("/dev/zram0", "/dev/zram1"), [], ["zram_swap", "zram_swap_alone"]),
        (("/dev/zram0", "/swapfile"), [], ["zram_swap", "zram_swap_with_disk"]),
        (("/dev/zram0",), ["disk"], ["zram_swap", "zram_swap_with_disk"]),
        (("/dev/vda2",), [], []),
        (("/srv/dev/zram0",), [], []),
    ],
)
def test_when_a_profile_applies(machine, swaps, expected, applied):
    machine.swap(*swaps)
    profiles = [
        {"name": when, "when": when, "settings": {}, "on_top_of": []}
        for when in ("zram_swap", "zram_swap_alone", "zram_swap_with_disk")
    ]
    assert machine.run(profiles=profiles, expect_swap=expected)["profiles"] == applied


def test_the_watermarks_before_after_and_computed(machine):
    done = machine.run(check=True, settings={"watermark_scale_factor": 100})
    marks = done["watermarks"]
    assert marks["before"] != marks["after"] == marks["computed"]
    assert marks["computed"]["high"] - marks["computed"]["low"] == marks["computed"]["low"] - marks["computed"]["min"]
    after = machine.run(settings={"watermark_scale_factor": 100})  # this kernel does not move its marks
    assert any("the kernel's watermarks are not what was computed" in warning for warning in after["warnings"])


VALUES = {
    "swappiness": st.integers(0, 200), "extfrag_threshold": st.integers(0, 1000),
    "max_map_count": st.integers(0, 2**31 - 1),
    "dirty_ratio": st.integers(0, 100), "dirty_bytes": st.integers(8192, 2**40),
    "dirty_background_ratio": st.integers(0, 100), "dirty_background_bytes": st.integers(1, 2**40),
    "overcommit_ratio": st.integers(0, 1000), "overcommit_kbytes": st.integers(1, 2**40),
}  # fmt: skip


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({}, optional=VALUES), min_size=1, max_size=3), st.booleans())
def test_absent_gives_back_what_was_after_any_sequence(make_machine, asked, exclusive):
    machine = make_machine()
    before = machine.everything()
    for one in asked:
        for pair in (
            ("dirty_ratio", "dirty_bytes"),
            ("dirty_background_ratio", "dirty_background_bytes"),
            ("overcommit_ratio", "overcommit_kbytes"),
        ):
            if set(pair) <= set(one):
                del one[pair[0]]
        machine.run(settings=one, exclusive=exclusive, force=True)
        assert machine.run(settings=one, exclusive=exclusive, force=True)["changed"] is False
        live = machine.everything()
        machine.reboot()
        assert machine.everything() == live
    machine.run(state="absent")
    assert machine.everything() == before


def test_a_pair_that_was_off_on_both_sides_is_put_back(machine):
    machine.write("/proc/sys/vm/dirty_ratio", "0\n")
    before = machine.everything()
    machine.host.refuses = ("swappiness",)
    with pytest.raises(HighwaterError, match=r"could not set vm\.swappiness to 10: Invalid argument") as caught:
        machine.run(settings={"dirty_bytes": "4M", "swappiness": 10}, force=True)
    assert "by hand" not in caught.value.message
    assert machine.everything() == before


def test_a_setting_that_another_kernel_had_only_leaves_the_file(machine):
    machine.run(settings={"extfrag_threshold": 400, "swappiness": 10})
    (machine.folder / "proc/sys/vm/extfrag_threshold").unlink()
    machine.run(settings={"swappiness": 10}, exclusive=True)
    assert "extfrag" not in machine.text(FILE)


@pytest.mark.parametrize("expression", ["5%", "(5%)", "available * 5%", "ram * 5%"])
def test_a_tenth_of_ram_is_what_a_value_lasts(machine, expression):
    machine.run(settings={"dirty_bytes": expression})
    first = machine.live("dirty_bytes")
    machine.write("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 1000000 kB\n")
    machine.run(settings={"dirty_bytes": expression})
    assert machine.live("dirty_bytes") == first
    machine.write("/proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 8000000 kB\n")
    machine.run(settings={"dirty_bytes": expression})
    assert machine.live("dirty_bytes") != first
