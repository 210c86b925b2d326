# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a setting below /sys is not what was asked for, now or after a reboot, or not given back."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.arguments import (
    LRU_GEN_ARGUMENTS,
    TRANSPARENT_HUGEPAGE_ARGUMENTS,
    ZSWAP_ARGUMENTS,
)

from .conftest import BOOT, DEFAULTS, LRU_GEN, MIN_FREE, THP, ZSWAP

# module, options, then by path what the kernel has to say.
WANTED = [
    (
        "transparent_hugepage",
        {"enabled": "never", "defrag": "defer+madvise", "shmem_enabled": "advise", "khugepaged_defrag": False},
        {
            THP + "/enabled": "always madvise [never]",
            THP + "/defrag": "always defer [defer+madvise] madvise never",
            THP + "/shmem_enabled": "always within_size [advise] never deny force",
            THP + "/khugepaged/defrag": "0",
        },
    ),
    (
        "zswap",
        {"enabled": True, "compressor": ["842", "zstd", "lzo"], "max_pool_percent": 30, "shrinker_enabled": True},
        {
            ZSWAP + "/enabled": "Y",
            ZSWAP + "/compressor": "zstd",
            ZSWAP + "/max_pool_percent": "30",
            ZSWAP + "/shrinker_enabled": "Y",
            ZSWAP + "/accept_threshold_percent": "90",
        },
    ),
    (
        "lru_gen",
        {"enabled": True, "min_ttl_ms": 1000},
        {LRU_GEN + "/enabled": "0x0007", LRU_GEN + "/min_ttl_ms": "1000"},
    ),
]


@pytest.mark.parametrize(("module", "options", "expected"), WANTED)
def test_from_fresh_to_set_and_back_across_reboots(machine, module, options, expected):
    before = machine.everything()
    machine.swap("/dev/vdb")
    told = machine.run(module, check=True, **options)
    assert {path: text for path, text in machine.everything().items() if "swaps" not in path} == {
        path: text for path, text in before.items() if "swaps" not in path
    }
    done = machine.run(module, **options)
    assert (done["changed"], done["actions"], done["diff"]) == (True, told["actions"], told["diff"])
    assert {path: machine.text(path).strip() for path in expected} == expected
    again = machine.run(module, **options)
    assert (again["changed"], again["actions"], again["warnings"]) == (False, [], [])
    assert again["diff"]["before"] == again["diff"]["after"]
    machine.reboot()
    assert {path: machine.text(path).strip() for path in expected} == expected
    assert machine.run(module, **options)["changed"] is False
    assert machine.run(module, state="absent")["changed"] is True
    machine.swap()
    assert machine.everything() == before
    assert machine.run(module, state="absent")["changed"] is False


@pytest.mark.parametrize(("module", "options", "expected"), WANTED)
def test_absent_after_a_reboot_gives_back_what_was_before_the_first_run(machine, module, options, expected):
    machine.run(module, **options)
    machine.reboot()
    machine.run(module, state="absent")
    assert {path: machine.text(path).strip() for path in expected} == {path: DEFAULTS[path] for path in expected}
    assert machine.text(BOOT % module.replace("_", "-")) is None


def test_what_the_kernel_computes_anew_is_given_back_too(machine):
    """A machine of less than 512 MiB: the kernel itself has switched huge pages off, and keeps little free."""
    machine.write(THP + "/enabled", "always madvise [never]\n")
    machine.write(MIN_FREE, "2705\n")
    machine.run("transparent_hugepage", enabled="madvise")
    assert machine.text(MIN_FREE) == "67584\n"
    done = machine.run("transparent_hugepage", state="absent")
    assert "see that vm.min_free_kbytes is 2705 again" in " ".join(done["actions"])
    assert machine.text(MIN_FREE) == "2705\n"


def test_what_vm_sysctl_sets_is_left_to_it(machine):
    machine.run("transparent_hugepage", enabled="never")
    assert machine.text(MIN_FREE) == "8000\n"
    machine.write("/var/lib/highwater/memory/vm_sysctl/x.json", '{"settings": {"min_free_kbytes": {}}}')
    machine.host.write_kernel(MIN_FREE, "90000")
    machine.run("transparent_hugepage", state="absent")
    assert machine.text(MIN_FREE) == "90000\n"


