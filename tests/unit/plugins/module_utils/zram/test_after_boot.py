# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what an earlier boot had of ours is taken for what is there now, which may be somebody else's by then.

The owner that appears is zram-tools; what real ones make of a boot is for tests/lab/test_zram_neighbours.py.
"""

from __future__ import annotations

import errno
import json

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, record_path
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import CONTROL

from .zram_kernel import BEFORE, DEFAULTS, FRESH, UNITS, Kernel, run

LINK = UNITS + "/multi-user.target.wants/zramswap.service"
RECORD = record_path("zram_device", "zram0")
ALL = {"name": "all", "state": "absent"}


class Neighbour(Kernel):
    """A host that zram-tools may be installed on, and started at boot."""

    def install_zram_tools(self):
        unit = "/lib/systemd/system/zramswap.service"
        self.put("/etc/default/zramswap", "#ALGO=lz4\n")
        self.put(unit, "[Service]\nExecStart=/usr/sbin/zramswap start\n")
        Host.link(self, LINK, unit)

    def boots(self):
        super().boots()
        if self.readlink(LINK) and not self.priorities:
            if not self.exists(CONTROL):
                self.command_modprobe("zram")
            self.write_kernel("/sys/block/zram0/disksize", str(2**29))
            self.command_mkswap("/dev/zram0")
            self.command_swapon("-p", "100", "/dev/zram0")


@pytest.fixture
def kernel(tmp_path):
    return Neighbour(tmp_path)


NOT_PERSISTENT = dict(BEFORE, persistent=False)


@pytest.mark.parametrize("there", [True, False], ids=["module loaded before us", "not loaded"])
def test_what_was_for_one_boot_is_not_ours_in_the_next(kernel, there):
    if there:
        kernel.command_modprobe("zram")
    run(kernel, NOT_PERSISTENT)
    assert not run(kernel, NOT_PERSISTENT)["changed"]
    kernel.install_zram_tools()
    kernel.boots()
    assert kernel.priorities
    run(kernel, ALL)
    assert kernel.priorities
    assert kernel.readlink(LINK)
    assert not kernel.exists(RECORD)


def test_what_was_for_one_boot_is_taken_back_in_it(kernel):
    run(kernel, NOT_PERSISTENT)
    kernel.install_zram_tools()
    run(kernel, ALL)
    assert not kernel.priorities
    assert not kernel.exists(CONTROL)


def test_what_was_for_one_boot_can_be_had_in_the_next(kernel):
    """With the folder that was made for it: whose it was is not asked anew."""
    run(kernel, NOT_PERSISTENT)
    first = json.loads(Host.read(kernel, RECORD))
    kernel.boots()
    assert run(kernel, NOT_PERSISTENT)["changed"]
    assert not run(kernel, NOT_PERSISTENT)["changed"]
    again = json.loads(Host.read(kernel, RECORD))
    assert again.pop("given_up") != first.pop("given_up")
    assert again == first
    run(kernel, BEFORE)
    assert "given_up" not in json.loads(Host.read(kernel, RECORD))


@pytest.mark.parametrize("asked", [ALL, {"state": "absent"}], ids=["all", "by name"])
def test_a_record_without_a_boot_is_none_against_an_owner(kernel, asked):
    """As a run that was cut off leaves it, and a former version."""
    run(kernel, NOT_PERSISTENT)
    entry = json.loads(Host.read(kernel, RECORD))
    del entry["given_up"]
    kernel.put(RECORD, json.dumps(entry))
    kernel.install_zram_tools()
    kernel.boots()
    if asked == ALL:
        run(kernel, asked)
        assert not kernel.exists(RECORD)
    else:
        with pytest.raises(HighwaterError, match="zram0 is set up by zram-tools"):
            run(kernel, asked)
    assert kernel.priorities


@pytest.mark.parametrize(("name", "other"), [("zram0", "zram1"), ("zram1", "zram2")])
def test_another_name_is_another_one(kernel, name, other):
    kernel.put("/etc/fstab", "/dev/%s none swap sw 0 0\n" % name)
    with pytest.raises(HighwaterError, match="or choose another name such as %s$" % other):
        run(kernel, dict(BEFORE, name=name))


def test_the_diff_shows_what_it_became(kernel):
    """Fails where a list of algorithms is shown as its first, which this kernel does not have."""
    options = dict(BEFORE, algorithm=["842", "zstd", "lz4"])
    said = converge(resource, dict(DEFAULTS, **options), kernel, True)["diff"]["after"]["zram0"]
    assert said["algorithm"] == "the first of 842, zstd, lz4 that this kernel has"
    assert "echo 842" in said["unit"]
    assert "echo zstd" in said["unit"]
    params = dict(DEFAULTS, **options)
    done = run(kernel, options)["diff"]["after"]
    assert done == resource.managed(resource.observe(kernel, dict(params, check_mode=False)))
    assert done["zram0"]["algorithm"] == "zstd"
    gone = run(kernel, ALL)["diff"]
    assert gone["before"]["zram0"]["algorithm"] == "zstd"
    assert gone["after"]["zram0"]["algorithm"] is None


def test_nobody_is_switched_off_for_one_boot(kernel):
    """Fails where the boots after that have no zram at all."""
    kernel.install_zram_tools()
    kernel.boots()
    with pytest.raises(
        HighwaterError, match=r"^take_over: zram-tools \(.*\) would be .*: leave persistent: false out, or"
    ):
        run(kernel, dict(NOT_PERSISTENT, take_over=True))
    assert kernel.readlink(LINK)
    run(kernel, dict(BEFORE, take_over=True))
    with pytest.raises(
        HighwaterError, match=r"^persistent: false would leave zram0 to nobody .*: run state: absent first"
    ):
        run(kernel, NOT_PERSISTENT)
    run(kernel, {"state": "absent"})
    kernel.boots()
    assert kernel.readlink(LINK)
    assert kernel.priorities


@pytest.mark.parametrize("again", [{}, {"take_over": True}], ids=["", "taken over again"])
def test_who_was_switched_off_for_the_next_boot_does_not_stop_ours_in_this_one(kernel, again):
    """Fails where their stop command swaps off what is ours by then, or where a boot later anything is left to do."""
    kernel.install_zram_tools()
    kernel.boots()
    for_next_boot = dict(BEFORE, take_over=True, apply="next_boot")
    run(kernel, for_next_boot)
    assert not run(kernel, for_next_boot)["changed"]
    drop_in = "/run/systemd/system/zramswap.service.d/highwater.conf"
    assert not kernel.exists(drop_in)
    done = run(kernel, dict(BEFORE, **again))["actions"]
    assert "ExecStop=\n" in kernel.read(drop_in)
    (quiet,) = (number for number, step in enumerate(done) if "stop command" in step)
    (off,) = (number for number, step in enumerate(done) if step.startswith("swap off /dev/zram0"))
    assert quiet < done.index("reload systemd (its units have changed)") < off
    assert not run(kernel, dict(BEFORE, **again))["changed"]
    kernel.boots()
    assert not run(kernel, dict(BEFORE, **again))["changed"]
    assert not kernel.exists(drop_in)


def test_who_was_switched_off_for_a_boot_that_has_come_needs_no_more(kernel):
    """Fails where a converged host gets a file for a unit that does not run."""
    kernel.install_zram_tools()
    kernel.boots()
    run(kernel, dict(BEFORE, take_over=True, apply="next_boot"))
    kernel.boots()
    run(kernel, BEFORE)
    assert kernel.listdir("/run/systemd/system") == []


@pytest.mark.parametrize("there", [True, False], ids=["module loaded before us", "not loaded"])
@pytest.mark.parametrize("apply", ["now", "next_boot"])
@pytest.mark.parametrize("booted", [True, False])
def test_nothing_stays_of_what_was_asked_for(kernel, there, apply, booted):
    """Fails where the module stays loaded that the boot has loaded for us."""
    if there:
        kernel.command_modprobe("zram")
    options = dict(BEFORE, apply=apply)
    assert run(kernel, options)["changed"]
    assert not run(kernel, options)["changed"]
    if booted:
        kernel.boots()
        assert kernel.priorities
    run(kernel, ALL)
    assert not kernel.priorities
    assert kernel.exists(CONTROL) == there
    assert kernel.listdir("/var/lib/highwater") == []


@pytest.mark.parametrize("apply", ["now", "next_boot"])
def test_one_damaged_record_is_no_reason_to_leave_the_others(kernel, apply):
    """Fails where nothing is taken back, or nobody is told what stays."""
    for name in ("zram0", "zram1"):
        run(kernel, dict(BEFORE, name=name, size="64MiB"))
    kernel.put(RECORD, "{")
    options = dict(ALL, apply=apply)
    said = []
    for check_mode in (True, False, False):
        with pytest.raises(HighwaterError, match=r"zram0.json is damaged .*: remove it") as caught:
            converge(resource, dict(DEFAULTS, **options), kernel, check_mode)
        said.append((caught.value.facts.get("changed", False), bool(caught.value.facts.get("actions"))))
    assert said == [(True, True), (True, True), (False, False)]
    assert list(kernel.priorities) == ["/dev/zram0"] + ["/dev/zram1"] * (apply == "next_boot")
    assert not kernel.exists(UNITS + "/highwater-zram1.service")
    Forget("zram_device", "zram0").perform(kernel)
    run(kernel, ALL)
    assert not kernel.priorities
    assert not kernel.exists(CONTROL)
    assert kernel.listdir("/var/lib/highwater") == []


class KeepsAlgorithms(Kernel):
    """Linux 6.2 to 6.11, where a reset keeps the algorithms for a second pass."""

    def write_kernel(self, path, text):
        file = path.rpartition("/")[0] + "/recomp_algorithm"
        kept = Host.read(self, file) if path.endswith("/reset") else None
        super().write_kernel(path, text)
        if kept:
            self.put(file, kept)


def test_absent_where_a_reset_keeps_recompression(tmp_path):
    """Fails where the device is to let go of what holds nothing, and never can."""
    kernel = KeepsAlgorithms(tmp_path)
    kernel.command_modprobe("zram")
    run(kernel, dict(BEFORE, recompress=["zstd"]))
    assert run(kernel, {"state": "absent"})["changed"]
    assert not run(kernel, {"state": "absent"})["changed"]
    assert not kernel.priorities
    assert kernel.listdir("/var/lib/highwater") == []


class BuiltIn(Kernel):
    """A kernel with zram in it, once it has booted."""

    def boots(self):
        self.put("/sys/module/zram/parameters/num_devices", "1\n")
        super().boots()

    def command_modprobe(self, *words):
        if words[0] == "-r" and self.booted:
            return Completed(1, "", "modprobe: FATAL: Module zram is builtin.")
        return super().command_modprobe(*words)

    booted = False


def test_absent_where_the_booted_kernel_has_zram_built_in(tmp_path):
    """As an image that was made on a host without it; fails where all is rolled back for what cannot be unloaded."""
    kernel = BuiltIn(tmp_path)
    run(kernel, dict(BEFORE, apply="next_boot"))
    kernel.boots()
    kernel.booted = True
    assert kernel.priorities
    run(kernel, ALL)
    assert not kernel.priorities
    assert kernel.devices() == ["zram0"]
    assert Host.read(kernel, "/sys/block/zram0/disksize") == FRESH["disksize"]
    assert kernel.listdir("/var/lib/highwater") == []
    assert not run(kernel, ALL)["changed"]


def test_by_name_what_nobody_sets_up_at_boot_is_taken_away(kernel):
    """As without any record; fails where nothing is done, and the record stays for good."""
    run(kernel, NOT_PERSISTENT)
    kernel.boots()
    kernel.command_modprobe("zram")
    kernel.write_kernel("/sys/block/zram0/disksize", str(2**29))
    kernel.command_mkswap("/dev/zram0")
    kernel.command_swapon("-p", "100", "/dev/zram0")
    assert run(kernel, {"state": "absent"})["changed"]
    assert not kernel.priorities
    assert not kernel.exists(RECORD)
    assert not run(kernel, {"state": "absent"})["changed"]


def test_an_empty_device_is_no_reason_to_forget_a_size(kernel):
    options = dict(BEFORE, size="available / 2", persistent=False)
    kernel.command_modprobe("zram")
    size = run(kernel, options)["zram"]["size"]
    kernel.boots()
    kernel.command_modprobe("zram")
    kernel.use(100)
    assert run(kernel, options)["zram"]["size"] == size


class Without(Kernel):
    """A kernel that lacks an algorithm, once it has booted."""

    lacks = ""

    def taken(self, path, file, text):
        if file == "comp_algorithm" and text == self.lacks:
            raise OSError(errno.EINVAL, "Invalid argument", path)
        said = super().taken(path, file, text)
        return " ".join(word for word in said.split() if word != self.lacks)


def test_a_kernel_without_what_was_settled_takes_another_of_the_list(tmp_path):
    """Fails where there is no swap until Ansible runs again, or where that run then changes the device."""
    kernel = Without(tmp_path)
    options = dict(BEFORE, algorithm=["zstd", "lz4"])
    assert run(kernel, options)["zram"]["algorithm"] == "zstd"
    assert not run(kernel, options)["changed"]
    kernel.lacks = "zstd"
    kernel.boots()
    assert kernel.priorities
    done = run(kernel, options)
    assert done["zram"]["algorithm"] == "lz4"
    assert not [step for step in done["actions"] if "swap off" in step]
    assert not run(kernel, options)["changed"]
    kernel.boots()
    assert kernel.priorities
