# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where who sets a device up is missed, or seen where nobody does; goes on when taken over; is not given back.

What a boot then makes of it is for tests/lab/test_zram_neighbours.py.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Run, apply
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import find_owners, logical_lines
from ansible_collections.highwater.memory.plugins.module_utils.zram.take_over import (
    hand_back_steps,
    take_over_steps,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import observe_taken

UNITS, WANTS = "/etc/systemd/system", "/etc/systemd/system/multi-user.target.wants"
GENERATOR = "/lib/systemd/system-generators/zram-generator"
ZRAM_INIT = "num_devices=2\ntype0=swap\nsize0=512\ntype1=/tmp # a folder\nsize1=`free`\ntype2=swap\nsize2=1\n"

# What is there (a text, or -> where a link points to), and who then sets up which device by which file.
NEIGHBOURS = {
    "zram-tools": (
        {"/etc/default/zramswap": "#ALGO=lz4\n", WANTS + "/zramswap.service": "-> /lib/systemd/system/zramswap.service",
         "/lib/systemd/system/zramswap.service": "[Service]\nExecStart=/usr/sbin/zramswap start\n"},
        {"zram0": [("zram-tools", "/etc/default/zramswap")], "zram1": []},
    ),
    "zramswap": (
        {"/etc/zramswap.conf": "", WANTS + "/zramswap.service": "-> /usr/lib/systemd/system/zramswap.service"},
        {"zram0": [("zramswap", "/etc/zramswap.conf")]},
    ),
    "zram-tools, installed but off": (
        {"/etc/default/zramswap": "", "/lib/systemd/system/zramswap.service": "[Service]\n"},
        {"zram0": []},
    ),
    "zram-config, by its vendor's link": (
        {"/usr/bin/init-zram-swapping": "", "/usr/lib/systemd/system/zram-config.service": "[Service]\n",
         "/usr/lib/systemd/system/multi-user.target.wants/zram-config.service": "-> ../zram-config.service"},
        {"zram0": [("zram-config", "/usr/bin/init-zram-swapping")],
         "zram3": [("zram-config", "/usr/bin/init-zram-swapping")]},
    ),
    "zram-generator": (
        {GENERATOR: "ELF", "/etc/systemd/zram-generator.conf": "# swap\n[zram0]\n[zram1]\nzram-size = ram\n"},
        {"zram0": [("zram-generator", "/etc/systemd/zram-generator.conf")], "zram10": []},
    ),
    "zram-generator, by a part in /usr/lib": (
        {GENERATOR: "ELF", "/usr/lib/systemd/zram-generator.conf.d/10-x.conf": "[zram0]\n"},
        {"zram0": [("zram-generator", "/usr/lib/systemd/zram-generator.conf.d/10-x.conf")]},
    ),
    "zram-generator, that part hidden by an empty one": (
        {GENERATOR: "ELF", "/usr/lib/systemd/zram-generator.conf.d/10-x.conf": "[zram0]\n",
         "/etc/systemd/zram-generator.conf.d/10-x.conf": ""},
        {"zram0": []},
    ),
    "zram-generator, off by its own setting": (
        {GENERATOR: "ELF", "/etc/systemd/zram-generator.conf": "[zram0]\nhost-memory-limit = 0\n[zram1]\n"},
        {"zram0": [], "zram1": [("zram-generator", "/etc/systemd/zram-generator.conf")]},
    ),
    "zram-generator, the program switched off by a link": (
        {GENERATOR: "ELF", "/etc/systemd/system-generators/zram-generator": "-> /dev/null",
         "/usr/lib/systemd/zram-generator.conf": "[zram0]\n"},
        {"zram0": []},
    ),
    "zram-generator, the program switched off by an empty file": (
        {"/usr/lib/systemd/system-generators/zram-generator": "ELF",
         "/run/systemd/system-generators/zram-generator": "", "/usr/lib/systemd/zram-generator.conf": "[zram0]\n"},
        {"zram0": []},
    ),
    "zram-generator, the program as the administrator has it": (
        {"/usr/lib/systemd/system-generators/zram-generator": "",
         "/etc/systemd/system-generators/zram-generator": "-> /opt/zram-generator",
         "/usr/lib/systemd/zram-generator.conf": "[zram0]\n"},
        {"zram0": [("zram-generator", "/usr/lib/systemd/zram-generator.conf")]},
    ),
    "zram-generator's configuration without the program": (
        {"/etc/systemd/zram-generator.conf": "[zram0]\n"}, {"zram0": []},
    ),
    "zram-init by systemd": (
        {UNITS + "/zram_tmp.service": "[Service]\nExecStart=/sbin/zram-init -d1 -azstd 2048 /tmp\n",
         WANTS + "/zram_tmp.service": "-> ../zram_tmp.service"},
        {"zram0": [], "zram1": [("zram-init", UNITS + "/zram_tmp.service")]},
    ),
    "zram-init by OpenRC": (
        {"/etc/conf.d/zram-init": ZRAM_INIT, "/etc/init.d/zram-init": "zram-init -d 0",
         "/etc/runlevels/boot/zram-init": "-> /etc/init.d/zram-init"},
        {"zram0": [("zram-init", "/etc/conf.d/zram-init")], "zram1": [("zram-init", "/etc/conf.d/zram-init")],
         "zram2": []},
    ),
    "a script of OpenRC": (
        {"/etc/init.d/mine": "# zram1\nswapon /dev/zram0\n", "/etc/runlevels/default/mine": "-> /etc/init.d/mine"},
        {"zram0": [("a script of this host's own", "/etc/init.d/mine")], "zram1": []},
    ),
    "two units, one of them by a target's requirement": (
        {UNITS + "/a.service": "[Service]\nExecStart=zramctl /dev/zram0 -s 1G\n",
         WANTS + "/a.service": "-> ../a.service",
         UNITS + "/dev-zram0.swap": "[Swap]\nWhat=/dev/zram0\n",
         UNITS + "/swap.target.requires/dev-zram0.swap": "-> ../dev-zram0.swap"},
        {"zram0": [("a unit of this host's own", UNITS + "/a.service"),
                   ("a unit of this host's own", UNITS + "/dev-zram0.swap")]},
    ),
    "an instance of a template": (
        {UNITS + "/zram@.service": "[Service]\nExecStart=zramctl /dev/%i\n",
         WANTS + "/zram@zram0.service": "-> ../zram@.service"},
        {"zram0": [("a unit of this host's own", UNITS + "/zram@.service")], "zram1": []},
    ),
    "a unit that runs a script": (
        {UNITS + "/mine.service": "[Service]\nExecStart=/usr/local/bin/mine.sh a\nExecStop=/usr/local/bin/mine.sh b\n",
         WANTS + "/mine.service": "-> ../mine.service",
         "/usr/local/bin/mine.sh": "#!/bin/sh\n# zram1\necho 1G > /sys/block/zram0/disksize\nswapon /dev/zram0\n"},
        {"zram0": [("a script of this host's own", "/usr/local/bin/mine.sh")], "zram1": []},
    ),
    "a unit that has a shell run one": (
        {UNITS + "/mine.service": "[Service]\nExecStartPre=-/bin/true\nExecStart=/bin/bash -e '/opt/mine' start\n",
         WANTS + "/mine.service": "-> ../mine.service",
         "/opt/mine": "#!/bin/bash\nset -e\nzramctl --size 1G /dev/zram0\nmkswap /dev/zram0\n"},
        {"zram0": [("a script of this host's own", "/opt/mine")]},
    ),
    "units that run what only looks, a program, and nothing that is there": (
        {UNITS + "/a.service": "[Service]\nExecStart=/usr/local/bin/look\n", WANTS + "/a.service": "-> ../a.service",
         "/usr/local/bin/look": "#!/bin/sh\n# mkswap\nswapon --show | grep zram0; cat /sys/block/zram0/disksize\n",
         UNITS + "/b.service": "[Service]\nExecStart=/opt/b\n", WANTS + "/b.service": "-> ../b.service",
         "/opt/b": "ELF mkswap /dev/zram0\n",
         UNITS + "/c.service": "[Service]\nExecStart=/opt/c\n", WANTS + "/c.service": "-> ../c.service"},
        {"zram0": []},
    ),
    "units that run a monitor, and what makes swap of a file": (
        {UNITS + "/a.service": "[Service]\nExecStart=/opt/a\n", WANTS + "/a.service": "-> ../a.service",
         "/opt/a": "#!/bin/sh\nzramctl --raw /dev/zram0 > /run/a && [ -s /run/a ] && sort -f /run/a\n",
         UNITS + "/b.service": "[Service]\nExecStart=/opt/b\n", WANTS + "/b.service": "-> ../b.service",
         "/opt/b": "#!/bin/sh\ngrep -q zram0 /proc/swaps || { mkswap /swapfile; swapon /swapfile; }\n"},
        {"zram0": []},
    ),
    "fstab and a rule of udev": (
        {"/etc/fstab": "/dev/vda / ext4 defaults 0 1\n/dev/zram0 none swap pri=10 0 0\n",
         "/etc/udev/rules.d/99-zram.rules":
             'KERNEL=="zram0", ATTR{disksize}="1G", \\\n  RUN="mkswap /dev/zram0"\n\n# end'},
        {"zram0": [("a setting of this host's own", "/etc/fstab"),
                   ("a setting of this host's own", "/etc/udev/rules.d/99-zram.rules")], "zram1": []},
    ),
    "a rule of udev that only tunes": (
        {"/etc/udev/rules.d/30-zram.rules": 'KERNEL=="zram0", ATTR{initstate}=="1", SYSCTL{vm.swappiness}="150"\n'},
        {"zram0": []},
    ),
}  # fmt: skip


def machine(tmp_path, name):
    host = Host(str(tmp_path))
    host.make_folder("/run/systemd/system")
    host.make_folder("/var/lib")
    for path, text in NEIGHBOURS[name][0].items():
        if text.startswith("-> "):
            host.link(path, text[3:])
        else:
            host.install(path, text)
    return host


def snapshot(root):
    files = [os.path.join(folder, file) for folder, _folders, names in os.walk(root) for file in names]
    return {path: os.readlink(path) if os.path.islink(path) else open(path).read() for path in files}


def taking_over(host, device="zram0", now=True):
    return take_over_steps(device, find_owners(host, device), observe_taken(host, device), systemd=True, now=now)


CASES = [(name, device, found) for name, (_files, who) in NEIGHBOURS.items() for device, found in who.items()]


@pytest.mark.parametrize(("name", "device", "found"), CASES)
def test_who_sets_it_up(tmp_path, name, device, found):
    host = machine(tmp_path, name)
    assert [(owner.program, owner.file) for owner in find_owners(host, device)] == found


@pytest.mark.parametrize(("name", "device"), [(name, device) for name, device, found in CASES if found])
def test_taken_over_and_given_back(tmp_path, name, device):
    host = machine(tmp_path, name)
    before, folders = snapshot(tmp_path), {path for path in tmp_path.rglob("*") if path.is_dir()}
    others = {other: find_owners(host, other) for _name, other, _found in CASES if other != device}
    steps = taking_over(host, device)
    apply(without_commands(steps), host)
    assert find_owners(host, device) == ()
    assert before != snapshot(tmp_path)
    if name in ("zram-generator", "fstab and a rule of udev"):
        assert {other: find_owners(host, other) for other in others} == others, "its other devices stay its own"
    apply(without_commands(hand_back_steps(device, observe_taken(host, device), systemd=True)), host)
    assert snapshot(tmp_path) == before
    assert {path for path in tmp_path.rglob("*") if path.is_dir()} >= folders - {tmp_path / WANTS[1:]}


@pytest.mark.parametrize("theirs", ["a file", "a link", "nothing"])
def test_what_stands_in_place_of_our_mask_is_left_alone(tmp_path, theirs):
    """Fails where an administrator's own unit is deleted."""
    host = machine(tmp_path, "zram-config, by its vendor's link")
    before = snapshot(tmp_path)
    apply(without_commands(taking_over(host)), host)
    mask = UNITS + "/zram-config.service"
    assert host.readlink(mask) == "/dev/null"
    host.remove(mask)
    if theirs == "a file":
        host.install(mask, "[Service]\n# as the administrator has it\n")
    elif theirs == "a link":
        host.link(mask, "/srv/zram-config.service")
    here = {path: text for path, text in snapshot(tmp_path).items() if path.endswith(mask)}
    apply(without_commands(hand_back_steps("zram0", observe_taken(host, "zram0"), systemd=True)), host)
    assert snapshot(tmp_path) == {**before, **here}


def without_commands(steps):
    return tuple(step for step in steps if not isinstance(step.action, Run))


def test_the_stop_command_is_gone_before_anything_else(tmp_path):
    """A unit that is bound to its swap is stopped as soon as that is off, as systemd-zram-setup@ is."""
    for name, unit in (("zram-generator", "systemd-zram-setup@zram0"), ("zram-tools", "zramswap")):
        (tmp_path / name).mkdir()
        host = machine(tmp_path / name, name)
        steps = take_over_steps(
            "zram0", find_owners(host, "zram0"), observe_taken(host, "zram0"), systemd=True, now=True
        )
        assert [step.does for step in steps[1:3]] == [
            "take its stop command from %s.service, until the next boot" % unit, "reload systemd",
        ]  # fmt: skip


def test_for_the_next_boot_only_nothing_of_this_one_changes(tmp_path):
    host = machine(tmp_path, "zram-tools")
    steps = taking_over(host, now=False)
    assert not [step for step in steps if "stop command" in step.does]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("zram-tools", "take its stop command from zramswap.service, until the next boot"),
        ("zram-config, by its vendor's link", "take its stop command from zram-config.service, until the next boot"),
        ("zram-generator", "take its stop command from systemd-zram-setup@zram0.service, until the next boot"),
        ("zram-init by OpenRC", "have OpenRC forget that zram-init is started"),
    ],
)
def test_what_was_for_the_next_boot_only_is_made_up_for(tmp_path, name, step):
    """Fails where the device becomes ours in the same boot, and their stop command stays armed."""
    host = machine(tmp_path, name)
    host.install("/run/openrc/started/zram-init", "")
    systemd = "OpenRC" not in step
    taken = observe_taken(host, "zram0")._replace(boot="this one")
    apply(without_commands(take_over_steps("zram0", find_owners(host, "zram0"), taken, systemd, now=False)), host)
    late = observe_taken(host, "zram0")._replace(boot="this one")
    assert late.runs
    steps = take_over_steps("zram0", (), late, systemd, now=True)
    assert steps[0].does == step
    apply(without_commands(steps), host)
    after = observe_taken(host, "zram0")._replace(boot="this one")
    assert not after.runs
    apply(without_commands(hand_back_steps("zram0", after, systemd)), host)
    assert host.listdir("/run/systemd/system") == []


