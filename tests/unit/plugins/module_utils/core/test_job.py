# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where what boots is not what the plan does, for either init system."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import openrc, systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.job import (
    FILESYSTEM,
    SETTINGS,
    SWAP,
    Job,
    is_ours,
    shell_lines,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Run, Step, Write

PLAN = (Step("limit x", "", Write("/sys/x", "a b")), Step("make swap", "it has none", Run(("mkswap", "/dev/x"))))
JOB = Job("highwater-x", "maker", SWAP, "X for all", PLAN, done="test -e /x", shows=("cat /x", "grep x /y"))


def test_a_unit_has_a_line_a_command():
    lines = systemd.text(JOB).splitlines()
    start = lines.index("ExecCondition=/bin/sh -c '! test -e /x'")
    assert lines[start + 1 : start + 7] == [
        "# limit x", "ExecStart=/bin/sh -c 'echo a b > /sys/x'", "# make swap", "ExecStart=mkswap /dev/x",
        "# What is set now, by the kernel's word: see systemctl status.",
        "ExecStart=-/bin/sh -c 'cat /x; grep x /y'",
    ]  # fmt: skip


def test_an_init_script_has_a_line_a_command():
    lines = openrc.text(JOB).splitlines()
    start = lines.index("\ttest -e /x && return 0")
    assert lines[start + 2 : start + 7] == [
        "\t# limit x", "\techo a b > /sys/x || return", "\t# make swap", "\tmkswap /dev/x || return", "\teend 0",
    ]  # fmt: skip
    assert lines[0] == "#!/sbin/openrc-run"


def test_values_below_sys_are_lines_of_tmpfiles():
    assert systemd.text(JOB._replace(moment=SETTINGS, plan=PLAN[:1])).splitlines()[-2:] == [
        "# limit x", "w /sys/x - - - - a b",
    ]  # fmt: skip
    with pytest.raises(HighwaterError, match="only a value"):
        systemd.text(JOB._replace(moment=SETTINGS))


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
@pytest.mark.parametrize(
    ("plan", "status", "ran"),
    [
        (("true", "echo 1 >> ran", "echo 2 >> ran"), 0, "1\n2\n"),
        (("echo 1 >> ran", "false", "echo 2 >> ran"), 1, "1\n"),
        (("test -e ran || echo 1 >> ran", "{ false && echo 2 >> ran; } || { true && echo 3 >> ran; }"), 0, "1\n3\n"),
    ],
)
def test_an_init_script_ends_at_what_fails(tmp_path, shell, plan, status, ran):
    """As openrc-run calls it: start || exit, which makes set -e of no use."""
    if not shutil.which(shell):
        pytest.skip("no %s here" % shell)

    class Line:
        def __init__(self, line):
            self.line = line

        def boot_commands(self):
            return (self.line,)

    steps = tuple(Step("do it", "", Line(line)) for line in plan)
    script = (
        openrc.text(JOB._replace(plan=steps, done="")) + "\nebegin() { :; }\neend() { return $1; }\nstart || exit $?\n"
    )
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*argv, "-c", script], cwd=tmp_path, check=False)
    assert (done.returncode, (tmp_path / "ran").read_text()) == (status, ran)


@pytest.mark.parametrize("word", ["a;b", "$HOME", "50%", "a'b", "a\nb", "`x`", "a\\b", ""])
def test_only_constants_get_into_what_boots(word):
    with pytest.raises(HighwaterError, match="cannot be written into what the boot runs"):
        shell_lines(Step("x", "", Run(("echo", word))))


@pytest.mark.parametrize("moment", [SWAP, FILESYSTEM])
def test_no_mount_namespace(moment):
    """In one, swapon makes /proc/swaps say /zram2 to everybody else (seen on Linux 6.12), and mounts stay in it."""
    settings = [line.partition("=")[0] for line in systemd.text(JOB._replace(moment=moment)).splitlines()]
    bad = ("Protect", "Private", "ReadOnly", "ReadWrite", "Inaccessible", "Bind", "Root", "TemporaryFile", "ProcSubset")
    assert [setting for setting in settings if setting.startswith(bad)] == []


def test_all_that_we_write_is_known_again():
    settings = JOB._replace(moment=SETTINGS, plan=PLAN[:1])
    assert all(is_ours(text) for text in (systemd.text(JOB), openrc.text(JOB), systemd.text(settings)))
    assert not is_ours("[Unit]\nDescription=theirs\n\n\n# Made by highwater.memory\n")
