# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a call works on beyond its slice, puts down what is nearly done, or forgets what it has done."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Call, Step, apply
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter, Slice, Unfinished

OVER = Slice("run", 0.0)  # an end long past on any clock


def test_without_a_slice_there_is_no_end():
    meter = Meter(Slice.asked({}), "writing", 0, 1 << 40)
    meter.reached(1)


def test_a_slice_that_is_over_puts_the_work_down_and_says_how_far_it_is(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(Slice("run", 110.0), "writing /swapfile", 1000, 9000)
    now[0] = 109.0
    meter.reached(1900)
    now[0] = 110.0
    with pytest.raises(Unfinished) as caught:
        meter.reached(2000)
    assert caught.value.progress == ("writing /swapfile", 2000, 9000, 100.0)


def test_what_is_done_sooner_than_another_call_would_come_is_done(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(Slice("run", 110.0), "writing", 0, 1400)
    now[0] = 110.0
    meter.reached(1000)  # four seconds more at this rate
    with pytest.raises(Unfinished):
        meter.reached(900)


def test_what_was_observed_long_ago_is_observed_again(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(Slice("run", 110.0), "writing", 200, 1000)
    meter.look_again()
    now[0] = 104.0
    with pytest.raises(Unfinished) as caught:
        meter.look_again()
    assert caught.value.progress == ("writing", 1000, 1000, 200.0)
    Meter(Slice(), "writing", 0, 1000).look_again()


def copying(target):
    """A resource that fills a file to a length, a byte a step of the work, in slices."""

    def work(host):
        state = len(host.read("/copy") or "")
        meter = Meter(host.slice, "copying", state, target)
        while state < target:
            state += 1
            host.install("/copy", "x" * state)
            time.sleep(0.001)
            meter.reached(state)

    def plan(spec, state):
        before = Step("make a note", "", Call(lambda host: host.install("/note", "")))
        steps = () if state["note"] else (before,)
        return steps + (() if state["length"] == spec else (Step("copy", "", Call(work)),))

    return SimpleNamespace(
        observe=lambda host, params: {"length": len(host.read("/copy") or ""), "note": host.exists("/note")},
        resolve=lambda params, state: target,
        plan=plan,
        managed=lambda state: state,
        wanted=lambda spec, state: {"length": spec, "note": True},
        result=lambda spec, state: {"length": state["length"]},
        warnings=lambda spec, state: [],
    )


def test_a_run_goes_on_where_the_call_before_it_stopped(tmp_path):
    host = Host(str(tmp_path))
    host.slice = OVER
    first = convergence.converge(copying(1 << 14), {}, host, check_mode=False)
    assert first["progress"]["done"] == 1
    assert (first["changed"], first["actions"]) == (True, ["make a note"])
    assert "length" not in first
    second = convergence.converge(copying(1 << 14), {}, host, check_mode=False)
    assert second["progress"]["done"] == 2
    assert second["actions"] == []
    host.slice = Slice()
    last = convergence.converge(copying(9), {}, host, check_mode=False)
    assert (last["length"], last["actions"], "progress" in last) == (9, ["copy"], False)


def test_a_call_that_is_cut_short_returns_what_its_steps_tell(tmp_path):
    host, resource = Host(str(tmp_path)), copying(1 << 14)
    host.slice = OVER
    resource.part = lambda spec, steps: {"done": [step.does for step in steps], "warnings": ["mind it"]}
    first = convergence.converge(resource, {}, host, check_mode=False)
    assert (first["done"], first["warnings"], first["progress"]["done"]) == (["make a note"], ["mind it"], 1)


def test_check_mode_has_no_slices(tmp_path):
    host = Host(str(tmp_path))
    host.slice = OVER
    checked = convergence.converge(copying(1 << 14), {}, host, check_mode=True)
    assert checked["actions"] == ["make a note", "copy"]
    assert list(tmp_path.iterdir()) == []


def test_taking_back_is_not_put_down(tmp_path):
    host = Host(str(tmp_path))
    host.slice = OVER
    done = []

    def long_work(host):
        time.sleep(0.001)
        Meter(host.slice, "giving back", 0, 1 << 40).reached(1)
        done.append("given back")

    def fail(_host):
        raise OSError(28, "No space left on device")

    with pytest.raises(HighwaterError, match="No space left"):
        apply((Step("first", "", Call(lambda host: None), (Call(long_work),)), Step("second", "", Call(fail))), host)
    assert done == ["given back"]
