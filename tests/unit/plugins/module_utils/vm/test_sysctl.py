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
        "also_set_by": [],
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


def test_unknown_settings_are_skipped_where_asked(machine):
    done = machine.run(settings={"swappiness": 10, "defrag_mode": 1, "nonsense": 7}, unknown="skip")
    assert done["unknown_settings"] == ["vm.defrag_mode", "vm.nonsense"]
    assert "nonsense" not in machine.text(FILE)
    with pytest.raises(HighwaterError, match="0 to 1"):  # a wrong value is wrong on each kernel
        machine.run(settings={"defrag_mode": 2}, unknown="skip")


def test_a_name_that_no_kernel_has_is_skipped_with_a_warning(machine):
    profile = {"name": "mine", "when": "always", "settings": {"defrag_mode": 1}, "on_top_of": []}
    done = machine.run(settings={"swapiness": 10}, profiles=[profile], unknown="skip")
    assert done["warnings"] == [
        "settings: vm.swapiness is no setting of any kernel that is known here, and is skipped; "
        "this kernel has vm.swappiness: correct the name, or take it out"
    ]
    assert done["unknown_settings"] == ["vm.defrag_mode", "vm.swapiness"]


def test_an_older_kernel_takes_less(make_machine):
    machine = make_machine(4096, kernel="5.4.0-216-generic")
    with pytest.raises(HighwaterError, match=r"0 to 100 \(0 to 200 since Linux 5\.8, and this one is 5\.4\)"):
        machine.run(settings={"swappiness": 150})


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
        (("/zram0",), [], ["zram_swap", "zram_swap_alone"]),
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
    assert [(one["node"], one["zone"]) for one in marks["zones"]] == [(0, "DMA32"), (0, "Normal")]
    for when in ("before", "after", "computed"):
        for mark in ("min", "low", "high"):
            assert sum(one[when][mark] for one in marks["zones"]) == marks[when][mark]
    # In pages: a share of 67584 kB, and a hundredth of the zone between each two.
    assert marks["zones"][0]["computed"] == {
        "min": 67584 * 1024 // 4,
        "low": 67584 * 1024 // 4 + 2**30 // 4096 // 100 * 4096,
        "high": 67584 * 1024 // 4 + 2 * (2**30 // 4096 // 100 * 4096),
    }
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


HOW = st.sampled_from([{}, {}, {"persistent": False}, {"apply": "next_boot"}])
CALLS = st.tuples(st.fixed_dictionaries({}, optional=VALUES), HOW, st.booleans(), st.booleans())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(CALLS, min_size=1, max_size=4))
def test_absent_gives_back_what_was_after_any_sequence(make_machine, calls):
    machine = make_machine()
    before = machine.everything()
    for number, (one, how, exclusive, reboots) in enumerate(calls):
        for pair in (
            ("dirty_ratio", "dirty_bytes"),
            ("dirty_background_ratio", "dirty_background_bytes"),
            ("overcommit_ratio", "overcommit_kbytes"),
        ):
            if set(pair) <= set(one):
                del one[pair[0]]
        machine.run(settings=one, exclusive=exclusive, force=True, **how)
        assert machine.run(settings=one, exclusive=exclusive, force=True, **how)["changed"] is False
        if how != {"apply": "next_boot"}:
            assert {name: machine.live(name) for name in one} == {name: str(value) for name, value in one.items()}
        if reboots:
            live = machine.everything()
            machine.reboot()
            if not any(earlier[1] for earlier in calls[: number + 1]):  # nothing but what lasts
                assert machine.everything() == live
            wanted = one if how != {"persistent": False} else {}
            assert {name: machine.live(name) for name in wanted} == {name: str(wanted[name]) for name in wanted}
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


def test_what_our_choice_of_huge_pages_has_made_of_it_is_not_what_was_before_us(machine):
    """transparent_hugepage comes first, and makes the kernel compute the reserve anew."""
    record = "/var/lib/highwater/memory/transparent_hugepage/settings.json"
    machine.write(record, '{"beside": {"min_free_kbytes": "2705"}}')
    machine.run(settings={"min_free_kbytes": 70000, "swappiness": 100})
    assert "before: 2705" in machine.text("/etc/sysctl.d/90-highwater.conf")
    machine.run(state="absent")
    assert (machine.live("min_free_kbytes"), machine.live("swappiness")) == ("2705", "60")


@pytest.mark.parametrize(
    ("now", "expected"),
    [("45056", "67584"), ("45500", "67584"), ("44500", "67584"), ("150000", "150000"), ("20000", "20000")],
)
def test_what_somebody_has_made_of_it_since_is_what_was_before_us(machine, now, expected):
    """Huge pages are chosen in January, an administrator raises the reserve, and then we are asked for another."""
    record = "/var/lib/highwater/memory/transparent_hugepage/settings.json"
    machine.write(record, '{"beside": {"min_free_kbytes": "67584"}, "made": {"min_free_kbytes": "45056"}}')
    machine.write("/proc/sys/vm/min_free_kbytes", now + "\n")
    machine.run(settings={"min_free_kbytes": 160000})
    assert "before: %s\n" % expected in machine.text(FILE)
    machine.run(state="absent")
    assert machine.live("min_free_kbytes") == expected


def test_huge_pages_that_an_earlier_task_would_set_count_in_check_mode(make_machine):
    machine = make_machine(4096, thp="never")
    settings = {"min_free_kbytes": "min_free_auto"}
    assert machine.run(check=True, settings=settings)["settings"]["vm.min_free_kbytes"]["after"] < 10000
    told = machine.run(check=True, settings=settings, expect_huge_pages="always")
    assert told["settings"]["vm.min_free_kbytes"]["after"] == 45056


@pytest.mark.parametrize("key", ["kernel.numa_balancing", "kernel/numa_balancing"])
def test_the_one_setting_outside_of_vm(machine, key):
    before = machine.everything()
    done = machine.run(settings={key: 0, "swappiness": 10})
    assert done["settings"]["kernel.numa_balancing"]["before"] == 1
    assert machine.text("/proc/sys/kernel/numa_balancing") == "0\n"
    assert "# settings; before: 1\nkernel.numa_balancing = 0\n" in machine.text(FILE)
    machine.reboot()
    assert machine.run(settings={key: 0, "swappiness": 10})["changed"] is False
    machine.run(state="absent", settings={key: None})
    assert machine.text("/proc/sys/kernel/numa_balancing") == "1\n"
    machine.run(state="absent")
    assert machine.everything() == before