def test_what_tmpfiles_is_given(machine):
    machine.run("transparent_hugepage", enabled="madvise", khugepaged_defrag=True)
    assert machine.text(BOOT % "transparent-hugepage").splitlines()[-4:] == [
        "# set enabled to madvise",
        "w /sys/kernel/mm/transparent_hugepage/enabled - - - - madvise",
        "# set khugepaged_defrag to on",
        "w /sys/kernel/mm/transparent_hugepage/khugepaged/defrag - - - - 1",
    ]


def test_what_is_not_named_stays_and_exclusive_gives_it_back(machine):
    machine.run("transparent_hugepage", enabled="never", defrag="never")
    machine.run("transparent_hugepage", enabled="madvise")
    assert "[never]" in machine.text(THP + "/defrag")
    machine.run("transparent_hugepage", enabled="madvise", exclusive=True)
    assert "[madvise]" in machine.text(THP + "/defrag")
    assert "defrag" not in machine.text(BOOT % "transparent-hugepage")
    machine.run("transparent_hugepage", state="absent")
    assert "[always]" in machine.text(THP + "/enabled")


def test_absent_of_one_setting_leaves_the_other(machine):
    machine.run("zswap", max_pool_percent=30, accept_threshold_percent=80)
    machine.run("zswap", state="absent", max_pool_percent=30)
    assert (machine.text(ZSWAP + "/max_pool_percent"), machine.text(ZSWAP + "/accept_threshold_percent")) == (
        "20\n",
        "80\n",
    )
    assert "max_pool" not in machine.text(BOOT % "zswap")


def test_not_persistent_holds_until_the_next_boot_and_takes_the_file_away(machine):
    machine.run("transparent_hugepage", enabled="never")
    machine.run("transparent_hugepage", enabled="never", persistent=False)
    assert machine.text(BOOT % "transparent-hugepage") is None
    assert "[never]" in machine.text(THP + "/enabled")


def test_next_boot_leaves_the_running_kernel_alone(machine):
    done = machine.run("transparent_hugepage", enabled="never", apply="next_boot")
    assert done["changed"] is True
    assert "[always]" in machine.text(THP + "/enabled")
    assert machine.run("transparent_hugepage", enabled="never", apply="next_boot")["changed"] is False
    machine.reboot()
    assert "[never]" in machine.text(THP + "/enabled")


def test_what_is_given_up_for_the_next_boot_can_still_be_given_back_now(machine):
    machine.write(THP + "/enabled", "always madvise [never]\n")
    machine.write(MIN_FREE, "2705\n")
    before = machine.everything()
    machine.run("transparent_hugepage", enabled="madvise", defrag="never")
    machine.run("transparent_hugepage", defrag="never", exclusive=True, apply="next_boot")
    machine.run("transparent_hugepage", state="absent", apply="next_boot")
    assert machine.run("transparent_hugepage", state="absent", apply="next_boot")["changed"] is False
    assert "[madvise]" in machine.text(THP + "/enabled")
    machine.run("transparent_hugepage", state="absent")
    assert machine.everything() == before


def test_what_was_given_up_for_the_next_boot_and_is_wanted_again(machine):
    before = machine.everything()
    machine.run("zswap", max_pool_percent=30, accept_threshold_percent=80)
    machine.run("zswap", state="absent", apply="next_boot")
    machine.run("zswap", max_pool_percent=40)
    machine.run("zswap", state="absent")
    assert machine.everything() == before


def test_after_that_boot_nothing_of_it_is_given_back(machine):
    machine.run("zswap", max_pool_percent=30, accept_threshold_percent=80)
    asked = {"max_pool_percent": 30, "exclusive": True}
    machine.run("zswap", apply="next_boot", **asked)
    machine.reboot()
    machine.write(ZSWAP + "/accept_threshold_percent", "70\n")
    assert machine.run("zswap", **asked)["changed"] is False
    machine.run("zswap", state="absent")
    assert machine.text(ZSWAP + "/accept_threshold_percent") == "70\n"
    assert machine.host.listdir("/var/lib") == []


