# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where an option that a module has is out of reach of the role that calls it, or is another one there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import ARGUMENTS as PAGE_CACHE
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.arguments import ARGUMENTS as SWAPFILE
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import arguments as sysfs
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS as ZRAM

ROLES = Path(__file__).resolve().parents[3] / "roles"
# What the role decides by itself.
ITS_OWN = {
    "package",
    "expect_room",
    "hold_back",
    "state",
    "on_unsupported",
    "profiles",
    "exclusive",
    "unknown",
    "persistent",
    "apply",
}

ITEMS = [
    ("zram", "zram_devices", ZRAM),
    ("swapfile", "swapfile_files", SWAPFILE),
    ("page_cache", "page_cache_rules", PAGE_CACHE),
    ("vm_tuning", "vm_tuning_transparent_hugepage", sysfs.TRANSPARENT_HUGEPAGE_ARGUMENTS),
    ("vm_tuning", "vm_tuning_zswap", sysfs.ZSWAP_ARGUMENTS),
    ("vm_tuning", "vm_tuning_lru_gen", sysfs.LRU_GEN_ARGUMENTS),
]


def options_of(role, variable):
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    return specs["argument_specs"]["main"]["options"][variable]["options"]


@pytest.mark.parametrize(("role", "variable", "arguments"), ITEMS, ids=[item[1] for item in ITEMS])
def test_an_item_has_the_options_of_the_module(role, variable, arguments):
    options = options_of(role, variable)
    assert set(arguments) - set(options) <= ITS_OWN
    for name in set(arguments) & set(options) - {"state"}:
        for what in ("type", "elements"):
            wanted = {"path": "str"}.get(arguments[name].get(what), arguments[name].get(what))
            given = {"path": "str"}.get(options[name].get(what), options[name].get(what))
            assert (name, given) == (name, wanted)
        assert (name, set(options[name].get("choices", ()))) == (name, set(arguments[name].get("choices", ())))


@pytest.mark.parametrize(
    ("role", "variable", "tasks"), [("zram", "zram_devices", "devices"), ("swapfile", "swapfile_files", "main")]
)
def test_each_of_them_is_handed_on(role, variable, tasks):
    module = "highwater.memory." + {"zram": "zram_device"}.get(role, role)
    found = yaml.safe_load((ROLES / role / ("tasks/%s.yml" % tasks)).read_text(encoding="utf-8"))
    task = next(each for each in found if module in each)
    for name in options_of(role, variable):
        assert "item.%s" % name in task[module][name]


@pytest.mark.parametrize("tasks", ["main", "devices"])
def test_zram_can_wait_for_the_next_boot(tasks):
    """Fails where a device that cannot go while it is in use cannot be given up from the next boot on."""
    task = yaml.safe_load((ROLES / ("zram/tasks/%s.yml" % tasks)).read_text(encoding="utf-8"))[0]
    assert "zram_apply" in task["highwater.memory.zram_device"].get("apply", "")


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir() if path.is_dir()))
def test_each_variable_is_in_the_readme_with_its_default(role):
    readme = (ROLES / role / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in readme.splitlines() if line.startswith("| `%s_" % role)]
    shown = {row[1].strip(" `"): row[2].strip(" `") for row in rows}
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert set(shown) == set(defaults)
    for name, value in defaults.items():
        if isinstance(value, (str, int, float)) and value != "":
            assert (name, shown[name]) == (name, str(value))
