# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where several objects in one call are not what their own modules would make of them one after the other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Step, Write

COMMON = {
    "on_unsupported": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
FILE = dict(COMMON, name={"type": "str", "required": True}, value={"type": "int", "default": 1})
ROOMY = dict(FILE, expect_room={"type": "bool", "default": False})
HELD = dict(FILE, hold_back={"type": "str"})
LAST = dict(COMMON, expect_swap={"type": "list", "elements": "str", "default": []}, expect_huge_pages={"type": "str"})


def observe(host, params):
    if params.get("name") in ("foreign", "kubelet"):
        raise Unsupported("it is foreign", reason=params["name"])
    return host.read("/" + params.get("name", "last"))


def resolve(params, state):
    if params.get("value") == 99:
        raise HighwaterError("value: 99 is too much: write 1", reason="range")
    return params


def plan(params, state):
    name, value = params.get("name", "last"), str(params.get("value", ",".join(params.get("expect_swap", []))))
    step = Step("write %s" % name, "it is %s" % state, Write("/" + name, value))
    return () if state == value else (step,)


KEPT_AS = {"mounted": "ext4"}  # fstype of an object that is active, but no swap
RESOURCE = SimpleNamespace(
    observe=observe,
    resolve=resolve,
    plan=plan,
    managed=lambda state: {"is": state},
    wanted=lambda spec, state: {"is": spec},
    result=lambda spec, state: {
        "thing": {"active": spec.get("name") != "off", "fstype": KEPT_AS.get(spec.get("name"), "swap"), "is": state}
    },
    warnings=lambda spec, state: ["mind %s" % spec.get("name", "last")],
)


@pytest.fixture
def host(tmp_path, monkeypatch):
    kinds = (
        converge.Kind("first", RESOURCE, FILE, "name", "thing", "zram"),
        converge.Kind("second", RESOURCE, FILE, "name", "thing", "disk"),
        converge.Kind("last", RESOURCE, LAST),
    )
    monkeypatch.setattr(converge, "KINDS", kinds)
    for name in ("a", "b", "off", "last"):
        (tmp_path / name).write_text("0")
    return Host(str(tmp_path))


def run(host, check_mode=False, **asked):
    return converge.converge_all({"first": [], "second": [], "last": [], **asked}, host, check_mode)


def test_all_are_converged_in_order_and_a_second_run_has_nothing_to_do(host):
    asked = {"second": [{"name": "b", "value": 2}], "first": [{"name": "a"}]}
    returned = run(host, **asked)
    assert (host.read("/a"), host.read("/b")) == ("1", "2")
    assert returned["changed"] is True
    assert returned["actions"] == ["write a (it is 0)", "write b (it is 0)"]
    assert returned["warnings"] == ["mind a", "mind b"]
    assert [entry["thing"]["is"] for entry in returned["first"] + returned["second"]] == ["1", "2"]
    assert len(returned["diff"]) == 2
    again = run(host, **asked)
    assert (again["changed"], again["actions"]) == (False, [])


def test_check_mode_changes_nothing_and_the_last_expects_what_the_first_would_turn_on(host):
    asked = {"first": [{"name": "a"}, {"name": "off"}, {"name": "mounted"}], "second": [{"name": "b"}], "last": [{}]}
    returned = run(host, check_mode=True, **asked)
    assert [host.read("/" + name) for name in ("a", "b", "last")] == ["0", "0", "0"]
    assert returned["actions"][-1] == "write last (it is 0)"
    assert returned["diff"][-1]["after"]["is"]["expect_swap"] == ["zram", "disk"]


def test_check_mode_expects_room_where_an_object_before_would_turn_swap_on(host, monkeypatch):
    first, second, last = converge.KINDS
    monkeypatch.setattr(converge, "KINDS", (first, second._replace(arguments=ROOMY), last))

    def expected(check_mode=True, **asked):
        return [diff["after"]["is"].get("expect_room") for diff in run(host, check_mode, **asked)["diff"]]

    two = [{"name": "a"}, {"name": "b"}]
    assert expected(second=two) == [False, True]
    assert expected(first=[{"name": "off"}], second=[{"name": "b"}]) == [None, False]
    assert expected(second=[{"name": "a", "expect_room": True}]) == [True]
    assert expected(check_mode=False, second=two) == [False, False]
    assert expected(second=two) == [False, False], "both are on by now"


def test_a_failure_names_the_object_and_ends_the_run_with_what_was_done(host):
    with pytest.raises(HighwaterError, match="second b: value: 99 is too much: write 1") as caught:
        run(host, first=[{"name": "a"}], second=[{"name": "b", "value": 99}], last=[{}])
    assert (caught.value.reason, caught.value.facts["actions"]) == ("range", ["write a (it is 0)"])
    assert (host.read("/a"), host.read("/b"), host.read("/last")) == ("1", "0", "0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "missing required arguments: name"),
        ({"name": "b", "size": 1}, "there is no option size. Supported parameters include: name"),
        ({"nmae": "b"}, "there is no option nmae"),
        ({"name": "b", "value": "x"}, "x"),
    ],
)
def test_options_that_the_module_would_refuse_are_refused_before_anything_is_touched(host, options, words):
    with pytest.raises(HighwaterError, match=words) as caught:
        run(host, first=[{"name": "a"}], second=[options])
    assert caught.value.message.startswith("second: ")
    assert host.read("/a") == "0"


