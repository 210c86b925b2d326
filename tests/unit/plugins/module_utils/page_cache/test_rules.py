# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a rule has no timer, or one that is absent has it still, or a service more than it needs; where a second
run finds something to do; and where a rule that could not run is not refused before anything is made."""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import zipapp
from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import rules

UNITS = "/etc/systemd/system"
LOGS = {"name": "logs", "schedule": "hourly", "paths": ["/var/log"], "keep_tail": "4MiB"}
BACKUP = {"name": "backup", "schedule": "daily", "paths": ["/srv/a b", "/srv/100%"], "only_below": "ram * 25%"}
WHOLE = {"name": "whole", "schedule": "daily", "scope": "pagecache"}


class Systemd:
    """A stand-in for systemctl: a systemd that really runs is what the lab is for. Timers are active once started."""

    def __init__(self):
        self.active = set()
        self.calls = []

    def __call__(self, argv, _timeout):
        verb, unit = argv[1], argv[-1]
        self.calls.append(" ".join(argv))
        if verb == "restart":
            self.active.add(unit)
        if verb == "stop":
            self.active.discard(unit)
        inactive = verb == "is-active" and unit not in self.active
        return Completed(3 if inactive else 0, "", "")


@pytest.fixture
def host(tmp_path):
    for path, text in (
        ("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 400000 kB\n"),
        ("sys/devices/system/cpu/online", "0\n"),
        ("run/systemd/system/here", ""),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Host(str(tmp_path), runner=Systemd())


def run(host, *asked, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in rules.RULE.items()}
    params = {"state": "present", "apply": "now", "rules": [dict(defaults, **rule) for rule in asked]}
    return converge(rules, dict(params, **options), host, check_mode)


def files(host):
    found = []
    for folder, _folders, names in os.walk(host.root):
        found += [os.path.join(folder, name)[len(host.root) :] for name in names]
    return sorted(path for path in found if not path.startswith(("/proc", "/sys", "/run")))


def paths_of(name):
    unit = "%s/highwater-page-cache-%s" % (UNITS, name)
    return [unit + ".service", unit + ".timer", "%s/timers.target.wants/%s.timer" % (UNITS, os.path.basename(unit))]


def test_each_rule_has_a_timer_and_all_share_a_program(host):
    checked = run(host, LOGS, BACKUP, check_mode=True)
    assert (checked["changed"], files(host)) == (True, [])
    done = run(host, LOGS, BACKUP)
    assert done["actions"] == checked["actions"]
    assert files(host) == sorted(paths_of("backup") + paths_of("logs") + [zipapp.PATH])
    assert host._runner.active == {"highwater-page-cache-logs.timer", "highwater-page-cache-backup.timer"}
    assert [rule["name"] for rule in done["rules"]] == ["backup", "logs"]
    again = run(host, LOGS, BACKUP)
    assert (again["changed"], again["actions"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]


def test_the_service_says_what_the_rule_says_and_may_do_little(host):
    run(host, BACKUP)
    service = host.read(paths_of("backup")[0])
    assert service.startswith("# Made by highwater.memory.page_cache_rules")
    interpreter = zipapp.observe_zipapp(host).interpreter
    command = 'ExecStart=%s -I %s page-cache-purge "--only-below=ram * 25%%%%" -- "/srv/a b" /srv/100%%%%\n'
    assert command % (interpreter, zipapp.PATH) in service
    for line in ("ProtectSystem=strict", "PrivateNetwork=yes", "NoNewPrivileges=yes", "ProtectKernelTunables=yes"):
        assert line + "\n" in service
    assert "OnCalendar=daily\n" in host.read(paths_of("backup")[1])
    run(host, WHOLE)
    assert "ProtectKernelTunables=no\n" in host.read(paths_of("whole")[0]), "it writes drop_caches"


def test_only_a_rule_that_is_absent_goes_and_others_are_left_alone(host):
    """Fails where a rule's state is not heeded, where a timer goes that is not listed, or where the program goes while
    a timer is there, or stays after the last one."""
    run(host, LOGS, BACKUP)
    others = run(host, WHOLE)
    assert [rule["name"] for rule in others["rules"]] == ["backup", "logs", "whole"]
    assert not run(host)["changed"], "no rule is listed, and so none is asked to go"
    asked = {"name": "whole", "state": "absent"}, dict(LOGS, state="absent")
    checked = run(host, *asked, check_mode=True)
    done = run(host, *asked)
    assert (done["actions"], done["diff"]) == (checked["actions"], checked["diff"])
    assert files(host) == sorted([*paths_of("backup"), zipapp.PATH])
    assert sorted(done["diff"]["after"]) == sorted([*paths_of("backup")[:2], zipapp.PATH])
    assert done["diff"]["after"][zipapp.PATH] is not None
    assert host._runner.active == {"highwater-page-cache-backup.timer"}
    assert [rule["name"] for rule in done["rules"]] == ["backup"]
    assert not run(host, *asked)["changed"]
    last = run(host, dict(BACKUP, state="absent"))
    assert (files(host), last["diff"]["after"]) == ([], {zipapp.PATH: None})


def test_one_comes_while_another_goes(host):
    run(host, LOGS)
    run(host, dict(LOGS, state="absent"), BACKUP)
    assert files(host) == sorted([*paths_of("backup"), zipapp.PATH])


def test_a_name_that_is_none_is_refused_of_an_absent_rule_too(host):
    with pytest.raises(HighwaterError, match=r"rules: the name '\.\./x'"):
        run(host, {"name": "../x", "state": "absent"})


def test_absent_leaves_nothing_and_needs_no_rules(host):
    run(host, LOGS)
    done = run(host, state="absent")
    assert [words.split(" (")[0] for words in done["actions"][:2]] == [
        "stop highwater-page-cache-logs.timer",
        "stop highwater-page-cache-logs.service",
    ], "a run that is on its way would fail when its program goes"
    assert (files(host), host._runner.active) == ([], set())
    assert not run(host, state="absent")["changed"]


def test_the_program_stays_for_others(host):
    run(host, LOGS)
    other = "# Made by highwater.memory.other\nExecStart=%s\n" % zipapp.command_line("/usr/bin/python3", "x")
    host.install(UNITS + "/highwater-other.service", other)
    run(host, state="absent")
    assert files(host) == [UNITS + "/highwater-other.service", zipapp.PATH]


def test_a_changed_rule_is_written_anew(host):
    run(host, LOGS)
    done = run(host, dict(LOGS, keep_tail="8MiB"))
    assert done["actions"][0].startswith("rewrite %s" % paths_of("logs")[0])
    assert "--keep-tail=8MiB" in host.read(paths_of("logs")[0])


def test_next_boot_starts_nothing(host):
    run(host, LOGS, apply="next_boot")
    assert files(host) == sorted([*paths_of("logs"), zipapp.PATH])
    assert host._runner.active == set()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([dict(LOGS, name="Logs")], "rules: the name 'Logs' is part of a unit's name"),
        ([dict(LOGS, name="../x")], "rules: the name '../x'"),
        ([dict(LOGS, name="a" * 61)], "rules: the name"),
        ([LOGS, LOGS], "rules: logs is there twice"),
        ([dict(LOGS, schedule=None)], "rules: logs: schedule: none is given: write one as in systemd.time(7)"),
        ([dict(LOGS, schedule="daily\nExecStart=/bin/sh")], "rules: logs: schedule: daily"),
        ([dict(LOGS, paths=["/"])], "rules: logs: paths: / is the whole machine"),
        ([dict(LOGS, paths=None)], "rules: logs: paths: none is given"),
        ([BACKUP, dict(LOGS, keep_tail="4")], "rules: logs: keep_tail: 4 has no unit"),
        ([{"name": "x", "schedule": "daily", "scope": "all"}], "rules: x: scope: all drops every clean page"),
    ],
)
def test_what_could_not_run_is_refused_before_anything_is_made(host, asked, says):
    with pytest.raises(HighwaterError) as error:
        run(host, *asked)
    assert error.value.message.startswith(says)
    assert files(host) == []


def test_without_systemd(host):
    os.unlink(host.path("/run/systemd/system/here"))
    os.rmdir(host.path("/run/systemd/system"))
    with pytest.raises(Unsupported, match="it needs the timers of systemd") as error:
        run(host, LOGS)
    assert error.value.reason == "init"
    assert not run(host, dict(LOGS, state="absent"))["changed"]
