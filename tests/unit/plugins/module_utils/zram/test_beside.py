# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a device goes out of the boot with another without a word, or comes back into it beside ours.

The owner here is zram-init of OpenRC, which sets up zram0 and zram1; it is switched off as a whole, or not at all.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, recall
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import KIND as TAKEN_KIND

DEFAULTS = dict({name: option.get("default") for name, option in ARGUMENTS.items()}, apply="next_boot", size="64MiB")
LINK, SCRIPT = "/etc/runlevels/boot/zram-init", "/etc/init.d/zram-init"
FILES = {
    "/proc/meminfo": "MemTotal: 2097152 kB\nMemFree: 9999 kB\nMemAvailable: 9999 kB\nCommitted_AS: 1 kB\n"
    "CommitLimit: 1 kB\n",
    "/proc/stat": "cpu  1\ncpu0 1\n",
    "/proc/sys/kernel/random/boot_id": "this-boot\n",
    "/sys/class/zram-control/hot_remove": "",
    "/sbin/openrc": "",
    "/run/openrc/softlevel": "default",
    SCRIPT: "",
    "/etc/conf.d/zram-init": "num_devices=2\ntype0=swap\nsize0=512\ntype1=/var/log\nsize1=64\n",
}


@pytest.fixture
def host(tmp_path):
    host = Host(str(tmp_path), lambda argv, timeout: Completed(0, "", ""))
    for path, text in FILES.items():
        host.install(path, text)
    host.link(LINK, SCRIPT)
    return host


@pytest.fixture
def by_systemd(host):
    """The same host with systemd instead."""
    host.remove("/run/openrc/softlevel")
    host.remove(LINK)
    host.make_folder("/run/systemd/system")
    return host


def run(host, check_mode=False, **options):
    return converge(resource, dict(DEFAULTS, **options), host, check_mode)


def said(done):
    return [text for text in done["warnings"] if "zram-init" in text]


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_other_device_is_named(host, check_mode):
    """Fails where zram1 is not told of, before it happens and after."""
    assert said(run(host, check_mode, name="zram0", take_over=True)) == [
        "take_over: zram-init (/etc/conf.d/zram-init) sets up zram1 as well, and from the next boot on nobody does: "
        "have this module do it (name: zram1), or take it out of that file"
    ]
    assert (host.readlink(LINK) is None) is not check_mode


def test_taken_over_one_after_another(host):
    """Fails where the first is refused for the second, or a warning stays that is about nothing."""
    run(host, name="zram0", take_over=True)
    assert said(run(host, name="zram1", take_over=True)) == []
    assert said(run(host, name="zram0", take_over=True)) == []


def test_nothing_is_said_of_what_somebody_else_sets_up(host):
    """Fails where a device counts as deserted that another owner has, or one that nobody wants any more."""
    host.install("/etc/fstab", "/dev/zram1 none swap sw 0 0\n")
    assert said(run(host, name="zram0", take_over=True)) == []
    host.remove("/etc/fstab")
    host.install("/etc/conf.d/zram-init", "num_devices=1\ntype0=swap\nsize0=512\n")
    assert said(run(host, name="zram0", take_over=True)) == []


def test_a_unit_that_sets_up_two(by_systemd):
    """Fails where only OpenRC's owners are looked at."""
    unit = "/etc/systemd/system/both.service"
    by_systemd.install(unit, "[Service]\nExecStart=zramctl -s 1G zram0\nExecStart=zramctl -s 1G zram2\n")
    by_systemd.link("/etc/systemd/system/multi-user.target.wants/both.service", "../both.service")
    (warning,) = (text for text in run(by_systemd, name="zram0", take_over=True)["warnings"] if "both" in text)
    assert "(%s) sets up zram2 as well" % unit in warning


@pytest.mark.parametrize("order", [("zram0", "zram1"), ("zram1", "zram0")])
def test_given_back_with_the_last(host, order):
    """Fails where their script comes back while it would set up one that is still ours, or does not with the last."""
    run(host, name="zram0", take_over=True)
    run(host, name="zram1")
    done = run(host, name=order[0], state="absent")
    assert host.readlink(LINK) is None
    if order[0] == "zram0":
        assert "leave zram-init switched off, for zram1 (which it would set up as well)" in done["actions"]
    assert recall(host, TAKEN_KIND, {"zram0": "zram1", "zram1": "zram0"}[order[0]])["links"] == [[LINK, SCRIPT]]
    run(host, name=order[1], state="absent")
    assert host.readlink(LINK) == SCRIPT
    assert not host.listdir("/var/lib/highwater/memory/" + TAKEN_KIND)


def test_given_back_with_all(host):
    """Fails where one of those that go keeps the script from coming back."""
    run(host, name="zram0", take_over=True)
    run(host, name="zram1")
    run(host, name="all", state="absent")
    assert host.readlink(LINK) == SCRIPT
    assert not host.listdir("/var/lib/highwater/memory/" + TAKEN_KIND)


def test_one_that_is_given_up_holds_nothing_back(host):
    """Fails where the script stays off for a device that is ours only until the next boot."""
    run(host, name="zram0", take_over=True)
    Remember(KIND, "zram1", {"created": True, "given_up": "this-boot"}).perform(host)
    run(host, name="zram0", state="absent")
    assert host.readlink(LINK) == SCRIPT


def test_what_stays_switched_off_stays_quiet(by_systemd):
    """Fails where a unit that still runs gets its stop command back, which would swap a device off that is ours."""
    unit, link = "/etc/systemd/system/both.service", "/etc/systemd/system/multi-user.target.wants/both.service"
    quiet = "/run/systemd/system/both.service.d/highwater.conf"
    by_systemd.install(unit, "[Service]\nExecStart=zramctl -s 1G zram0\nExecStart=zramctl -s 1G zram2\n")
    by_systemd.install(quiet, "[Service]\nExecStop=\n")
    for name in ("zram0", "zram2"):
        Remember(KIND, name, {"created": True}).perform(by_systemd)
    Remember(TAKEN_KIND, "zram0", {"links": [[link, "../both.service"]], "quiet": [quiet]}).perform(by_systemd)
    done = run(by_systemd, name="zram0", state="absent")
    assert "leave both.service switched off, for zram2 (which it would set up as well)" in done["actions"]
    assert by_systemd.exists(quiet)
    assert recall(by_systemd, TAKEN_KIND, "zram2") == {"links": [[link, "../both.service"]], "quiet": [quiet]}
    run(by_systemd, name="zram2", state="absent")
    assert not by_systemd.exists(quiet)
    assert by_systemd.readlink(link) == "../both.service"
