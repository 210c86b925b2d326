# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the calls of a run do not add up to what one call would have returned."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.action import converge, swapfile
from ansible_collections.highwater.memory.plugins.plugin_utils import slices


def call(changed, *actions, before=None, after=None, **more):
    return dict(more, changed=changed, actions=list(actions), diff={"before": before, "after": after})


def together(*calls):
    found = {}
    for each in calls:
        found = slices.merged(found, each)
    return found


def test_one_call_is_itself():
    only = call(True, "a", before=1, after=2, swapfile={"size": 3})
    assert together(only) == only


def test_several_calls_are_one():
    first = call(True, "remember", before=1, after=9)
    between = call(True, before=2, after=9)
    last = call(False, "make", before=3, after=9, swapfile={"size": 3})
    assert together(first, between, last) == call(True, "remember", "make", before=1, after=9, swapfile={"size": 3})


def test_a_later_failure_keeps_what_was_done():
    failed = {"failed": True, "msg": "disk full", "reason": "disk"}
    found = together(call(True, "remember", before=1, after=9), failed)
    assert found == dict(failed, changed=True, actions=["remember"], diff={"before": 1, "after": 9})


def test_objects_are_merged_one_by_one():
    """Module converge: the first device was done in the first call, the file begun in it and ended in the second."""
    first = {
        "changed": True,
        "actions": ["device", "remember"],
        "diff": [{"before": 0, "after": 1}, {"before": 2, "after": 3}],
        "zram_device": [{"changed": True, "actions": ["device"]}],
        "swapfile": [{"changed": True, "actions": ["remember"]}],
    }
    last = {
        "changed": True,
        "actions": ["make", "set"],
        "diff": [{"before": 1, "after": 1}, {"before": 2.5, "after": 3}, {"before": 4, "after": 5}],
        "zram_device": [{"changed": False, "actions": [], "zram": {}}],
        "swapfile": [{"changed": True, "actions": ["make"], "swapfile": {}}],
        "vm_sysctl": [{"changed": True, "actions": ["set"]}],
    }
    assert together(first, last) == {
        "changed": True,
        "actions": ["device", "remember", "make", "set"],
        "diff": [{"before": 0, "after": 1}, {"before": 2, "after": 3}, {"before": 4, "after": 5}],
        "zram_device": [{"changed": True, "actions": ["device"], "zram": {}}],
        "swapfile": [{"changed": True, "actions": ["remember", "make"], "swapfile": {}}],
        "vm_sysctl": [{"changed": True, "actions": ["set"]}],
    }


def test_what_each_call_tells_of_its_own_part_is_summed_in_objects_too():
    """Fails where a swapfile that an earlier call has taken back is told of by none."""
    first, last = call(True, "forget /a", paths=["/a"]), call(True, "forget /b", paths=["/b"])
    assert slices.merged(first, last, swapfile.ActionModule.adds_up)["paths"] == ["/a", "/b"]
    several = [{"changed": True, "actions": [], "swapfile": [each]} for each in (first, last)]
    assert slices.merged(*several, converge.ActionModule.adds_up)["swapfile"][0]["paths"] == ["/a", "/b"]
    lost = call(True, "forget /a", paths=["/a"], warnings=["/a stays"])
    assert slices.merged(lost, dict(last, warnings=[]), swapfile.ActionModule.adds_up)["warnings"] == ["/a stays"]
    again = slices.merged(
        dict(lost, warnings=["/a stays", "x"]), dict(last, warnings=["x"]), converge.ActionModule.adds_up
    )
    assert again["warnings"] == ["/a stays", "x"]  # what both have looked at is said once


@pytest.mark.parametrize(
    ("done", "rate", "expected"),
    [
        (37 << 20, 10 << 20, "writing zeros to /swapfile: 37 %, 10 MiB/s, 0:00:06 left"),
        (0, 1 << 10, "writing zeros to /swapfile: 0 %, 1 KiB/s, 28:26:40 left"),
        (0, 0, "writing zeros to /swapfile: 0 %, 0 B/s, 0:00:00 left"),
    ],
)
def test_sentence(done, rate, expected):
    progress = {"work": "writing zeros to /swapfile", "done": done, "total": 100 << 20, "rate": rate}
    assert slices.sentence(progress) == expected


def test_the_first_line_comes_within_ten_seconds():
    lengths = slices.slices()
    found = [next(lengths) for _turn in range(4)]
    assert found[0] < 10
    assert max(found) == found[3] == 30


PROGRESS = {"work": "writing zeros to /swapfile", "done": 1 << 20, "total": 4 << 20, "rate": 1 << 20}


