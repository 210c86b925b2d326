# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""apply: next_boot in a container builds an image, which boots on another machine, with another kernel.

Fails where a number that only fits the builder gets into the image, where one is refused for what the builder is, where
what only the builder's kernel lacks is left out of it, or where the first run on the booted image takes the values that
we put there for those of before us.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.vm import settings_table

FILE = "/etc/sysctl.d/90-highwater.conf"
RECORD = "/var/lib/highwater/memory/vm_sysctl/%2Fetc%2Fsysctl.d%2F90-highwater.conf.json"
RESERVE = "max(min_free_auto, min(ram * 0.4%, 1GiB))"
COMPUTED = {"name": "mine", "when": "always", "settings": {"min_free_kbytes": RESERVE}, "on_top_of": []}


@pytest.fixture
def builder(machine):
    machine.write("/run/systemd/container", "podman\n")
    return machine


def build(machine, **params):
    return machine.run(apply="next_boot", **params)


def boot_it(machine):
    """The image on a machine of its own."""
    machine.host.remove("/run/systemd/container")
    machine.reboot()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"settings": {"min_free_kbytes": RESERVE, "swappiness": 10}}, "vm.min_free_kbytes (settings)"),
        ({"profiles": [COMPUTED]}, "vm.min_free_kbytes (profile mine)"),
        ({"settings": {"max_map_count": "cpus * 40000"}, "unknown": "skip"}, "vm.max_map_count (settings)"),
        ({"settings": {"dirty_bytes": "5%"}}, "vm.dirty_bytes (settings)"),
    ],
)
def test_what_is_computed_from_the_builder_is_refused(builder, asked, named):
    """A reserve for the builder's memory can bring the OOM killer on an image of 1 GiB at its first boot."""
    before = builder.everything()
    with pytest.raises(HighwaterError) as caught:
        build(builder, **asked)
    assert (type(caught.value), caught.value.reason) == (HighwaterError, "guard")
    assert caught.value.message == (
        "settings: %s would be computed from this machine, a container (podman), and what apply: next_boot makes here "
        "is an image that boots on another: write a number, or say force: true" % named
    )
    assert builder.everything() == before


def test_a_number_in_settings_stands_in_for_what_a_profile_computes(builder):
    """Nobody has to do without a profile for one expression."""
    build(builder, profiles=[COMPUTED], settings={"min_free_kbytes": "64MiB", "dirty_bytes": 67108864})
    assert "vm.min_free_kbytes = 65536\n" in builder.text(FILE)


def test_an_expression_that_is_meant(builder):
    """With force, where the image boots on a machine like this one."""
    build(builder, settings={"min_free_kbytes": RESERVE}, force=True)
    assert "vm.min_free_kbytes = 45056\n" in builder.text(FILE)


def test_an_expression_for_the_next_boot_of_this_machine_is_none_for_an_image(machine):
    build(machine, settings={"min_free_kbytes": RESERVE})
    assert "vm.min_free_kbytes = 45056\n" in machine.text(FILE)


def test_in_a_container_that_is_no_image_it_is_the_container_that_is_refused(builder):
    with pytest.raises(Unsupported, match=r"cannot be set in a container \(podman\)"):
        builder.run(settings={"min_free_kbytes": RESERVE})


@pytest.mark.parametrize("unknown", ["fail", "skip"])
def test_what_only_the_builder_s_kernel_lacks_gets_into_the_image(builder, unknown):
    """defrag_mode came with Linux 6.15, and the builder runs 6.12."""
    done = build(builder, settings={"defrag_mode": 1, "swappiness": 10}, unknown=unknown)
    assert (done["unknown_settings"], done["warnings"]) == ([], [])
    assert done["settings"]["vm.defrag_mode"]["before"] is None
    assert done["settings"]["vm.defrag_mode"]["file_value"] == 1
    assert "vm.defrag_mode = 1\n" in builder.text(FILE)
    assert build(builder, settings={"defrag_mode": 1, "swappiness": 10}, unknown=unknown)["changed"] is False
    build(builder, state="absent")
    assert builder.text(FILE) is None


def test_a_name_that_no_kernel_has_is_a_mistake_in_an_image_too(builder):
    with pytest.raises(HighwaterError, match=r"has no vm\.swapiness; it has vm\.swappiness"):
        build(builder, settings={"swapiness": 10})
    assert build(builder, settings={"swapiness": 10}, unknown="skip")["unknown_settings"] == ["vm.swapiness"]


def test_what_this_kernel_lacks_stays_unknown_on_a_machine_of_its_own(machine):
    with pytest.raises(HighwaterError, match=r"has no vm\.defrag_mode"):
        build(machine, settings={"defrag_mode": 1})


def test_what_was_before_us_on_an_image_that_boots_is_not_known(builder):
    """Everything in the image was ours at its first boot: absent has nothing to give back, and says so."""
    asked = {"swappiness": 10, "dirty_bytes": 67108864}
    build(builder, settings=asked)
    boot_it(builder)
    assert builder.run(settings=asked)["actions"] == []
    builder.run(settings={"swappiness": 20})
    assert "# settings; before: not known\nvm.swappiness = 20\n" in builder.text(FILE)
    done = builder.run(state="absent")
    assert done["warnings"] == [
        "what vm.dirty_bytes, vm.swappiness was before us is not known, so it stays as it is until the next boot"
    ]
    assert (builder.live("swappiness"), builder.text(FILE)) == ("20", None)
    assert builder.host.listdir("/var/lib") == []