def test_an_image_is_built_without_the_kernel_that_it_will_have(machine):
    machine.write("/run/systemd/container", "systemd-nspawn")
    machine.remove(ZSWAP + "/shrinker_enabled")
    done = machine.run("zswap", compressor=["lz4"], shrinker_enabled=True, apply="next_boot")
    expected = {"before": "lzo", "after": "lzo", "boot_value": "lz4", "overridden_by": None}
    assert done["settings"]["compressor"] == expected
    # What the builder's kernel has was never the image's.
    assert '"before": {}' in machine.text("/var/lib/highwater/memory/zswap/settings.json")


def test_a_value_set_by_hand_and_a_file_edited_by_hand_are_put_right(machine):
    machine.run("transparent_hugepage", enabled="never")
    machine.host.write_kernel(THP + "/enabled", "always")
    machine.write(BOOT % "transparent-hugepage", "# mine\n")
    assert len(machine.run("transparent_hugepage", enabled="never")["actions"]) == 2
    machine.reboot()
    assert "[never]" in machine.text(THP + "/enabled")


def test_a_refusal_by_the_kernel_puts_the_others_back(machine):
    before = machine.everything()
    machine.host.refuses = (THP + "/shmem_enabled",)
    with pytest.raises(HighwaterError, match=r"could not set .*/shmem_enabled to deny: Invalid argument"):
        machine.run("transparent_hugepage", enabled="never", shmem_enabled="deny")
    assert machine.everything() == before


@pytest.mark.parametrize(
    ("module", "options", "words", "reason"),
    [
        (
            "transparent_hugepage",
            {"shmem_enabled": "force"},
            "does not have force: write always or ",
            "feature",
        ),
        ("zswap", {"compressor": ["842", "lz4"]}, "does not have 842 or lz4: write lzo or zstd", "feature"),
        ("zswap", {"zpool": "z3fold"}, "zpool: this kernel does not have z3fold: write zsmalloc", "feature"),
        ("zswap", {"compressor": []}, "the list is empty", "options"),
        ("zswap", {"compressor": ["a b"]}, "'a b' is no name", "options"),
        ("zswap", {"max_pool_percent": 0}, "0 is out of range: write 1 to 100", "options"),
        ("zswap", {"accept_threshold_percent": 101}, "101 is out of range: write 1 to 100", "options"),
        ("lru_gen", {"min_ttl_ms": -1}, "-1 is out of range", "options"),
    ],
)
def test_refused_before_anything_is_touched(machine, module, options, words, reason):
    machine.write(THP + "/shmem_enabled", "always within_size advise [never]\n")  # an older kernel's
    before = machine.everything()
    with pytest.raises(HighwaterError, match=words) as caught:
        machine.run(module, **options)
    assert caught.value.reason == reason
    assert machine.everything() == before


def test_a_setting_that_this_kernel_lacks_fails_or_is_skipped(machine):
    """Where unknown: fail is asked for, on_unsupported: skip does not pass over it, and over all the rest with it."""
    machine.remove(ZSWAP + "/shrinker_enabled")
    with pytest.raises(HighwaterError, match=r"has no .*/shrinker_enabled") as caught:
        machine.run("zswap", shrinker_enabled=True, max_pool_percent=30, on_unsupported="skip")
    assert (type(caught.value), caught.value.reason) == (HighwaterError, "unknown_setting")
    assert caught.value.facts == {"setting": "shrinker_enabled"}
    assert machine.text(ZSWAP + "/max_pool_percent") == "20\n"
    done = machine.run("zswap", shrinker_enabled=True, max_pool_percent=30, unknown="skip")
    assert (done["unknown_settings"], machine.text(ZSWAP + "/max_pool_percent")) == (["shrinker_enabled"], "30\n")
    assert "shrinker" not in machine.text(BOOT % "zswap")


def test_a_kernel_without_any_of_it(machine):
    machine.remove(LRU_GEN + "/enabled")
    machine.remove(LRU_GEN + "/min_ttl_ms")
    with pytest.raises(Unsupported, match="built with CONFIG_LRU_GEN") as caught:
        machine.run("lru_gen", min_ttl_ms=1000)
    assert caught.value.reason == "feature"
    assert machine.run("lru_gen", state="absent")["changed"] is False
    done = machine.run("lru_gen", min_ttl_ms=1000, unknown="skip")
    assert (done["changed"], done["unknown_settings"]) == (False, ["min_ttl_ms"])
    assert done["warnings"] == [
        "lru_gen: this kernel has no /sys/kernel/mm/lru_gen, so min_ttl_ms is skipped: take one that is built with "
        "CONFIG_LRU_GEN, or leave it out"
    ]
    # A profile is for all kernels.
    assert machine.run("lru_gen", profiles=[{"name": "small", "min_ttl_ms": 1000}], unknown="skip")["warnings"] == []


