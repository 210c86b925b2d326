# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call gives back counts as what it will be.

Fails where a guard or a warning reckons with the number of a setting that the same call takes away, where giving back
does harm unseen, where the limit of strict overcommit comes after strict overcommit itself, or where a link in our
file's place keeps absent from giving anything back.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

FILE = "/etc/sysctl.d/90-highwater.conf"
COMMITTED = "MemTotal: 4194304 kB\nMemFree: 100000 kB\nMemAvailable: 3000000 kB\nCommitted_AS: 3000000 kB\n"


def lowered(machine, **params):
    """Refused, with nothing changed."""
    before = machine.everything()
    with pytest.raises(HighwaterError, match=r"overcommit_memory: 2 would put the commit limit at 2 GiB") as caught:
        machine.run(exclusive=True, **params)
    assert caught.value.reason == "guard"
    assert machine.everything() == before


def test_strict_overcommit_beside_a_ratio_that_goes_in_the_same_call(machine):
    machine.write("/proc/meminfo", COMMITTED)
    machine.run(settings={"overcommit_ratio": 95})
    lowered(machine, settings={"overcommit_memory": 2})
    machine.run(settings={"overcommit_memory": 2}, exclusive=True, force=True)


def test_strict_overcommit_that_stays_while_its_ratio_goes(machine):
    machine.write("/proc/meminfo", COMMITTED)
    machine.run(settings={"overcommit_memory": 2, "overcommit_ratio": 95})
    lowered(machine, settings={"overcommit_memory": 2})


def test_strict_overcommit_that_is_itself_given_back(machine):
    machine.write("/proc/sys/vm/overcommit_memory", "2\n")
    machine.run(settings={"overcommit_memory": 0, "swappiness": 10})
    machine.write("/proc/meminfo", COMMITTED)
    lowered(machine, settings={"swappiness": 10})
    machine.run(state="absent")  # always a way back
    assert machine.live("overcommit_memory") == "2"


def test_a_limit_in_kilobytes_that_goes_leaves_its_ratio_to_reckon_with(machine):
    machine.write("/proc/meminfo", COMMITTED)
    machine.run(settings={"overcommit_memory": 2, "overcommit_kbytes": "4GiB"})
    lowered(machine, settings={"overcommit_memory": 2})


def test_a_background_limit_that_goes_back_to_its_ratio_is_only_warned_of(machine):
    machine.run(settings={"dirty_background_bytes": "256MiB", "dirty_bytes": "1GiB"})
    done = machine.run(settings={"dirty_bytes": "128MiB"}, exclusive=True)
    assert (machine.live("dirty_background_ratio"), machine.live("dirty_bytes")) == ("10", "134217728")
    assert [warning.split(" is above ")[0] for warning in done["warnings"]] == [
        "vm.dirty_background_ratio: 10 (% of RAM, 409.60 MiB)"
    ]


def test_check_mode_warns_of_the_limit_that_will_be_there(machine):
    machine.run(settings={"dirty_background_bytes": "64MiB", "dirty_bytes": "1GiB"})
    asked = {"settings": {"dirty_bytes": "128MiB"}, "exclusive": True}
    assert machine.run(check=True, **asked)["warnings"] == machine.run(**asked)["warnings"] != []


def test_a_ratio_that_comes_back_above_the_one_that_is_asked_for_is_refused(machine):
    machine.run(settings={"dirty_background_ratio": 2, "dirty_ratio": 15})
    with pytest.raises(HighwaterError, match=r"dirty_background_ratio: 10 .* is above vm\.dirty_ratio: 5 "):
        machine.run(settings={"dirty_ratio": 5}, exclusive=True)


def test_watermarks_are_reckoned_with_the_reserve_that_comes_back(machine):
    machine.run(settings={"min_free_kbytes": 200000})
    machine.run(settings={"watermark_scale_factor": 600}, exclusive=True)
    assert (machine.live("min_free_kbytes"), machine.live("watermark_scale_factor")) == ("67584", "600")


def test_what_was_before_us_is_no_request_to_be_judged_by_itself(machine):
    """A reserve below the kernel's own choice, given back: nobody asks for it, so nobody can write another."""
    machine.write("/proc/sys/vm/min_free_kbytes", "1024\n")
    machine.run(settings={"min_free_kbytes": 67584, "swappiness": 10})
    machine.run(settings={"swappiness": 10}, exclusive=True)
    assert machine.live("min_free_kbytes") == "1024"


