# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a service of maintenance does not do line by line what it says; its lines are run here, by a shell, on
files that stand in for the kernel's. What a kernel makes of them, tests/lab/ shows.
"""

from __future__ import annotations

import re
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import OPENRC, SYSTEMD
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.maintenance import resolve_maintenance

from .test_cases import lay_out

MIB = 2**20
SIZES = {"256MiB": 256 * MIB, "1GiB": 1024 * MIB, "3000B": 3000, "4000B": 4000}
DEFAULTS = {name: option.get("default") for name, option in ARGUMENTS.items()}
WRITEBACK = {"writeback_device": "/dev/vdb", "writeback_schedule": "daily"}
RECOMPRESS = {"recompress": ["zstd"], "recompress_schedule": "hourly"}


def wanted(init=SYSTEMD, **options):
    params = dict(DEFAULTS, **options)
    return resolve_maintenance(params, "zram0", init, lambda option: SIZES[params[option]])


class Kernel:
    """A folder with the attributes of a device, on which the lines of a service are run."""

    def __init__(self, folder, timer):
        self.sys, self.run = folder / "sys", folder / "run"
        self.sys.mkdir()
        self.run.mkdir()
        # What systemd does with a line before it runs it, and where the files are here.
        text = timer.service.replace("\\\n", " ").replace("$$", "$")
        text = text.replace("/sys/block/zram0", str(self.sys)).replace("/run/" + timer.name, str(self.run))
        self.lines = re.findall(r"(?m)^ExecStart=(.*)", text)
        self.condition = re.findall(r"(?m)^ExecCondition=(.*)", text)[0]

    def file(self, name, text="", target=None):
        path = self.sys / name
        if target:
            path.symlink_to(target)
        else:
            path.write_text(text)

    def start(self):
        """All lines, as far as one that fails; what they have printed, and how the last one ended."""
        said = ""
        for line in self.lines:
            done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
            said += done.stdout + done.stderr
            if done.returncode:
                return said, done.returncode
        return said, 0

    def read(self, name):
        return (self.sys / name).read_text().strip()


@pytest.fixture
def writeback(tmp_path):
    kernel = Kernel(tmp_path, wanted(**WRITEBACK)[0])
    kernel.file("disksize", "1048576\n")
    kernel.file("bd_stat", "     100        7     1000\n")
    for name in ("idle", "writeback", "writeback_limit", "writeback_limit_enable"):
        kernel.file(name, "0\n")
    return kernel


def test_a_run_of_writeback(writeback):
    said, status = writeback.start()
    assert status == 0, said
    assert writeback.read("writeback_limit_enable") == "1"
    assert writeback.read("writeback_limit") == "65536"  # 256 MiB
    assert writeback.read("idle") == "86400"  # 1d
    assert writeback.read("writeback") == "idle"
    assert said.splitlines() == [
        "zram0: wrote 0 idle pages (0 MiB, at most 256 MiB) to the disk behind it, which holds 100 pages "
        "(0.390625 MiB) now"
    ]


def test_a_kernel_without_times_is_told_what_is_idle_for_the_next_run(writeback):
    (writeback.sys / "idle").unlink()
    writeback.file("idle", target="/dev/full")
    said, status = writeback.start()
    assert status != 0, "the stand-in refuses all, where the kernel takes this word"
    assert "echo" in said
    assert writeback.read("writeback") == "idle", "what the run before has marked is written first"
    assert any("echo all > " in line for line in writeback.lines)


def test_a_full_disk_is_an_end_like_any_other_and_is_told(writeback):
    (writeback.sys / "writeback").unlink()
    writeback.file("writeback", target="/dev/full")
    said, status = writeback.start()
    assert status == 0
    assert "No space left on device" in said
    assert "wrote 0 idle pages" in said


def test_any_other_error_is_one(writeback):
    (writeback.sys / "writeback").unlink()
    (writeback.sys / "writeback").mkdir()
    said, status = writeback.start()
    assert status == 1
    assert "irectory" in said


def test_a_device_that_is_not_set_up_has_nothing_to_do(writeback):
    assert subprocess.run(["/bin/sh", "-c", writeback.condition], check=False).returncode == 0
    writeback.file("disksize", "0\n")
    assert subprocess.run(["/bin/sh", "-c", writeback.condition], check=False).returncode == 1


def test_a_run_of_recompression(tmp_path):
    kernel = Kernel(tmp_path, wanted(**RECOMPRESS, recompress_threshold="3000B")[0])
    kernel.file("disksize", "1048576\n")
    kernel.file("mm_stat", "4194304  2097152  2100000 0 0 0 0 0 0\n")
    kernel.file("idle")
    kernel.file("recompress")
    said, status = kernel.start()
    assert status == 0, said
    assert kernel.read("idle") == "3600"
    assert kernel.read("recompress") == "type=idle threshold=3000 max_pages=262144"  # 1 GiB
    assert said == "zram0: 4096 KiB of data take 2048 KiB compressed now, and took 2048 KiB before: 0 KiB less\n"


def test_nothing_where_there_is_no_schedule():
    assert wanted(writeback_device="/dev/vdb", writeback_schedule="", recompress=["zstd"]) == ()


def test_both_and_what_they_are_called():
    assert [timer.name for timer in wanted(**WRITEBACK, **RECOMPRESS)] == [
        "highwater-zram0-writeback",
        "highwater-zram0-recompress",
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"writeback_schedule": "daily"}, "writeback_schedule: .* give writeback_device as well"),
        ({"recompress_schedule": "daily"}, "recompress_schedule: .* give recompress as well"),
        (dict(WRITEBACK, persistent=False), r"writeback_schedule: .* write persistent: true"),
        (dict(WRITEBACK, writeback_idle="soon"), "writeback_idle: soon is no age"),
        (dict(WRITEBACK, writeback_idle="0.5s"), "writeback_idle: 0.5s is no time at all"),
        (dict(RECOMPRESS, recompress_threshold="4000B"), "recompress_threshold: 4000B .* write 3072B at most"),
    ],
)
def test_bad_input(options, says):
    with pytest.raises(HighwaterError, match="^" + says):
        wanted(**options)


def test_openrc_has_no_timers():
    """Unsupported, so that on_unsupported decides."""
    with pytest.raises(Unsupported, match="needs the timers of systemd") as caught:
        wanted(init=OPENRC, **WRITEBACK)
    assert caught.value.reason == "init"


# -- as part of a device ---------------------------------------------------------------------------


@pytest.fixture
def ours(tmp_path):
    """A machine with our zram0, and a timer of ours that is active."""
    host = Host(str(tmp_path), lambda argv, _timeout: Completed(0, "", ""))
    lay_out(host, "_ours", {})
    timer = wanted(**WRITEBACK)[0]
    host.install("/etc/systemd/system/%s.service" % timer.name, timer.service)
    host.install("/etc/systemd/system/%s.timer" % timer.name, timer.timer)
    host.link(
        "/etc/systemd/system/timers.target.wants/%s.timer" % timer.name,
        "/etc/systemd/system/%s.timer" % timer.name,
    )
    return host


@pytest.mark.parametrize(
    "options",
    [{"size": "512MiB"}, {"size": "512MiB", "persistent": False}, {"name": "all", "state": "absent"}],
    ids=["no schedule", "not persistent", "absent"],
)
def test_a_timer_goes_with_its_reason(ours, options):
    params = dict(DEFAULTS, **options)
    states = resource.observe(ours, params)
    spec = resource.resolve(params, states)
    steps = [step.does for step in resource.plan(spec, states)]
    for does in (
        "stop highwater-zram0-writeback.timer",
        "disable highwater-zram0-writeback.timer",
        "remove /etc/systemd/system/highwater-zram0-writeback.timer",
        "remove /etc/systemd/system/highwater-zram0-writeback.service",
    ):
        assert steps.count(does) == 1, steps
    assert resource.managed(states)["zram0"]["timers"]
    assert not resource.wanted(spec, states)["zram0"]["timers"]
