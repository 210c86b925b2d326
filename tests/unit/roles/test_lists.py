# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where a role does not understand a list that is given as a text, as by -e, as Ansible's own argument spec
understands it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

ROLES = Path(__file__).resolve().parents[3] / "roles"
SWAPFILE = "swapfile/vars/main.yml"


def value(file, name, **variables):
    environment = NativeEnvironment()
    environment.filters["extract"] = lambda key, container: container[key]  # as Ansible's
    template = yaml.safe_load((ROLES / file).read_text(encoding="utf-8"))[name]
    return environment.from_string(template).render(variables)


def rendered(file, name, **variables):
    return list(value(file, name, **variables))


@pytest.mark.parametrize(
    ("given", "chosen"), [(["server", "zram"], [1, 2]), ("server", [1]), ("server,zram", [1, 2]), ([], [])]
)
def test_which_profiles_are_chosen(given, chosen):
    variables = {"vm_tuning_known_profiles": {"server": 1, "zram": 2}, "vm_tuning_profiles": given}
    assert rendered("vm_tuning/vars/main/main.yml", "vm_tuning__chosen", **variables) == chosen


@pytest.mark.parametrize(
    ("given", "put_away"),
    [(["/swap.img"], ["/swap.img"]), ("/swap.img", ["/swap.img"]), ("/swap.img,/var/swap", ["/swap.img", "/var/swap"])],
)
def test_what_is_put_away(given, put_away):
    assert rendered("swapfile/vars/main.yml", "swapfile__disable", swapfile_disable=given) == put_away


@pytest.mark.parametrize(
    ("files", "disable", "twice"),
    [
        ([{"path": "/swapfile"}], [], []),
        ([{"path": "/swapfile"}], ["/swap.img", "/swap.img"], []),  # it is put away once
        ([{"path": "/swapfile"}], ["/swapfile"], ["/swapfile"]),
        ([{"path": "/swap.img", "state": "absent"}], "/var/swap,/swap.img", ["/swap.img"]),
        ([{"path": "/b", "size": "1GiB"}, {"path": "/a"}, {"path": "/b", "size": "2GiB"}], [], ["/b"]),
    ],
)
def test_which_swapfiles_are_listed_twice(files, disable, twice):
    """Fails where one that is to be there and to be put away is made and removed at each run."""
    put_away = value(SWAPFILE, "swapfile__disable", swapfile_disable=disable)
    assert rendered(SWAPFILE, "swapfile__twice", swapfile_files=files, swapfile__disable=put_away) == twice


def test_what_is_listed_twice_is_refused_before_anything_is_touched():
    first = yaml.safe_load((ROLES / "swapfile/tasks/main.yml").read_text(encoding="utf-8"))[0]
    assert first["when"] == "swapfile_state == 'present'"
    assert first["ansible.builtin.assert"]["that"] == "swapfile__twice | length == 0"


SKIPPED = {"changed": False, "supported": False, "reason": "filesystem", "msg": "path: /swapfile is on zfs"}
ON = {"changed": True, "swapfile": {"active": True}}
CONVERGED = dict(ON, changed=False)


@pytest.mark.parametrize(
    ("results", "held", "turns_on"),
    [
        ([], "", False),
        ([ON], "", True),
        ([CONVERGED], "", False),
        ([SKIPPED], SKIPPED["msg"], False),
        ([SKIPPED, ON], SKIPPED["msg"], True),
        ([dict(SKIPPED, reason="kubelet")], "", False),
    ],
)
def test_old_swap_by_what_became_of_the_new(results, held, turns_on):
    """Fails where old swap goes although new swap was skipped, or counts in check mode on swap that is not to come."""
    file, known = "swapfile/vars/main.yml", {"swapfile_result": {"results": results}, "omit": ""}
    assert value(file, "swapfile__hold_back", **known).strip() == held
    assert value(file, "swapfile__turns_on", **known) is turns_on


NOT_RUN = [{}, {"swapfile_result": {"changed": False, "skipped": True}}]


@pytest.mark.parametrize("known", NOT_RUN, ids=["not run", "skipped"])
def test_where_the_task_of_the_new_ones_was_not_run(known):
    """Fails where --start-at-task or --tags leaves the later ones with a variable that is not defined."""
    assert value(SWAPFILE, "swapfile__hold_back", **known).strip() == ""
    assert value(SWAPFILE, "swapfile__turns_on", **known) is False
    assert value(SWAPFILE, "swapfile__is_on", **known) is False


OFF = {"changed": True, "swapfile": {"active": False}}


@pytest.mark.parametrize(
    ("new", "old", "put_away", "on"),
    [
        ([], [], [], False),
        ([ON], [], [], True),
        ([CONVERGED], [OFF], [OFF], True),
        ([SKIPPED], [], [], False),
        ([SKIPPED], [CONVERGED], [], True),
        ([SKIPPED], [], [OFF, CONVERGED], True),
        ([OFF], [OFF], [OFF, SKIPPED], False),
    ],
)
def test_whether_any_swapfile_is_on(new, old, put_away, on):
    """Fails where what was held back, and so is on, is not told to other roles."""
    names = ("swapfile_result", "swapfile__absent_result", "swapfile__disabled_result")
    known = {name: {"results": results} for name, results in zip(names, (new, old, put_away))}
    assert value(SWAPFILE, "swapfile__is_on", **known) is on


def test_new_swapfiles_come_in_a_task_of_their_own():
    """Fails where a loop goes on to those that are to go after one that was to come has failed."""
    files = [{"path": "/old", "state": "absent"}, {"path": "/new"}, {"path": "/newer", "state": "present"}]
    found = {
        name: [item["path"] for item in rendered("swapfile/vars/main.yml", name, swapfile_files=files)]
        for name in ("swapfile__wanted", "swapfile__unwanted")
    }
    assert found == {"swapfile__wanted": ["/new", "/newer"], "swapfile__unwanted": ["/old"]}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("devices", "state", "missing", "on"),
    [
        ([{"name": "zram0"}], "present", [{"os_id": "ubuntu"}], True),
        ([{"name": "zram0", "fstype": "swap", "apply": "now"}], "present", [{"os_id": "ubuntu"}], True),
        ([{"name": "zram0", "fstype": "ext4"}], "present", [{"os_id": "ubuntu"}], False),
        ([{"name": "zram0", "apply": "next_boot"}], "present", [{"os_id": "ubuntu"}], False),
        ([{"name": "zram0"}], "present", [], False),
        ([{"name": "zram0"}], "absent", [{"os_id": "ubuntu"}], False),
    ],
)
def test_check_mode_counts_on_the_package_that_would_be_installed(check_mode, devices, state, missing, on):
    """Fails where check mode leaves out what vm_tuning does beside a zram swap, or a real run counts on one."""
    variables = {
        "zram_state": state,
        "zram__missing": missing,
        "zram_devices": devices,
        "ansible_check_mode": check_mode,
    }
    file, name = "zram/vars/main.yml", "zram__is_on"
    assert value(file, name, zram__active=[], zram_apply="now", **variables) is (on and check_mode)
    later = on and check_mode and devices[0].get("apply") == "now"
    assert value(file, name, zram__active=[], zram_apply="next_boot", **variables) is later
    assert value(file, name, zram__active=[True], zram_apply="now", **variables) is (state == "present")