def test_strict_overcommit_comes_last_and_goes_first(machine):
    """In between, the limit would be the one of before."""
    asked = {"overcommit_memory": 2, "overcommit_ratio": 95, "swappiness": 10}
    done = machine.run(settings=asked)
    assert [action.split()[1] for action in done["actions"] if action.startswith("set ")] == [
        "vm.overcommit_ratio", "vm.swappiness", "vm.overcommit_memory",
    ]  # fmt: skip
    machine.run(settings={"overcommit_kbytes": "4GiB"})
    back = machine.run(state="absent")
    assert next(action for action in back["actions"] if action.startswith("set ")).split()[1] == "vm.overcommit_memory"


@pytest.mark.parametrize("target", ["/dev/null", "../elsewhere.conf"])
def test_a_link_in_our_file_s_place_keeps_nothing_from_being_given_back(machine, target):
    """An administrator masks our file; we are asked to go."""
    before = machine.everything()
    machine.run(settings={"swappiness": 10})
    machine.host.remove(FILE)
    machine.link(FILE, target)
    with pytest.raises(HighwaterError, match="is a symbolic link"):
        machine.run(settings={"swappiness": 20})
    assert machine.run(state="absent")["changed"] is True
    assert machine.everything() == before
    assert (machine.folder / FILE[1:]).is_symlink()
    assert machine.run(state="absent")["changed"] is False


def test_check_mode_does_not_warn_of_a_file_that_ours_will_hide(machine):
    machine.write("/usr/lib/sysctl.d/90-highwater.conf", "vm.swappiness = 5\n")
    assert machine.run(check=True, settings={"swappiness": 10})["warnings"] == []
    assert machine.run(settings={"swappiness": 10})["warnings"] == []


@pytest.mark.parametrize("check", [True, False])
def test_a_file_that_another_of_its_name_hides_is_warned_of_before_it_is_there(machine, check):
    machine.write("/etc/sysctl.d/90-x.conf", "")
    done = machine.run(check=check, settings={"swappiness": 10}, file="/run/sysctl.d/90-x.conf")
    assert "is not read at boot" in " ".join(done["warnings"])


RECORD = "/var/lib/highwater/memory/vm_sysctl/%2Fetc%2Fsysctl.d%2F90-highwater.conf.json"
OF_ALL_KINDS = {
    "swappiness": 10, "dirty_bytes": "64MiB", "dirty_background_ratio": 1, "lowmem_reserve_ratio": "128 128 32 0",
    "kernel.numa_balancing": 0,
}  # fmt: skip


@pytest.mark.parametrize("between", ["nothing", "the same once more", "others", "an edit by hand", "one of them"])
def test_without_our_record_the_file_s_own_comments_say_what_was_before_us(machine, between):
    """A machine whose /etc was restored and /var was not; or a damaged record, removed as the error advises."""
    machine.write("/proc/sys/vm/dirty_background_ratio", "0\n")
    machine.write("/proc/sys/vm/dirty_background_bytes", "1048576\n")
    machine.write("/proc/sys/vm/lowmem_reserve_ratio", "256 256 32 0\n")
    before = machine.everything()
    machine.run(settings=OF_ALL_KINDS)
    machine.host.remove(RECORD)
    if between == "the same once more":
        machine.run(settings=OF_ALL_KINDS)
        assert machine.run(settings=OF_ALL_KINDS)["changed"] is False
        machine.host.remove(RECORD)
    if between == "others":
        machine.run(settings={"page-cluster": 0, "max_map_count": 70000})
        assert machine.run(settings={"page-cluster": 0, "max_map_count": 70000})["changed"] is False
        assert "# our record of it was lost; before: 60\nvm.swappiness = 10\n" in machine.text(FILE)
        machine.host.remove(RECORD)
    if between == "an edit by hand":
        machine.write(FILE, machine.text(FILE).replace("swappiness = 10", "swappiness = 11"))
    if between == "one of them":
        machine.run(state="absent", settings={"dirty_bytes": None})
        assert (machine.live("dirty_bytes"), machine.live("dirty_ratio")) == ("0", "20")
        assert machine.live("swappiness") == "10"
    done = machine.run(state="absent")
    assert done["warnings"] == []
    assert machine.everything() == before


def test_a_comment_that_says_nothing_gives_nothing_back(machine):
    machine.run(settings={"swappiness": 10, "page-cluster": 0, "max_map_count": 70000})
    text = machine.text(FILE).replace("before: 60", "before: $(true)").replace("before: 3", "before: not known")
    machine.write(FILE, text.replace("# settings; before: 65530\n", "\n"))
    machine.host.remove(RECORD)
    done = machine.run(state="absent")
    assert [machine.live(name) for name in ("swappiness", "page-cluster", "max_map_count")] == ["10", "0", "70000"]
    assert done["warnings"] == [
        "what vm.max_map_count, vm.page-cluster, vm.swappiness was before us is not known, so it stays as it is until "
        "the next boot"
    ]


