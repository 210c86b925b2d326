# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an artefact is not put down and taken away whole, whichever init system it is for."""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.boot import (
    disable_steps,
    enable_steps,
    observe_artefact,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import SETTINGS, SWAP, Job
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Run, Step, Write, apply

JOB = Job("highwater-x", "maker", SWAP, "X for all", (Step("set x", "", Write("/sys/x", "1")),))
FOR_SETTINGS = JOB._replace(moment=SETTINGS)
OURS = "# Made by highwater.memory.zram_device, of old\n"
# An image is made to boot by what its init is; the folders are what such an image has.
IMAGES = {
    "systemd": ("/etc/systemd/system", "/lib/systemd/systemd"),
    "OpenRC": ("/etc/runlevels/boot", "/sbin/openrc-run"),
}


def image(tmp_path, init):
    host = Host(str(tmp_path))
    folder, program = IMAGES[init]
    host.make_folder("/var")
    host.make_folder(folder)
    host.install(program, "")
    host.make_folder("/etc/tmpfiles.d")
    return host


def everything(tmp_path):
    return sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("init", "job", "file", "link"),
    [
        ("systemd", JOB, "etc/systemd/system/highwater-x.service",
         "etc/systemd/system/swap.target.wants/highwater-x.service"),
        ("systemd", FOR_SETTINGS, "etc/tmpfiles.d/highwater-x.conf", None),
        ("OpenRC", JOB, "etc/init.d/highwater-x", "etc/runlevels/boot/highwater-x"),
        ("OpenRC", FOR_SETTINGS, "etc/init.d/highwater-x", "etc/runlevels/boot/highwater-x"),
    ],
)  # fmt: skip
def test_it_comes_and_goes_without_a_trace(tmp_path, init, job, file, link):
    host = image(tmp_path, init)
    if init == "OpenRC":
        host.make_folder("/etc/init.d")
    before = everything(tmp_path)
    artefact = observe_artefact(host, "highwater-x", job.moment, next_boot=True)
    assert (artefact.init, artefact.running, artefact.enabled) == (init, None, False)
    apply(enable_steps(artefact, artefact.install(job), False, "for the boot"), host)
    assert (tmp_path / file).stat().st_mode & 0o777 == (0o755 if init == "OpenRC" else 0o644)
    assert link is None or os.readlink(tmp_path / link) == "/" + file
    artefact = observe_artefact(host, "highwater-x", job.moment, next_boot=True)
    assert (artefact.text, artefact.enabled) == (artefact.render(job), True)
    assert enable_steps(artefact, None, True, "") == ()
    apply(disable_steps(artefact, "absent"), host)
    assert everything(tmp_path) == before
    assert disable_steps(observe_artefact(host, "highwater-x", job.moment), "absent") == ()


def test_the_init_system_that_runs_is_told(tmp_path):
    host = Host(str(tmp_path))
    host.make_folder("/run/systemd/system")
    artefact = observe_artefact(host, "highwater-x", SWAP)
    assert enable_steps(artefact, None, False, "")[-1].action == Run(("systemctl", "daemon-reload"))
    host.install("/etc/systemd/system/highwater-x-idle.timer", OURS)
    steps = disable_steps(observe_artefact(host, "highwater-x", SWAP), "absent")
    assert [step.action for step in steps if isinstance(step.action, Run)] == [
        Run(("systemctl", "stop", "highwater-x-idle.timer")), Run(("systemctl", "daemon-reload")),
    ]  # fmt: skip


def test_openrc_forgets_what_goes(tmp_path):
    host = Host(str(tmp_path))
    host.install("/run/openrc/softlevel", "default")
    host.install("/etc/init.d/highwater-x", OURS)
    host.link("/run/openrc/started/highwater-x", "/etc/init.d/highwater-x")
    steps = disable_steps(observe_artefact(host, "highwater-x", SWAP), "absent")
    assert steps[0].action == Run(("rc-service", "highwater-x", "zap"))


def test_all_of_former_versions_goes(tmp_path):
    host = image(tmp_path, "OpenRC")
    before = everything(tmp_path)
    for path in ("/etc/systemd/system/highwater-x.service", "/etc/systemd/system/highwater-x-idle.timer"):
        host.install(path, OURS)
    host.link("/etc/systemd/system/multi-user.target.wants/highwater-x.service", "../highwater-x.service")
    host.link("/etc/systemd/system/timers.target.wants/highwater-x-idle.timer", "../highwater-x-idle.timer")
    host.install("/etc/init.d/highwater-x", "#!/sbin/openrc-run\n" + OURS, 0o755)
    host.link("/etc/runlevels/default/highwater-x", "/etc/init.d/highwater-x")
    artefact = observe_artefact(host, "highwater-x", SWAP, next_boot=True)
    apply(disable_steps(artefact, "absent"), host)
    left = [path for path in everything(tmp_path) if path not in before]
    assert all(path.is_dir() for path in left)
    assert (tmp_path / "etc/runlevels/default").is_dir(), "a runlevel stays, empty or not"


def test_only_what_is_ours_goes(tmp_path):
    host = image(tmp_path, "systemd")
    for path in ("/etc/systemd/system/highwater-x-theirs.service", "/etc/init.d/highwater-x"):
        host.install(path, "[Unit]\n")
    host.install("/etc/systemd/system/highwater-xy.service", OURS)
    host.link("/etc/systemd/system/highwater-x.service", "/dev/null")
    before = everything(tmp_path)
    assert disable_steps(observe_artefact(host, "highwater-x", SWAP, next_boot=True), "absent") == ()
    assert everything(tmp_path) == before


def test_a_host_that_has_changed_its_init_keeps_no_second_opinion(tmp_path):
    host = image(tmp_path, "OpenRC")
    host.install("/etc/systemd/system/highwater-x.service", OURS)
    host.install("/etc/systemd/system/highwater-x-idle.timer", OURS)
    artefact = observe_artefact(host, "highwater-x", SWAP, next_boot=True)
    apply(enable_steps(artefact, artefact.install(JOB), False, "for the boot"), host)
    assert host.listdir("/etc/systemd/system") == ["highwater-x-idle.timer"]
    assert observe_artefact(host, "highwater-x", SWAP, next_boot=True).enabled


def test_debian_has_no_use_for_the_runlevel_boot(tmp_path):
    """Its init starts sysinit and default; what is in boot is left out (seen with OpenRC 0.56)."""
    host = image(tmp_path, "OpenRC")
    host.install("/etc/init.d/rcS", "#!/bin/sh\nexec /usr/sbin/openrc sysinit\n")
    assert observe_artefact(host, "highwater-x", SWAP, next_boot=True).link == "/etc/runlevels/sysinit/highwater-x"


def test_without_an_init_system_of_ours(tmp_path):
    host = Host(str(tmp_path))
    host.install("/lib/systemd/systemd", "")
    assert observe_artefact(host, "highwater-x", SWAP).init is None, "it is there but does not run"