@pytest.mark.parametrize(
    "twice",
    [[{"name": "b"}, {"name": "b", "state": "absent"}], [{"name": "b"}, {"name": "a"}, {"name": "b", "value": 2}]],
    ids=["it is to come and to go", "two values"],
)
def test_what_is_listed_twice_is_refused_before_anything_is_touched(host, twice):
    """Fails where each item undoes the other one's work, at each run."""
    with pytest.raises(HighwaterError, match=r"^second b is listed more than once: .* list it once$") as caught:
        run(host, first=[{"name": "a"}], second=twice)
    assert caught.value.reason == "options"
    assert (host.read("/a"), host.read("/b")) == ("0", "0")


def test_names_of_different_kinds_and_items_without_one_may_be_several(host):
    run(host, check_mode=True, first=[{"name": "a"}], second=[{"name": "a"}], last=[{}, {}])


def test_a_late_kind_comes_last_where_it_is_taken_away(host, monkeypatch):
    first, *others = converge.KINDS
    monkeypatch.setattr(converge, "KINDS", (first._replace(late=True), *others))
    asked = {"second": [{"name": "b"}], "last": [{}]}
    present = run(host, check_mode=True, first=[{"name": "a"}], **asked)
    absent = run(host, check_mode=True, first=[{"name": "a", "state": "absent"}], **asked)
    assert [words.split()[1] for words in present["actions"]] == ["a", "b", "last"]
    assert [words.split()[1] for words in absent["actions"]] == ["b", "last", "a"]


def test_what_the_host_cannot_do_is_skipped_with_its_sentence_or_fails(host):
    returned = run(host, first=[{"name": "foreign", "on_unsupported": "skip"}, {"name": "a"}])
    assert host.read("/a") == "1"
    assert returned["warnings"] == ["it is foreign", "mind a"]
    assert returned["first"][0]["reason"] == "foreign"
    assert returned["first"][0]["supported"] is False
    with pytest.raises(Unsupported, match="first foreign: it is foreign"):
        run(host, first=[{"name": "foreign"}])


def test_what_goes_off_is_held_back_where_what_was_to_take_its_place_could_not_be_had(host, monkeypatch):
    """Fails where a host is left with neither its old swap nor the new. Where none is wanted, nothing is held back."""
    first, second, last = converge.KINDS
    monkeypatch.setattr(converge, "KINDS", (first, second._replace(arguments=HELD), last))

    def held(*skipped, kind="second"):
        asked = {"first": [], "second": []}
        asked[kind] = [{"name": name, "on_unsupported": "skip", "state": "present"} for name in skipped]
        asked["second"] = [*asked["second"], {"name": "b", "state": "absent"}]
        return run(host, True, **asked)["diff"][-1]["after"]["is"]["hold_back"]

    assert held("foreign") == "it is foreign"
    assert held("a") is None
    assert held("kubelet") is None
    assert held("foreign", kind="first") is None, "another kind of swap"


def test_what_goes_off_comes_after_what_is_to_take_its_place(host, monkeypatch):
    """Fails where old swap goes since it stands before the new one in the list, which then cannot be had."""
    first, second, last = converge.KINDS
    monkeypatch.setattr(converge, "KINDS", (first, second._replace(arguments=HELD), last))
    goes, new = {"name": "b", "state": "absent"}, {"name": "foreign", "on_unsupported": "skip"}
    returned = run(host, True, second=[goes, {"name": "off"}, new, dict(goes, name="a")])
    assert [words.split()[1] for words in returned["actions"]] == ["off", "b", "a"]
    assert [diff["after"]["is"]["hold_back"] for diff in returned["diff"]] == [None, "it is foreign", "it is foreign"]
    assert returned["second"][1]["reason"] == "foreign", "as they were done"
    # All that was there before is taken back first: after that it would be the new one too.
    returned = run(host, True, second=[dict(goes, name="all"), {"name": "a"}])
    assert [words.split()[1] for words in returned["actions"]] == ["all", "a"]
    returned = run(host, True, first=[{"name": "b", "state": "absent"}, {"name": "a"}])
    assert [words.split()[1] for words in returned["actions"]] == ["b", "a"], "nothing of this kind is held back"


def test_the_modules_themselves_take_the_same_options(monkeypatch):
    """Each real kind is called as its module and takes that module's own argument spec."""
    monkeypatch.undo()
    assert [kind.module for kind in converge.KINDS] == [
        "zram_device", "swapfile", "transparent_hugepage", "zswap", "lru_gen", "vm_sysctl",
        "kernel_command_line",
    ]  # fmt: skip
    for kind in converge.KINDS:
        assert {"on_unsupported", "state"} <= set(kind.arguments)
        assert kind.named_by is None or kind.named_by in kind.arguments
