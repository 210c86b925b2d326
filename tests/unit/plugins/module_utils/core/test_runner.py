# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where check mode changes something, changed is not what was planned, or a host that does not stay as asked
passes for done."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence, runner
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Step, Write


def swappiness(written=None):
    """A resource that manages one number; written: what its plan writes instead of what is wanted, as a broken one."""

    def plan(spec, state):
        step = Step("set swappiness to %s" % spec, "it is %s" % state, Write("/swappiness", written or spec))
        return () if spec == state else (step,)

    return SimpleNamespace(
        observe=lambda host, params: host.read("/swappiness"),
        resolve=lambda params, state: params["value"],
        plan=plan,
        managed=lambda state: {"swappiness": state},
        wanted=lambda spec, state: {"swappiness": spec},
        result=lambda spec, state: {"value": state},
        warnings=lambda spec, state: ["as high as it goes"] if state == "200" else [],
    )


@pytest.fixture
def host(tmp_path):
    (tmp_path / "swappiness").write_text("60")
    return Host(str(tmp_path))


def test_a_run_changes_and_says_what(host):
    returned = convergence.converge(swappiness(), {"value": "200"}, host, check_mode=False)
    assert host.read("/swappiness") == "200"
    assert returned == {
        "changed": True,
        "actions": ["set swappiness to 200 (it is 60)"],
        "diff": {"before": {"swappiness": "60"}, "after": {"swappiness": "200"}},
        "warnings": ["as high as it goes"],
        "value": "200",
    }


def test_a_second_run_has_nothing_to_do(host):
    convergence.converge(swappiness(), {"value": "10"}, host, check_mode=False)
    again = convergence.converge(swappiness(), {"value": "10"}, host, check_mode=False)
    assert (again["changed"], again["actions"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]


def test_check_mode_says_the_same_and_changes_nothing(host):
    checked = convergence.converge(swappiness(), {"value": "10"}, host, check_mode=True)
    assert host.read("/swappiness") == "60"
    real = convergence.converge(swappiness(), {"value": "10"}, host, check_mode=False)
    for key in ("changed", "actions", "diff"):
        assert checked[key] == real[key]


def test_a_host_that_does_not_stay_as_asked_is_a_failure(host):
    with pytest.raises(HighwaterError, match="still to do: set swappiness to 10") as caught:
        convergence.converge(swappiness(written="11"), {"value": "10"}, host, check_mode=False)
    assert caught.value.reason == "not_converged"


class Ended(Exception):
    """The module's JSON, as run() ends the process with it."""


def ended(monkeypatch, host, resource, **params):
    """What run() ends with on a host, for an AnsibleModule that a test can ask."""

    class Module:
        check_mode = False

        def __init__(self, argument_spec, supports_check_mode):
            self.params, self.said = dict(params), []

        def warn(self, sentence):
            self.said.append(sentence)

        def exit_json(self, **returned):
            raise Ended(dict(returned, warnings=self.said))

        def fail_json(self, **returned):
            raise Ended(dict(returned, failed=True))

    monkeypatch.setattr(runner, "AnsibleModule", Module)
    monkeypatch.setattr(runner, "Host", lambda: host)
    with pytest.raises(Ended) as caught:
        runner.run(resource, {})
    return caught.value.args[0]


def test_without_root_nothing_is_looked_at(monkeypatch, host, tmp_path):
    monkeypatch.setattr(runner.os, "geteuid", lambda: 1000)
    said = ended(monkeypatch, host, SimpleNamespace(observe=lambda *_: pytest.fail("it looked")), value="200")
    assert said["failed"]
    assert said["reason"] == "not_root"
    assert "add become: true" in said["msg"]
    assert [path.name for path in tmp_path.rglob("*")] == ["swappiness"], "not even a lock"
    assert host.read("/swappiness") == "60"


@pytest.mark.parametrize(("on_unsupported", "failed"), [("fail", True), ("skip", False)])
def test_what_a_host_cannot_is_a_failure_or_a_warning(monkeypatch, host, on_unsupported, failed):
    def observe(_host, _params):
        raise Unsupported("it has none", reason="feature")

    monkeypatch.setattr(runner.os, "geteuid", lambda: 0)
    host.install("/etc/os-release", 'ID="debian"\n')
    host.install("/proc/sys/kernel/osrelease", "6.12.0\n")
    said = ended(monkeypatch, host, SimpleNamespace(observe=observe), on_unsupported=on_unsupported)
    assert said.get("failed", False) is failed
    assert said.get("changed", False) is False
    assert (said["msg"], said["reason"], said["os_id"], said["kernel"]) == (
        "it has none",
        "feature",
        "debian",
        "6.12.0",
    )
    assert said.get("warnings", []) == ([] if failed else ["it has none"])


@pytest.mark.parametrize("fails", [False, True])
def test_names_that_are_not_utf8_are_said_in_utf8(monkeypatch, host, fails):
    """The controller refuses a whole answer for one string that is not; other letters than ours stay as they are."""
    name = b"/srv/\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")

    def result(_spec, _state):
        if fails:
            raise HighwaterError("%s is full" % name, reason="disk", path=name)
        return {"files": [{"path": name, "size": 7}], name: None}

    monkeypatch.setattr(runner.os, "geteuid", lambda: 0)
    resource = swappiness()
    resource.result = result
    resource.warnings = lambda spec, state: ["%s is odd" % name]
    said = ended(monkeypatch, host, resource, value="60")
    shown = "/srv/\\xe9 \u00e9"
    if fails:
        assert (said["msg"], said["path"]) == (shown + " is full", shown)
    else:
        assert (said["files"], said[shown], said["warnings"]) == (
            [{"path": shown, "size": 7}],
            None,
            [shown + " is odd"],
        )