def test_of_a_pair_in_an_image_the_other_one_is_not_known_either(builder):
    """The ratio reads 0 because of our bytes."""
    build(builder, settings={"dirty_bytes": 67108864})
    boot_it(builder)
    builder.run(settings={"dirty_ratio": 30})
    assert "# settings; before: not known\nvm.dirty_ratio = 30\n" in builder.text(FILE)
    assert builder.run(state="absent")["warnings"] != []


@pytest.mark.parametrize("lost", ["the record", "what the file says too"])
def test_without_our_record_the_file_tells_that_it_was_ours(builder, lost):
    """What stands in our file already, with nothing about before, was set by us and not before us."""
    build(builder, settings={"swappiness": 10})
    boot_it(builder)
    builder.host.remove(RECORD)
    if lost == "what the file says too":
        builder.write(FILE, builder.text(FILE).replace("# settings; before: not known\n", ""))
    builder.run(settings={"swappiness": 10})
    assert "before: not known\nvm.swappiness = 10\n" in builder.text(FILE)
    assert builder.run(state="absent")["warnings"] != []


def test_what_comes_to_an_image_later_is_given_back(builder):
    """Only what the image was built with is not known."""
    build(builder, settings={"swappiness": 10})
    boot_it(builder)
    builder.run(settings={"page-cluster": 0})
    done = builder.run(state="absent")
    assert (builder.live("page-cluster"), builder.live("swappiness")) == ("3", "10")
    assert "what vm.swappiness was" in done["warnings"][0]


def test_every_step_says_of_what(machine):
    """A step about the record alone has no name to speak of but that of what is kept there."""
    machine.run(settings={"swappiness": 10, "page-cluster": 0})
    kept = machine.run(state="absent", settings={"swappiness": None}, apply="next_boot")["actions"]
    assert kept[0] == "remember what vm.swappiness was before us (state: absent gives it back)"
    assert kept[-1] == "forget vm.swappiness in our record"
    back = machine.run(state="absent", settings={"swappiness": None})["actions"]
    assert back == ["set vm.swappiness to 60 (it is 10; that was before us)", "forget vm.swappiness in our record"]


@pytest.mark.parametrize(
    ("ram", "asked"),
    [
        (65536, {"min_free_kbytes": 32768}),  # less than that builder's kernel would choose
        (2048, {"min_free_kbytes": 262144}),  # more than a twentieth of that builder
        (1024, {"min_free_kbytes": 45056, "watermark_scale_factor": 3000}),  # high marks above 15 % of it
        (512, {"nr_hugepages": 1000}),
        (512, {"dirty_background_bytes": "256MiB", "dirty_ratio": 20}),
        (4096, {"dirty_background_ratio": 30}),  # beside the builder's own dirty_ratio
    ],
)
def test_a_number_is_not_judged_by_the_builder_s_memory(make_machine, ram, asked):
    """The image may boot on a machine of any size, and expressions, the usual way out, are refused in an image."""
    builder = make_machine(ram)
    builder.write("/proc/sys/vm/nr_hugepages", "0\n")
    builder.write("/proc/meminfo", builder.text("/proc/meminfo") + "Hugepagesize: 2048 kB\n")
    builder.write("/run/systemd/container", "podman\n")
    done = build(builder, settings=asked)
    assert sorted(done["settings"]) == ["vm." + name for name in sorted(asked)]
    assert done["warnings"] == []
    assert build(builder, settings=asked)["changed"] is False


@pytest.mark.parametrize("asked", [{"dirty_bytes": "128MiB"}, {"dirty_background_bytes": "2GiB"}])
def test_the_builder_s_own_limits_are_none_of_the_image_s(builder, asked):
    assert build(builder, settings=asked)["warnings"] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"vfs_cache_pressure": 0}, "OOM killer"),
        ({"page-cluster": 11}, "write 10 or less"),
        ({"dirty_background_ratio": 30, "dirty_ratio": 20}, r"vm\.dirty_background_ratio: 30 .* is above"),
        ({"swappiness": 201}, "takes: 0 to 200$"),
    ],
)
def test_what_hurts_any_machine_is_refused_in_an_image_too(builder, asked, said):
    before = builder.everything()
    with pytest.raises(HighwaterError, match=said):
        build(builder, settings=asked)
    assert builder.everything() == before


def test_a_range_is_that_of_the_kernels_that_take_most(make_machine):
    """swappiness goes up to 200 since Linux 5.8; which kernel the image has, the builder's does not tell."""
    builder = make_machine(4096, kernel="5.4.0-216-generic")
    builder.write("/run/systemd/container", "podman\n")
    build(builder, settings={"swappiness": 180, "kernel.numa_balancing": 2})
    assert "vm.swappiness = 180\n" in builder.text(FILE)


def test_a_later_kernel_takes_no_less():
    """Which is why the newest is asked for an image."""
    for row in settings_table.TABLE.values():
        for older, newer in zip(row.ranges, row.ranges[1:]):
            assert newer.low <= older.low <= older.most <= newer.most, row.name


def test_an_image_in_a_chroot(machine):
    """Its /proc is the builder's: neither an expression nor what was before us may come from there."""
    machine.link("/proc/1/root", "/")
    with pytest.raises(HighwaterError, match="would be computed from this machine, a chroot, and what"):
        build(machine, settings={"min_free_kbytes": RESERVE})
    with pytest.raises(Unsupported, match="cannot be set in a chroot: they belong to"):
        machine.run(settings={"swappiness": 10})
    build(machine, settings={"min_free_kbytes": 300000, "swappiness": 10})
    assert "# settings; before: not known\nvm.swappiness = 10\n" in machine.text(FILE)
    machine.host.remove("/proc/1/root")
    machine.reboot()
    machine.run(state="absent")
    assert machine.live("swappiness") == "10"
