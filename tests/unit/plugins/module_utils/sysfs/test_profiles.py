# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a profile of role vm_tuning asks for what these modules or a kernel do not take, or the role forgets an
option of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import LRU_GEN, TRANSPARENT_HUGEPAGE, ZSWAP

from .conftest import THP

yaml = pytest.importorskip("yaml")
ROLE = Path(__file__).parents[5] / "roles" / "vm_tuning"
PROFILES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["vm_tuning__profile_" + path.stem]
    for path in (ROLE / "vars" / "main").glob("*.yml")
    if path.stem != "main"
}
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
OPTIONS = SPECS["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_is_taken_and_given_back(machine, name):
    before = machine.everything()
    for module in ("transparent_hugepage", "lru_gen"):
        asked = {"profiles": [PROFILES[name][module]] if module in PROFILES[name] else []}
        machine.run(module, exclusive=True, **asked)
        assert machine.run(module, exclusive=True, **asked)["changed"] is False
        machine.run(module, state="absent")
    assert machine.everything() == before
    assert set(PROFILES[name]) <= {"vm_sysctl", "transparent_hugepage", "lru_gen"}


def test_of_two_profiles_that_differ_the_later_one_wins_with_a_warning(machine):
    asked = [PROFILES[name]["transparent_hugepage"] for name in ("database", "small")]
    told = machine.run("transparent_hugepage", profiles=asked)
    assert machine.host.must_read(THP + "/enabled").strip() == "always madvise [never]"
    assert told["warnings"] == [
        "transparent_hugepage enabled: profile database says madvise, but profile small, which comes later, says never "
        "and wins: name only one of the two, or give the value itself"
    ]
    told = machine.run("transparent_hugepage", profiles=asked, enabled="always")
    assert machine.host.must_read(THP + "/enabled").strip() == "[always] madvise never"
    assert told["warnings"] == []


def test_profiles_that_agree_or_speak_of_different_settings_are_no_conflict(machine):
    asked = [PROFILES[name]["transparent_hugepage"] for name in ("database", "desktop", "database")]
    told = machine.run("transparent_hugepage", profiles=asked)
    assert machine.host.must_read(THP + "/enabled").strip() == "always [madvise] never"
    assert machine.host.must_read(THP + "/defrag").strip() == "always defer [defer+madvise] madvise never"
    assert told["warnings"] == []


@pytest.mark.parametrize("subsystem", [TRANSPARENT_HUGEPAGE, ZSWAP, LRU_GEN])
def test_the_role_takes_what_the_module_takes(subsystem):
    taken = {
        name: {key: value for key, value in option.items() if key != "description"}
        for name, option in OPTIONS["vm_tuning_" + subsystem.name]["options"].items()
    }
    assert taken == subsystem.arguments()
