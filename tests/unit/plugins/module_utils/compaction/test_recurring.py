# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where compaction recurs by something else than it should, or is not taken back."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils import commands
from ansible_collections.highwater.memory.plugins.module_utils.compaction import recurring
from ansible_collections.highwater.memory.plugins.module_utils.compaction.arguments import RECURRING_ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.compaction.state import REMEMBERED
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence, zipapp
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host

from .conftest import WHOLE, Machine

UNITS = "/etc/systemd/system/highwater-compaction"
SETTING = "/proc/sys/vm/compaction_proactiveness"
MEMINFO = "MemTotal: 4194304 kB\nMemFree: 2097152 kB\nMemAvailable: 3145728 kB\nHugepagesize: 2048 kB\n"
ZONE = "Node 0, zone Normal\n  pages free 500000\n        boost 0\n        min 10000\n        low 12500\n" \
       "        high 15000\n        spanned 1000000\n        present 1000000\n        managed 1000000\n" \
       "        protection: (0, 0)\n"  # fmt: skip


class Host0(Host):
    """systemctl and systemd-analyze as stand-ins; what was run is kept."""

    def __init__(self, root: str) -> None:
        self.commands: list[str] = []
        self.active = False
        super().__init__(root, self._run)

    def _run(self, argv, _timeout):
        self.commands.append(" ".join(argv))
        if argv[0] == "systemd-analyze":
            return Completed(0 if argv[-1] in ("hourly", "daily") else 1, "", "")
        if argv[1] == "is-active":
            return Completed(0 if self.active else 3, "", "")
        if argv[1] in ("restart", "start", "stop"):
            self.active = argv[1] != "stop"
        return Completed(0, "", "")


