# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the boot artefact is not what the plan does, or where a unit is not put down and taken away whole."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.boot import (
    can_boot,
    disable_steps,
    enable_steps,
    exec_lines,
    observe_artefact,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Run, Step, Write, apply

UNIT, TARGET = "highwater-x.service", "swap.target"


def test_writes_and_commands_become_lines():
    plan = (Step("limit x", "", Write("/sys/x", "a b")), Step("make swap", "it has none", Run(("mkswap", "/dev/x"))))
    assert exec_lines(plan) == [
        "# limit x", "ExecStart=/bin/sh -c 'echo a b > /sys/x'", "# make swap", "ExecStart=mkswap /dev/x",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["a;b", "$HOME", "50%", "a'b", "a\nb", "`x`", "a\\b", ""])
def test_only_constants_get_into_a_unit(word):
    with pytest.raises(HighwaterError, match="cannot be written into a systemd unit"):
        exec_lines((Step("x", "", Run(("echo", word))),))


def test_a_unit_comes_and_goes_without_a_trace(tmp_path):
    host = Host(str(tmp_path))
    host.make_folder("/etc/systemd/system")
    before = sorted(tmp_path.rglob("*"))
    unit = observe_artefact(host, UNIT, TARGET)
    apply(enable_steps(unit, Install(unit.path, "text\n"), False, "for the boot"), host)
    unit = observe_artefact(host, UNIT, TARGET)
    assert (unit.text, unit.enabled, unit.running) == ("text\n", True, False)
    assert (tmp_path / "etc/systemd/system/swap.target.wants/highwater-x.service").is_symlink()
    assert enable_steps(unit, None, True, "") == ()
    apply(disable_steps(unit, "absent"), host)
    assert sorted(tmp_path.rglob("*")) == before
    assert disable_steps(observe_artefact(host, UNIT, TARGET), "absent") == ()


def test_systemd_is_told_where_it_runs(tmp_path):
    host = Host(str(tmp_path))
    host.make_folder("/run/systemd/system")
    unit = observe_artefact(host, UNIT, TARGET)
    assert enable_steps(unit, None, False, "")[-1].action == Run(("systemctl", "daemon-reload"))


def test_an_image_may_have_systemd_that_does_not_run(tmp_path):
    host = Host(str(tmp_path))
    host.install("/lib/systemd/systemd", "")
    assert (can_boot(host, True), can_boot(host, False)) == (True, False)