@pytest.mark.parametrize("asked", [{"state": "absent"}, {"settings": {"page-cluster": 0}, "exclusive": True}])
def test_what_is_given_up_for_the_next_boot_can_still_be_given_back_now(machine, asked):
    before = machine.everything()
    machine.run(settings={"swappiness": 10, "dirty_bytes": "64MiB", "page-cluster": 0})
    machine.run(apply="next_boot", **asked)
    assert machine.run(apply="next_boot", **asked)["changed"] is False
    assert machine.live("swappiness") == "10"
    machine.run(**asked)
    assert [machine.live(name) for name in ("swappiness", "dirty_bytes", "dirty_ratio")] == ["60", "0", "20"]
    assert machine.run(**asked)["changed"] is False
    machine.run(state="absent")
    assert machine.everything() == before


def test_what_was_given_up_for_the_next_boot_and_is_wanted_again(machine):
    """What it was before us is not what we had made of it."""
    before = machine.everything()
    machine.run(settings={"swappiness": 10, "dirty_bytes": "64MiB"})
    machine.run(state="absent", apply="next_boot")
    machine.run(settings={"swappiness": 10, "page-cluster": 0})
    assert "# settings; before: 60\nvm.swappiness = 10\n" in machine.text(FILE)
    machine.run(settings={"dirty_ratio": 30}, apply="next_boot")
    machine.run(state="absent")
    assert machine.everything() == before


def test_after_that_boot_nothing_of_it_is_given_back(machine):
    """By then somebody else may have set it."""
    machine.run(settings={"swappiness": 10, "page-cluster": 0})
    asked = {"settings": {"page-cluster": 0}, "exclusive": True}
    machine.run(apply="next_boot", **asked)
    machine.reboot()
    machine.write("/proc/sys/vm/swappiness", "33\n")
    assert machine.run(**asked)["changed"] is False
    machine.run(settings={"swappiness": 10})
    assert "before: 33\nvm.swappiness = 10" in machine.text(FILE)
    machine.run(state="absent", apply="next_boot")
    machine.reboot()
    machine.write("/proc/sys/vm/swappiness", "34\n")
    machine.run(state="absent")
    assert machine.live("swappiness") == "34"
    assert machine.host.listdir("/var/lib") == []


def test_what_a_setting_is_after_it_was_given_up_for_the_next_boot_only(machine):
    machine.run(settings={"swappiness": 10, "page-cluster": 0})
    asked = {"settings": {"page-cluster": 0}, "exclusive": True, "apply": "next_boot"}
    checked, done = machine.run(check=True, **asked), machine.run(**asked)
    assert checked["settings"] == done["settings"]
    assert done["settings"]["vm.swappiness"]["after"] == 10 == int(machine.live("swappiness"))


@pytest.mark.parametrize("asked", [{"state": "absent"}, {"settings": {"page-cluster": 0}, "exclusive": True}])
@pytest.mark.parametrize("manner", ["refuses", "halves"])
def test_what_the_kernel_does_not_take_back_keeps_nothing_else_from_going(machine, asked, manner):
    """512 huge pages were there; by now memory is too fragmented for so many, and our own settings are to go all the
    same."""
    machine.write("/proc/sys/vm/nr_hugepages", "512\n")
    before = machine.everything()
    machine.run(settings={"nr_hugepages": 100, "swappiness": 10, "page-cluster": 0})
    setattr(machine.host, manner, ("nr_hugepages",))
    done = machine.run(**asked)
    assert machine.live("swappiness") == "60"
    assert "nr_hugepages" not in (machine.text(FILE) or "")
    stays = machine.live("nr_hugepages")
    assert done["settings"]["vm.nr_hugepages"]["after"] == int(stays)
    why = "Invalid argument" if manner == "refuses" else "the kernel was given 512 and made 256 of it"
    assert len(done["warnings"]) == 1
    assert done["warnings"][0].startswith(
        "vm.nr_hugepages stays %s, though 512 was to be given back: %s" % (stays, why)
    )
    assert machine.run(**asked)["changed"] is False
    machine.run(state="absent")
    after = machine.everything()
    after["proc/sys/vm/nr_hugepages"] = "512\n"
    assert after == before


def test_what_one_call_could_not_give_back_says_nothing_of_the_next_on_the_same_host(machine):
    """The stages of one converge run in one process."""
    machine.write("/proc/sys/vm/nr_hugepages", "512\n")
    machine.run(settings={"nr_hugepages": 100})
    machine.host.refuses = ("nr_hugepages",)
    assert machine.run(state="absent")["settings"]["vm.nr_hugepages"]["after"] == 100
    machine.host.refuses = ()
    done = machine.run(check=True, settings={"nr_hugepages": 200})
    assert done["settings"]["vm.nr_hugepages"]["after"] == 200
