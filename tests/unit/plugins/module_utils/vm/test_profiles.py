# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles of role vm_tuning, applied to machines of many sizes.

Fails where a number starves a machine, falls outside what a kernel takes, goes below what the kernel would choose
itself, or where the names that the role accepts and those that there are differ.
"""

from __future__ import annotations

from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")
ROLE = Path(__file__).parents[5] / "roles" / "vm_tuning"
FILES = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROLE / "vars" / "main").glob("*.yml")}
KNOWN = FILES.pop("main")["vm_tuning_known_profiles"]
PROFILES = {name: data["vm_tuning__profile_" + name]["vm_sysctl"] for name, data in FILES.items()}
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
OPTION = SPECS["argument_specs"]["main"]["options"]["vm_tuning_profiles"]


def items(*names):
    return [dict({"when": "always", "on_top_of": []}, **part) for name in names for part in PROFILES[name]]


def test_the_names_that_the_role_takes_are_those_that_there_are():
    assert OPTION["choices"] == sorted(PROFILES)
    assert {name: "{{ vm_tuning__profile_%s }}" % name for name in PROFILES} == KNOWN
    assert {name: list(data) for name, data in FILES.items()} == {
        name: ["vm_tuning__profile_" + name] for name in FILES
    }
    assert {name: {part["name"] for part in parts} for name, parts in PROFILES.items()} == {
        name: {name} for name in PROFILES
    }


@pytest.mark.parametrize("thp", ["madvise", "never"])
@pytest.mark.parametrize("kernel", ["5.10.0", "6.12.0"])
@pytest.mark.parametrize("ram", [440, 512, 1000, 2048, 4096, 16384, 65536, 524288])
def test_every_profile_passes_the_guards_on_every_machine(make_machine, ram, kernel, thp):
    for name in PROFILES:
        machine = make_machine(ram, thp=thp, kernel=kernel)
        machine.swap("/dev/zram0", "/swapfile")
        assert machine.run(profiles=items(name), unknown="skip", exclusive=True)["profiles"] == [name]
        assert machine.run(profiles=items(name), unknown="skip", exclusive=True)["changed"] is False


@pytest.mark.parametrize("normal", [1024, 4096])
def test_every_profile_passes_the_guards_where_most_memory_is_movable(make_machine, normal):
    """Memory for hot-unplug or CXL, which is part of RAM and of no share of min_free_kbytes."""
    zones = [("Normal", normal * 256), ("Movable", (131072 - normal) * 256)]
    for name in PROFILES:
        machine = make_machine(131072)
        machine.zones(*zones)
        machine.swap("/dev/zram0", "/swapfile")
        assert machine.run(profiles=items(name), unknown="skip", exclusive=True)["profiles"] == [name]
        assert machine.run(profiles=items(name), unknown="skip", exclusive=True)["changed"] is False


@pytest.mark.parametrize(
    ("ram", "min_free", "factor", "background", "foreground"),
    [
        (512, 26212, 400, 26843545, 53687091),
        (1024, 45056, 234, 53687091, 107374182),
        (4096, 45056, 100, 214748364, 429496729),
        (16384, 67108, 100, 256 * 2**20, 2**30),
        (524288, 2**20, 19, 256 * 2**20, 2**30),
    ],
)
def test_what_server_gives(make_machine, ram, min_free, factor, background, foreground):
    machine = make_machine(ram)
    machine.run(profiles=items(*OPTION["default"]))
    found = [
        int(machine.live(name))
        for name in ("min_free_kbytes", "watermark_scale_factor", "dirty_background_bytes", "dirty_bytes", "swappiness")
    ]
    assert found == [min_free, factor, background, foreground, 60]


@pytest.mark.parametrize(
    ("swaps", "swappiness", "cluster"),
    [
        ((), "60", "3"),
        (("/dev/vda2",), "60", "3"),
        (("/dev/zram0",), "180", "0"),
        (("/dev/zram0", "/swapfile"), "100", "0"),
    ],
)
def test_the_default_on_hosts_with_other_swap(machine, swaps, swappiness, cluster):
    machine.swap(*swaps)
    done = machine.run(profiles=items(*OPTION["default"]), exclusive=True)
    assert (machine.live("swappiness"), machine.live("page-cluster")) == (swappiness, cluster)
    assert [warning for warning in done["warnings"] if "comes later" in warning] == []
    machine.swap()  # zram goes: so do its settings
    machine.run(profiles=items(*OPTION["default"]), exclusive=True)
    assert (machine.live("swappiness"), machine.live("page-cluster")) == ("60", "3")


@pytest.mark.parametrize(
    ("names", "conflicts"),
    [
        (("server", "zram"), []),
        (("server", "database"), []),
        (("server", "burst"), []),
        (("server", "desktop", "zram"), []),
        (("server", "small", "zram"), []),
        (("burst", "zram"), ["vm.watermark_boost_factor", "vm.watermark_scale_factor"]),
        (("zram", "burst"), ["vm.watermark_boost_factor", "vm.watermark_scale_factor"]),
        (("database", "zram"), ["vm.swappiness", "vm.watermark_scale_factor"]),
        (("zram", "small"), ["vm.swappiness", "vm.watermark_scale_factor"]),
    ],
)
def test_a_conflict_between_profiles_is_named_with_both_and_who_wins(make_machine, names, conflicts):
    machine = make_machine(16384)
    machine.swap("/dev/zram0")
    warnings = _conflicts(machine.run(profiles=items(*names), unknown="skip"))
    assert sorted(warning.split(":")[0] for warning in warnings) == conflicts
    for warning in warnings:
        assert "profile %s says" % names[0] in warning
        assert "profile %s, which comes later, says" % names[1] in warning
    # The way out that the warning offers ends it.
    settled = {name[3:]: 77 for name in conflicts}
    assert _conflicts(machine.run(profiles=items(*names), settings=settled, unknown="skip")) == []
    assert {machine.live(name) for name in settled} <= {"77"}


def _conflicts(done):
    return [warning for warning in done["warnings"] if "comes later" in warning]