@pytest.mark.parametrize("sign", ["no such kernel", "no init", "a container"])
def test_a_wrong_value_is_refused_the_same_everywhere(machine, sign):
    if sign == "no such kernel":
        machine.remove(LRU_GEN + "/enabled")
        machine.remove(LRU_GEN + "/min_ttl_ms")
    elif sign == "no init":
        (machine.folder / "run/systemd/system").rmdir()
    else:
        machine.write("/run/systemd/container", "podman")
    with pytest.raises(HighwaterError, match="-1 is out of range") as caught:
        machine.run("lru_gen", min_ttl_ms=-1, on_unsupported="skip")
    assert caught.value.reason == "options"


def test_a_container_is_refused(machine):
    machine.write("/run/systemd/container", "podman")
    with pytest.raises(Unsupported, match="cannot be set in a container \\(podman\\)") as caught:
        machine.run("transparent_hugepage", enabled="never")
    assert caught.value.reason == "container"


def test_nothing_that_boots_by_us(machine):
    (machine.folder / "run/systemd/system").rmdir()
    with pytest.raises(Unsupported, match="neither systemd nor OpenRC"):
        machine.run("transparent_hugepage", enabled="never")
    assert machine.run("transparent_hugepage", enabled="never", persistent=False)["changed"] is True


def test_openrc_gets_a_script(machine):
    (machine.folder / "run/systemd/system").rmdir()
    machine.write("/run/openrc/softlevel", "default\n")
    machine.run("transparent_hugepage", enabled="never")
    script = machine.text("/etc/init.d/highwater-transparent-hugepage")
    assert "echo never > /sys/kernel/mm/transparent_hugepage/enabled || return" in script
    assert machine.host.readlink("/etc/runlevels/boot/highwater-transparent-hugepage")
    machine.run("transparent_hugepage", state="absent")
    assert machine.text("/etc/init.d/highwater-transparent-hugepage") is None


def test_zswap_says_where_it_does_not_belong(machine):
    assert "no swap is" in machine.run("zswap", enabled=True)["warnings"][0]
    machine.swap("/dev/zram0")
    assert "/dev/zram0, which compresses pages twice" in machine.run("zswap", enabled=True)["warnings"][0]
    machine.swap("/swapfile")
    assert machine.run("zswap", enabled=True)["warnings"] == []


def test_options_come_from_the_table():
    assert TRANSPARENT_HUGEPAGE_ARGUMENTS["defrag"]["choices"] == [
        "always", "defer", "defer+madvise", "madvise", "never",
    ]  # fmt: skip
    assert ZSWAP_ARGUMENTS["compressor"] == {"type": "list", "elements": "str"}
    assert LRU_GEN_ARGUMENTS["min_ttl_ms"] == {"type": "int"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/lib/modules/6.12.0/modules.alias", "alias crypto-deflate-iaa iaa_crypto\n"),
        ("/proc/crypto", "name         : deflate\ndriver       : deflate-iaa\nmodule       : iaa_crypto\n"),
    ],
)
def test_a_compressor_that_only_some_hardware_has(machine, path, text):
    """Fails where a name that the kernel answers to is refused since no list of ours has it."""
    with pytest.raises(Unsupported, match="does not have deflate-iaa: write"):
        machine.run("zswap", compressor=["deflate-iaa"])
    machine.write("/proc/sys/kernel/osrelease", "6.12.0\n")
    machine.write(path, text)
    machine.run("zswap", compressor=["deflate-iaa", "zstd"])
    assert machine.host.read(ZSWAP + "/compressor").strip() == "deflate-iaa"
    with pytest.raises(Unsupported, match="does not have deflate-ia: write"):
        machine.run("zswap", compressor=["deflate-ia"])
