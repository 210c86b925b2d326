# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was before us, where others have a hand in it: vm_sysctl, an image's builder, an administrator, another kernel.

Fails where something of ours is noted as what was before us, where a run that asks for the same changes something,
where something of somebody else's is overwritten by what we give back, or where there is no way back.
"""

from __future__ import annotations

import errno
import json
import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

from .conftest import BOOT, LRU_GEN, MIN_FREE, THP, ZSWAP

RECORD = "/var/lib/highwater/memory/transparent_hugepage/settings.json"
OF_VM_SYSCTL = "/var/lib/highwater/memory/vm_sysctl/x.json"


def vm_sysctl_sets(machine, number):
    """As vm_sysctl would: it notes what was before it, and writes."""
    entry = {"settings": {"min_free_kbytes": {}}, "before": {"min_free_kbytes": machine.text(MIN_FREE).strip()}}
    machine.write(OF_VM_SYSCTL, json.dumps(entry))
    machine.host.write_kernel(MIN_FREE, number)


def vm_sysctl_gives_back(machine):
    before = json.loads(machine.text(OF_VM_SYSCTL))["before"]["min_free_kbytes"]
    machine.host.remove(OF_VM_SYSCTL)
    machine.host.write_kernel(MIN_FREE, before)


def beside(machine):
    return json.loads(machine.text(RECORD))["beside"]


@pytest.mark.parametrize("reboots", [False, True])
def test_huge_pages_that_come_after_a_reserve_of_vm_sysctl_and_outlast_it(machine, reboots):
    """A profile sets the reserve, huge pages are switched off, another profile leaves the reserve to the kernel."""
    vm_sysctl_sets(machine, "90000")
    machine.run("transparent_hugepage", enabled="never")
    assert beside(machine) == {"min_free_kbytes": "67584"}
    machine.run("transparent_hugepage", enabled="never")
    vm_sysctl_gives_back(machine)
    if reboots:
        machine.reboot()
        assert machine.text(MIN_FREE) == "8000\n"
    assert machine.run("transparent_hugepage", enabled="never")["actions"] == []
    machine.run("transparent_hugepage", state="absent")
    assert machine.text(MIN_FREE) == "67584\n"


def test_a_reserve_of_vm_sysctl_that_comes_after_huge_pages_changes_nothing_of_theirs(machine):
    """As the role vm_tuning does: both in one run, and the same again."""
    machine.run("transparent_hugepage", enabled="never")
    vm_sysctl_sets(machine, "90000")
    assert machine.run("transparent_hugepage", enabled="never")["actions"] == []
    machine.reboot()
    assert machine.run("transparent_hugepage", enabled="never")["actions"] == []


def test_what_vm_sysctl_does_not_know_itself_is_not_noted_later_either(machine):
    """What is there by then is of our own making."""
    machine.write(OF_VM_SYSCTL, '{"settings": {"min_free_kbytes": {}}}')
    machine.host.write_kernel(MIN_FREE, "90000")
    machine.run("transparent_hugepage", enabled="never")
    machine.host.remove(OF_VM_SYSCTL)
    machine.reboot()
    assert machine.run("transparent_hugepage", enabled="never")["actions"] == []
    machine.run("transparent_hugepage", state="absent")
    assert machine.text(MIN_FREE) == "67584\n"  # the kernel's own, by its own reckoning


def test_a_reserve_that_somebody_has_set_since_is_not_overwritten(machine):
    """An administrator's, which the kernel itself leaves alone when huge pages come back."""
    machine.run("transparent_hugepage", enabled="never")
    machine.host.write_kernel(MIN_FREE, "150000")
    assert machine.run("transparent_hugepage", enabled="never")["changed"] is False
    done = machine.run("transparent_hugepage", state="absent")
    assert (machine.text(MIN_FREE), "min_free" in " ".join(done["actions"])) == ("150000\n", False)


@pytest.mark.parametrize("between", ["nothing", "a change", "a change and something given up", "a boot"])
def test_what_our_choice_makes_of_the_reserve_is_noted(machine, between):
    """By that vm_sysctl tells whether somebody has changed it since."""
    machine.write(MIN_FREE, "70000\n")
    before = machine.everything()
    machine.run("transparent_hugepage", enabled="never", defrag="never")
    made = "8000"
    if between == "a change":
        machine.run("transparent_hugepage", enabled="madvise")
        made = "67584"
    if between == "a change and something given up":
        machine.run("transparent_hugepage", enabled="madvise", exclusive=True)
        made = "67584"
    if between == "a boot":
        machine.reboot()
    noted = json.loads(machine.text(RECORD))
    assert (noted["beside"], noted["made"]) == ({"min_free_kbytes": "70000"}, {"min_free_kbytes": made})
    machine.run("transparent_hugepage", state="absent")
    assert machine.everything() == before


def test_a_refusal_by_the_kernel_leaves_nothing_noted(machine):
    machine.run("transparent_hugepage", enabled="never")
    before = machine.everything()
    machine.host.refuses = (THP + "/shmem_enabled",)
    with pytest.raises(HighwaterError, match=r"could not set .*/shmem_enabled"):
        machine.run("transparent_hugepage", enabled="madvise", shmem_enabled="deny")
    assert machine.everything() == before


