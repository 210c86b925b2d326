# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a timer does not come, change and go whole, or where systemd would be asked for nothing.

systemd itself is a stand-in here: what it makes of the units, tests/lab/ shows.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import is_ours
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import apply
from ansible_collections.highwater.memory.plugins.module_utils.core.timer import (
    observe_timer,
    off_steps,
    on_steps,
    refuse_bad_calendar,
    wanted_timer,
)

NAME = "highwater-zram0-writeback"
DAILY = wanted_timer(NAME, "zram_device", "Do it", "daily", "[Service]\nExecStart=true\n")
HOURLY = wanted_timer(NAME, "zram_device", "Do it", "hourly", "[Service]\nExecStart=true\n")


class Systemd:
    """Knows which timers are active, and notes what it is told."""

    def __init__(self):
        self.active, self.told = False, []

    def __call__(self, argv, _timeout):
        verb = argv[1]
        if verb == "is-active":
            return Completed(0 if self.active else 3, "", "")
        self.told.append(" ".join(argv[1:]))
        if verb in ("start", "restart", "stop"):
            self.active = verb != "stop"
        return Completed(0, "", "")


@pytest.fixture
def host(tmp_path):
    systemd = Systemd()
    host = Host(str(tmp_path), systemd)
    host.make_folder("/run/systemd/system")
    host.make_folder("/etc/systemd/system")
    host.systemd = systemd
    return host


def does(steps):
    return [step.does for step in steps]


def test_it_comes_changes_and_goes_without_a_trace(host, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    steps = on_steps(observe_timer(host, NAME), DAILY, now=True)
    assert does(steps) == [
        "write /etc/systemd/system/highwater-zram0-writeback.service",
        "write /etc/systemd/system/highwater-zram0-writeback.timer",
        "enable highwater-zram0-writeback.timer",
        "reload systemd",
        "start highwater-zram0-writeback.timer",
    ]
    apply(steps, host)
    assert host.systemd.told == ["daemon-reload", "restart highwater-zram0-writeback.timer"]
    assert on_steps(observe_timer(host, NAME), DAILY, now=True) == ()
    assert "OnCalendar=daily\n" in host.read("/etc/systemd/system/highwater-zram0-writeback.timer")

    steps = on_steps(observe_timer(host, NAME), HOURLY, now=True)
    assert does(steps)[0] == "rewrite /etc/systemd/system/highwater-zram0-writeback.timer"
    apply(steps, host)
    assert host.systemd.told[2:] == ["daemon-reload", "restart highwater-zram0-writeback.timer"]

    apply(off_steps(observe_timer(host, NAME), "why"), host)
    assert host.systemd.told[4:] == ["stop highwater-zram0-writeback.timer", "daemon-reload"]
    assert sorted(tmp_path.rglob("*")) == before
    assert off_steps(observe_timer(host, NAME), "why") == ()


def test_a_run_is_stopped_whether_its_timer_waits_or_not(host):
    """Fails where one that was begun by hand would lose its program, or where systemd is told for nothing."""
    service = "stop %s.service" % NAME
    for active in (True, False):
        apply(on_steps(observe_timer(host, NAME), DAILY, now=True), host)
        host.systemd.active = active
        assert (service in does(off_steps(observe_timer(host, NAME), "why"))) is False, "it may go on to its end"
        assert service not in does(off_steps(observe_timer(host, NAME), "why", now=False, runs=True))
        steps = off_steps(observe_timer(host, NAME), "why", runs=True)
        stops = ["stop %s.timer" % NAME] if active else []
        assert does(steps)[: len(stops) + 1] == [*stops, service]
        apply(steps, host)
        assert off_steps(observe_timer(host, NAME), "why", runs=True) == ()


def test_without_systemd_nothing_is_stopped(host):
    apply(on_steps(observe_timer(host, NAME), DAILY, now=True), host)
    there = observe_timer(host, NAME)._replace(running=False, active=False)
    assert not [words for words in does(off_steps(there, "why", runs=True)) if words.startswith("stop")]


def test_drift_is_mended(host):
    apply(on_steps(observe_timer(host, NAME), DAILY, now=True), host)
    host.systemd.active = False
    assert does(on_steps(observe_timer(host, NAME), DAILY, now=True)) == ["start highwater-zram0-writeback.timer"]
    host.systemd.active = True
    host.install("/etc/systemd/system/highwater-zram0-writeback.service", DAILY.service + "# edited\n")
    assert does(on_steps(observe_timer(host, NAME), DAILY, now=True)) == [
        "rewrite /etc/systemd/system/highwater-zram0-writeback.service",
        "reload systemd",
    ]


def test_next_boot_starts_nothing(host):
    assert does(on_steps(observe_timer(host, NAME), DAILY, now=False))[-1] == "reload systemd"


def test_a_failure_takes_the_units_back(host, tmp_path):
    before = sorted(tmp_path.rglob("*"))

    def broken(argv, _timeout):
        return Completed(1 if argv[1] == "restart" else 0, "", "no")

    host._runner = broken
    with pytest.raises(HighwaterError, match=r"start highwater-zram0-writeback\.timer"):
        apply(on_steps(observe_timer(host, NAME), DAILY, now=True), host)
    assert sorted(tmp_path.rglob("*")) == before


def test_where_there_is_no_timer_nothing_is_run(tmp_path):
    def forbidden(argv, _timeout):
        raise AssertionError(argv)

    host = Host(str(tmp_path), forbidden)
    host.make_folder("/run/systemd/system")
    assert observe_timer(host, NAME).timer is None


def test_both_units_are_known_as_ours_without_a_record():
    assert is_ours(DAILY.service)
    assert is_ours(DAILY.timer)


@pytest.mark.parametrize(
    ("schedule", "status", "out", "says"),
    [
        ("daily", 0, "  Original form: daily\n    Next elapse: Sat 2026-11-21 00:00:00 UTC\n", None),
        ("dayly", 1, "", "is no calendar expression"),
        ("2001-01-01", 0, "Original form: 2001-01-01\nNext elapse: never\n", "is no time to come"),
        ("daily\n[Service]", 0, "", "is no calendar expression"),
        ("%H", 0, "", "is no calendar expression"),
        ("-" * 201, 0, "", "is no calendar expression"),
    ],
)
def test_schedules(tmp_path, schedule, status, out, says):
    host = Host(str(tmp_path), lambda argv, _timeout: Completed(status, out, ""))
    host.install("/usr/bin/systemd-analyze", "")
    if says is None:
        refuse_bad_calendar(host, "writeback_schedule", schedule, None)
    else:
        with pytest.raises(HighwaterError, match=r"^writeback_schedule: [^!]* %s: write one as in" % says):
            refuse_bad_calendar(host, "writeback_schedule", schedule, None)


def test_a_schedule_that_is_there_is_not_asked_about_again(tmp_path):
    def forbidden(argv, _timeout):
        raise AssertionError(argv)

    host = Host(str(tmp_path), forbidden)
    host.install("/usr/bin/systemd-analyze", "")
    refuse_bad_calendar(host, "writeback_schedule", "daily", DAILY.timer)