class Recurring(Machine):
    """Linux 6.12 with systemd, whose own compaction is as it boots."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.host = Host0(str(folder))
        self.zones(("Normal", WHOLE))
        self.write(SETTING, "20\n")
        for name in ("min_free_kbytes", "watermark_scale_factor"):
            self.write("/proc/sys/vm/" + name, "100\n")
        self.write("/proc/meminfo", MEMINFO)
        self.write("/proc/zoneinfo", ZONE)
        self.write("/proc/swaps", "Filename Type Size Used Priority\n")
        self.write("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n")
        self.write("/usr/bin/systemd-analyze", "")
        (folder / "run/systemd/system").mkdir(parents=True)

    def run(self, check: bool = False, **params: object) -> dict:
        defaults = {name: spec.get("default") for name, spec in RECURRING_ARGUMENTS.items()}
        return convergence.converge(recurring, {**defaults, **params}, self.host, check)

    def text(self, path: str):
        return self.host.read(path)


@pytest.fixture
def machine(tmp_path):
    return Recurring(tmp_path)


@pytest.mark.parametrize(
    ("threshold", "value"), [(0.5, 60), (0.8, 30), (0.9, 20), (0.1, 100), (0.0, 100), (1.0, 10), (0.505, 60)]
)
def test_the_kernel_begins_at_the_threshold(machine, threshold, value):
    """It begins above min(max(100 - proactiveness, 5) + 10, 100) per cent."""
    before = machine.everything()
    done = machine.run(threshold=threshold)
    assert (done["by"], done["proactiveness"], done["timer"]) == ("kernel", value, None)
    assert machine.text(SETTING).strip() == str(value)
    assert "\nvm.compaction_proactiveness = %d\n" % value in machine.text(recurring.FILE)
    assert machine.run(threshold=threshold)["changed"] is False
    assert machine.run(state="absent")["changed"] is True
    assert {**machine.everything(), str(machine.folder / SETTING[1:]): "20\n"} == before
    assert machine.text(SETTING).strip() == "20"
    assert machine.run(state="absent")["changed"] is False


def test_a_timer_for_other_blocks_and_back(machine):
    before = machine.everything()
    told = machine.run(check=True, order=3, threshold=0.7, schedule="hourly")
    assert machine.everything() == before
    done = machine.run(order=3, threshold=0.7, schedule="hourly")
    assert (told["actions"], told["diff"]) == (done["actions"], done["diff"])
    assert done["actions"] == [
        "write %s (a timer runs it)" % zipapp.PATH,
        "write %s.service (it is not there)" % UNITS,
        "write %s.timer (it is not there)" % UNITS,
        "enable highwater-compaction.timer (so that each boot starts it)",
        "reload systemd (its units have changed)",
        "start highwater-compaction.timer (it does not run)",
    ]
    assert (done["by"], done["timer"]) == ("timer", "highwater-compaction.timer")
    assert machine.text(SETTING) == "20\n"
    assert "ExecStart=%s -I %s memory-compact --order 3 --threshold 0.7\n" % (
        zipapp.PYTHON,
        zipapp.PATH,
    ) in machine.text(UNITS + ".service").replace(zipapp._interpreter(machine.host), zipapp.PYTHON)
    assert "OnCalendar=hourly\n" in machine.text(UNITS + ".timer")
    assert machine.run(order=3, threshold=0.7, schedule="hourly")["changed"] is False
    assert machine.run(order=3, threshold=0.7, schedule="daily")["changed"] is True

    # The kernel can do it for huge pages: the timer goes when it is to.
    assert machine.run(schedule="hourly")["by"] == "kernel"
    assert (machine.text(UNITS + ".timer"), machine.text(zipapp.PATH)) == (None, None)
    assert machine.run(order=3, schedule="hourly")["by"] == "timer"
    assert (machine.text(SETTING), machine.text(recurring.FILE)) == ("20", None)
    machine.run(state="absent")
    assert {**machine.everything(), str(machine.folder / SETTING[1:]): "20\n"} == before


def test_a_kernel_without_compaction_of_its_own(machine):
    machine.remove(SETTING)
    assert machine.run(schedule="hourly")["by"] == "timer"
    with pytest.raises(Unsupported, match=r"order 9 \(it has no vm\.compaction_proactiveness\): say when a timer"):
        machine.run()


def test_a_kernel_whose_huge_pages_are_larger(machine):
    machine.write("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "4194304\n")
    with pytest.raises(Unsupported, match="only for huge pages, which are of order 10"):
        machine.run()
    assert machine.run(order=10)["by"] == "kernel"


def test_somebody_elses_setting_stays(machine):
    machine.write(
        "/var/lib/highwater/memory/vm_sysctl/%2Fetc%2Fsysctl.d%2F90-highwater.conf.json",
        '{"settings": {"compaction_proactiveness": {}}, "before": {}}',
    )
    machine.write(SETTING, "40\n")
    done = machine.run()
    assert (done["changed"], done["proactiveness"], machine.text(SETTING)) == (False, 40, "40\n")
    assert "is set by /etc/sysctl.d/90-highwater.conf" in done["warnings"][0]


def test_absent_takes_what_runs_have_written_down(machine):
    """Fails where the note of when nodes were compacted stays, goes while a timer still is to write it, or is a change
    for the next boot, which begins without it."""
    before = machine.everything()
    for note in ("{}", '{"0": 12.5}\n'):
        machine.run(order=3, schedule="hourly")
        machine.write(REMEMBERED, note)
        assert machine.run(order=3, schedule="hourly")["changed"] is False
        told = machine.run(check=True, state="absent")
        done = machine.run(state="absent")
        assert (told["actions"], told["diff"]) == (done["actions"], done["diff"])
        assert done["actions"][-1] == "remove %s (nothing is to recur)" % REMEMBERED
        assert machine.everything() == before
        assert not os.path.exists(machine.host.path(os.path.dirname(REMEMBERED)))
        assert machine.run(state="absent")["changed"] is False
    machine.write(REMEMBERED, "{}")
    assert machine.run(state="absent", apply="next_boot")["changed"] is False


def test_the_program_stays_while_another_timer_runs_it(machine):
    machine.run(order=3, schedule="hourly")
    machine.write(
        "/etc/systemd/system/highwater-page-cache-logs.service",
        "# Made by highwater.memory.page_cache_rules\n[Service]\nExecStart=%s\n" % zipapp.PATH,
    )
    machine.run(state="absent")
    assert machine.text(UNITS + ".service") is None
    assert machine.text(zipapp.PATH) is not None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"order": 0}, "order: 0 is no block .*: write 1 to 10"),
        ({"order": 11, "schedule": "hourly"}, "order: 11"),
        ({"threshold": 1.1}, "threshold: 1.1 is no part of free memory"),
        ({"threshold": float("nan")}, "threshold: nan"),
        ({"schedule": "often"}, "schedule: often is no calendar expression"),
        ({"order": 3}, "schedule: this host's kernel does not compact by itself for blocks of order 3"),
        ({"order": 3, "schedule": "hourly", "persistent": False}, "persistent: a timer is there for every boot"),
    ],
)
def test_bad_input(machine, params, message):
    before = machine.everything()
    with pytest.raises(HighwaterError, match=message):
        machine.run(**params)
    assert machine.everything() == before


@pytest.mark.parametrize(
    ("make", "params", "reason"),
    [
        (lambda it: it.write("/run/systemd/container", "lxc"), {}, "container"),
        (lambda it: (it.folder / "run/systemd/system").rmdir(), {"order": 3, "schedule": "hourly"}, "init"),
        (lambda it: None, {"order": 3}, "schedule"),
    ],
)
def test_where_it_cannot_be_done(machine, make, params, reason):
    make(machine)
    with pytest.raises(Unsupported) as caught:
        machine.run(**params)
    assert caught.value.reason == reason


def test_the_next_boot_only(machine):
    machine.run(order=3, schedule="hourly", apply="next_boot")
    assert machine.text(UNITS + ".timer") is not None
    assert not [command for command in machine.host.commands if "start" in command]
    machine.run(apply="next_boot")
    assert machine.text(SETTING) == "20\n"
    assert "= 60\n" in machine.text(recurring.FILE)


def test_the_unit_is_one_that_systemd_takes(machine, tmp_path):
    """Its own checker, where this machine has it."""
    machine.run(order=3, schedule="hourly")
    if not os.path.exists("/usr/bin/systemd-analyze"):
        pytest.skip("no systemd-analyze here; tests/lab runs the unit itself")
    unit = tmp_path / "highwater-compaction.service"
    unit.write_text(machine.text(UNITS + ".service").replace(zipapp.PATH, "/bin/true"))
    said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, check=False, text=True)
    assert "highwater-compaction.service:" not in said.stderr


def test_the_program_has_the_command():
    assert "memory-compact" in commands.COMMANDS