@pytest.fixture
def action(monkeypatch):
    """An action whose module answers by ``answers``; ``calls`` are the options of each call, ``shown`` the terminal."""
    it = object.__new__(slices.SlicedAction)
    it._task = SimpleNamespace(args={"path": "/swapfile"}, async_val=0, check_mode=False)
    it.answers, it.calls, it.shown, it.warned = [], [], [], []

    def execute(module_args, task_vars):
        it.calls.append(module_args)
        answer = it.answers.pop(0)
        return dict(answer, invocation={"module_args": dict(module_args)})

    it._execute_module = execute
    display = SimpleNamespace(display=lambda text, stderr: it.shown.append((text, stderr)), warning=it.warned.append)
    monkeypatch.setattr(slices, "Display", lambda: display)
    return it


def test_short_work_is_one_call_and_says_nothing(action):
    action.answers = [call(False)]
    returned = action.watched({"inventory_hostname": "web1"})
    assert (len(action.calls), action.shown) == (1, [])
    assert returned["invocation"]["module_args"] == {"path": "/swapfile"}
    assert action._task.args == {"path": "/swapfile"}


def test_long_work_is_several_calls_of_one_run_with_a_line_between(action):
    action.answers = [
        call(True, "remember", progress=PROGRESS),
        call(True, progress=dict(PROGRESS, done=2 << 20)),
        call(True, "make"),
    ]
    returned = action.watched({"inventory_hostname": "web1"})
    assert [shown for shown, on_stderr in action.shown if on_stderr] == [
        "web1: writing zeros to /swapfile: 25 %, 1 MiB/s, 0:00:03 left",
        "web1: writing zeros to /swapfile: 50 %, 1 MiB/s, 0:00:02 left",
    ]
    assert [options["slice"]["seconds"] for options in action.calls] == [8, 15, 30]
    assert len({options["slice"]["run"] for options in action.calls}) == 1
    assert (returned["changed"], returned["actions"], "progress" in returned) == (True, ["remember", "make"], False)


def test_what_a_call_leaves_to_be_known_is_told_to_the_next(action):
    action.answers = [
        call(False, progress=dict(PROGRESS, resume={"at": 1})),
        call(False, progress=dict(PROGRESS, resume={"at": 2})),
        call(True, "drop"),
    ]
    returned = action.watched({"inventory_hostname": "web1"})
    assert [options["slice"].get("resume") for options in action.calls] == [None, {"at": 1}, {"at": 2}]
    assert (returned["actions"], "progress" in returned) == (["drop"], False)


def test_two_runs_have_two_names(action):
    action.answers = [call(False), call(False)]
    action.watched({})
    action.watched({})
    first, second = (options["slice"]["run"] for options in action.calls)
    assert first != second


def test_a_failure_ends_it(action):
    action.answers = [call(True, "remember", progress=PROGRESS), {"failed": True, "msg": "disk full"}, call(True)]
    returned = action.watched({"inventory_hostname": "web1"})
    assert (returned["failed"], returned["actions"], len(action.calls)) == (True, ["remember"], 2)


# What ansible-core makes of a process that was killed, and of one that ended otherwise without an answer.
KILLED = {
    "failed": True,
    "module_stdout": "",
    "module_stderr": "Killed\n",
    "rc": 137,
    "msg": "No start of json char found",
}


def test_a_call_that_was_killed_is_gone_on_with(action):
    """With what only the calls that answered have said, and as a change, since nobody knows what it had done."""
    action.begins_again = 2
    action.answers = [call(True, "remember", progress=PROGRESS), KILLED, dict(KILLED, rc=-9), call(False)]
    returned = action.watched({"inventory_hostname": "web1"})
    assert (returned["changed"], returned["actions"], "failed" in returned) == (True, ["remember"], False)
    assert len({options["slice"]["run"] for options in action.calls}) == 1
    assert action.warned == ["web1: the module's process was killed (signal 9); its work is gone on with"] * 2


def test_it_is_not_begun_again_for_ever(action):
    action.begins_again = 2
    action.answers = [KILLED] * 4
    returned = action.watched({"inventory_hostname": "web1"})
    assert (returned["failed"], returned["rc"], len(action.calls)) == (True, 137, 3)


@pytest.mark.parametrize(
    "answer",
    [
        dict(KILLED, rc=1),  # Python's own word for an error
        dict(KILLED, rc=255),  # ssh's
        {"failed": True, "msg": "mkswap ended with 137", "rc": 137},  # a module's
    ],
)
def test_nothing_else_is_begun_again(action, answer):
    action.begins_again = 2
    action.answers = [answer, call(True)]
    assert action.watched({"inventory_hostname": "web1"})["failed"]
    assert (len(action.calls), action.warned) == (1, [])


def test_in_check_mode_nothing_can_have_changed(action):
    action.begins_again, action._task.check_mode = 2, True
    action.answers = [KILLED, call(False)]
    assert not action.watched({"inventory_hostname": "web1"})["changed"]