def test_a_disk_that_is_full_just_then_leaves_the_choice_as_it_was(machine, monkeypatch):
    """The kernel has it already when what became of the reserve cannot be noted."""
    machine.run("transparent_hugepage", enabled="never")
    machine.host.write_kernel(THP + "/enabled", "always")
    machine.write(RECORD, machine.text(RECORD).replace('"8000"', '"9000"'))
    before = machine.everything()

    def full(_path, _text, _mode=0):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(machine.host, "install", full)
        with pytest.raises(HighwaterError, match=r"could not set .*/enabled to never: No space left"):
            machine.run("transparent_hugepage", enabled="never")
    assert machine.everything() == before


def test_a_choice_that_is_there_already_leaves_the_reserve_as_it_is(machine):
    machine.run("transparent_hugepage", enabled="always")
    noted = json.loads(machine.text(RECORD))
    assert noted["made"] == noted["beside"] == {"min_free_kbytes": "67584"}


@pytest.mark.parametrize("how", ["at the next boot", "while vm_sysctl has the reserve"])
def test_a_choice_that_makes_nothing_of_the_reserve_now_leaves_nothing_to_compare_with(machine, how):
    """What was noted with the choice before it would no longer be what ours makes of it."""
    machine.run("transparent_hugepage", enabled="never")
    if how == "at the next boot":
        machine.run("transparent_hugepage", enabled="madvise", apply="next_boot")
        assert machine.run("transparent_hugepage", enabled="madvise", apply="next_boot")["changed"] is False
    else:
        vm_sysctl_sets(machine, "90000")
        machine.run("transparent_hugepage", enabled="madvise")
        assert machine.run("transparent_hugepage", enabled="madvise")["changed"] is False
    assert "made" not in json.loads(machine.text(RECORD))
    assert beside(machine) == {"min_free_kbytes": "67584"}


def test_what_was_before_us_on_an_image_that_boots_is_not_known(machine):
    """Everything in the image was ours at its first boot: absent has nothing to give back, and says so."""
    machine.write("/run/systemd/container", "systemd-nspawn")
    machine.run("zswap", max_pool_percent=30, apply="next_boot")
    machine.run("transparent_hugepage", enabled="never", apply="next_boot")
    machine.remove("/run/systemd/container")
    machine.reboot()
    assert machine.run("zswap", max_pool_percent=30)["actions"] == []
    assert machine.run("transparent_hugepage", enabled="never")["actions"] == []
    machine.run("zswap", max_pool_percent=40, accept_threshold_percent=80)
    done = machine.run("zswap", state="absent")
    assert done["warnings"] == [
        "zswap: what max_pool_percent was before us is not known, so it stays as it is until the next boot"
    ]
    assert machine.text(ZSWAP + "/max_pool_percent") == "40\n"
    assert machine.text(ZSWAP + "/accept_threshold_percent") == "90\n"
    assert "enabled was before us is not known" in machine.run("transparent_hugepage", state="absent")["warnings"][0]
    assert machine.host.listdir("/var/lib") == []


def test_without_our_record_the_boot_file_tells_that_it_was_ours(machine):
    machine.run("zswap", max_pool_percent=30)
    machine.remove("/var/lib/highwater/memory/zswap/settings.json")
    machine.run("zswap", max_pool_percent=30)
    assert "max_pool_percent was before us is not known" in machine.run("zswap", state="absent")["warnings"][0]


def test_every_step_says_of_what(machine):
    """A step about the record alone has no name to speak of but that of what is kept there."""
    machine.run("zswap", max_pool_percent=30, accept_threshold_percent=80)
    kept = machine.run("zswap", state="absent", max_pool_percent=30, apply="next_boot")["actions"]
    assert kept[0] == "remember what max_pool_percent of zswap was before us (state: absent gives it back)"
    assert kept[-1] == "forget max_pool_percent of zswap in our record"
    assert machine.run("zswap", state="absent", max_pool_percent=30)["actions"] == [
        "set /sys/module/zswap/parameters/max_pool_percent to 20 (it is 30; 20 was before us)",
        "forget max_pool_percent of zswap in our record",
    ]


@pytest.mark.parametrize("how", [{"state": "absent"}, {"exclusive": True}])
def test_what_was_set_goes_where_the_kernel_no_longer_has_any_of_it(machine, how):
    """A kernel that is built without it is installed: nothing is left to give back to, but a file and a record."""
    machine.run("lru_gen", enabled=True, min_ttl_ms=1000)
    for name in ("enabled", "min_ttl_ms"):
        machine.remove(LRU_GEN + "/" + name)
    assert machine.run("lru_gen", **how)["changed"] is True
    assert machine.text(BOOT % "lru-gen") is None
    assert machine.host.listdir("/var/lib") == []
    assert machine.run("lru_gen", **how)["changed"] is False