def test_lines_of_another_device_stay_comments(tmp_path):
    host = Host(str(tmp_path))
    host.make_folder("/var/lib")
    host.install("/etc/fstab", "/dev/zram0 none swap sw 0 0\n/dev/zram1 none swap sw 0 0\n")
    for name in ("zram0", "zram1"):
        apply(without_commands(taking_over(host, name)), host)
    apply(hand_back_steps("zram0", observe_taken(host, "zram0"), systemd=False), host)
    assert host.read("/etc/fstab").splitlines() == [
        "/dev/zram0 none swap sw 0 0", "# zram1 is taken over by highwater.memory: /dev/zram1 none swap sw 0 0",
    ]  # fmt: skip


def test_a_failure_leaves_all_as_it_was(tmp_path):
    host = machine(tmp_path, "zram-tools")
    before = snapshot(tmp_path)
    steps = taking_over(host)

    class Refuses(Host):
        def run(self, *argv, **_options):
            if disabled():
                raise HighwaterError("no")

    def disabled():
        return not os.path.lexists(host.path(WANTS + "/zramswap.service"))

    with pytest.raises(HighwaterError, match="no"):
        apply(steps, Refuses(host.root))
    assert snapshot(tmp_path) == before


def test_what_only_a_person_can_change(tmp_path):
    host = Host(str(tmp_path))
    host.install("/etc/rc.local", "#!/bin/sh\nswapon /dev/zram0\n")
    with pytest.raises(HighwaterError, match="take the lines that name zram0 out of it") as caught:
        taking_over(host)
    assert caught.value.facts["file"] == "/etc/rc.local"


LSB = {
    "/usr/lib/systemd/system-generators/systemd-sysv-generator": "ELF",
    "/etc/init.d/mine": "#!/bin/sh\n### BEGIN INIT INFO\nmkswap /dev/zram0\n",
}


def with_lsb_script(host, files):
    for path, text in files.items():
        host.install(path, text)
    host.link("/etc/rc2.d/S01mine", "../init.d/mine")
    host.link("/etc/rc3.d/S01mine", "../init.d/mine")
    return host


def test_an_lsb_script_that_systemd_runs_is_for_a_person_to_switch_off(tmp_path):
    host = with_lsb_script(Host(str(tmp_path)), LSB)
    with pytest.raises(HighwaterError, match=r"update-rc.d mine disable") as caught:
        taking_over(host)
    assert caught.value.facts["file"] == "/etc/init.d/mine"
    assert len(find_owners(host, "zram0")) == 1
    assert find_owners(host, "zram1") == ()


@pytest.mark.parametrize(
    "files",
    [
        {path: text for path, text in LSB.items() if "generator" not in path},
        dict(LSB, **{"/lib/systemd/system/mine.service": "[Service]\n"}),
        dict(LSB, **{"/etc/init.d/mine": "#!/bin/sh\ngrep zram0 /proc/swaps\n"}),
    ],
    ids=["not by systemd", "a unit in its place", "it only looks"],
)
def test_an_lsb_script_that_sets_nothing_up(tmp_path, files):
    assert find_owners(with_lsb_script(Host(str(tmp_path)), files), "zram0") == ()


@pytest.mark.parametrize("text", ["", "a\n", "a", "a \\\nb\n\nc", "\\\n\\\nx"])
def test_logical_lines_are_all_of_the_text(text):
    assert "".join(logical_lines(text)) == text
