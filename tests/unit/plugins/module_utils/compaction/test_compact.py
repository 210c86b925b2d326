# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a node is compacted that should not be, or is not that should, or the figures are not the kernel's."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compaction import command, pressure, state
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported

from .conftest import BROKEN, FULL, WHOLE

NODE0, NODE1 = ("/sys/devices/system/node/node%d/compact" % node for node in (0, 1))


def indices(returned, when="after"):
    return {(one["node"], one["zone"]): one[when] and one[when]["unusable_index"] for one in returned["zones"]}


def test_a_broken_zone_and_nothing_the_second_time(machine):
    before = machine.everything()
    told = machine.run(check=True)
    assert machine.everything() == before
    done = machine.run()
    assert machine.host.written == [NODE0]
    assert (machine.folder / NODE0.lstrip("/")).read_text() == "1"
    why = "compact node 0 (unusable index of order 9: Normal 0.988, above 0.5)"
    assert [told["changed"], told["actions"]] == [done["changed"], done["actions"]] == [True, [why]]
    assert told["diff"] == done["diff"] == {"before": {"compacted": []}, "after": {"compacted": [0]}}
    assert indices(told) == {(0, "DMA"): None, (0, "DMA32"): None, (0, "Normal"): None}
    assert (
        indices(done, "before")
        == indices(told, "before")
        == {(0, "DMA"): 0.006, (0, "DMA32"): 0.006, (0, "Normal"): 0.988}
    )
    assert indices(done)[0, "Normal"] < 0.02
    assert [one[when]["usable_blocks"] for one in done["zones"][2:] for when in ("before", "after")] == [1, 87]
    again = machine.run(min_interval="0s")
    assert (again["changed"], again["actions"], machine.host.written) == (False, [], [NODE0])
    assert again["nodes"] == [{"node": 0, "compacted": False, "why": "no zone is above 0.5"}]
    assert indices(again) == indices(again, "before") == indices(done)


@pytest.mark.parametrize(
    ("params", "compacted"),
    [
        ({"threshold": 0.987}, True),
        ({"threshold": 0.988}, False),
        ({"threshold": 1.0}, False),
        ({"threshold": 0.0}, True),
        ({"order": 3, "threshold": 0.6}, False),
        ({"order": 3, "threshold": 0.5}, True),
        ({"order": 10}, True),
        ({"nodes": []}, False),
        ({"nodes": [0, 0]}, True),
    ],
)
def test_what_decides(machine, params, compacted):
    assert machine.run(**params)["changed"] is compacted
    assert machine.host.written == [NODE0] * compacted


def test_where_all_is_in_large_blocks_no_threshold_makes_it_compact(machine):
    """Fails where 0.0 means always: there is nothing to be mended."""
    machine.zones(("Normal", WHOLE))
    done = machine.run(order=8, threshold=0.0)
    assert (done["changed"], done["nodes"][0]["why"]) == (False, "no zone is above 0")


def test_a_node_with_too_little_free_to_work_in(machine):
    machine.zones(("Normal", FULL))
    done = machine.run()
    assert (done["changed"], machine.host.written) == (False, [])
    assert done["nodes"][0]["why"] == "Normal 1.000, but less is free there than compaction needs to work in"
    assert machine.run(order=4)["changed"] is True


def test_each_node_by_itself(machine):
    machine.zones(("Normal", WHOLE))
    machine.zones(("Normal", BROKEN), ("Movable", WHOLE), node=1)
    done = machine.run()
    assert machine.host.written == [NODE1]
    assert [(one["node"], one["compacted"]) for one in done["nodes"]] == [(0, False), (1, True)]
    assert set(indices(done)) == {(0, "Normal"), (1, "Normal"), (1, "Movable")}
    assert set(json.loads((machine.folder / state.REMEMBERED.lstrip("/")).read_text())) == {"1"}
    machine.zones(("Normal", BROKEN))
    machine.zones(("Normal", BROKEN), node=1)
    assert [one["compacted"] for one in machine.run()["nodes"]] == [True, False]
    assert machine.run(nodes=[1], min_interval="0s")["changed"] is True
    assert machine.host.written == [NODE1, NODE0, NODE1]


def test_a_kernel_without_nodes_is_compacted_as_a_whole(machine):
    machine.remove(NODE0)
    machine.zones(("Normal", BROKEN), node=1)
    machine.remove(NODE1)
    assert machine.run()["changed"] is True
    assert machine.host.written == [state.WHOLE_MACHINE]


# -- not too often, and not at a bad moment ------------------------------------------------------


def test_not_again_within_the_interval(machine, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(state, "since_boot", lambda: now[0])
    machine.run()
    machine.zones(("Normal", BROKEN))
    now[0] += 299
    told = machine.run()
    assert (told["changed"], told["nodes"][0]["why"]) == (False, "Normal 0.988, but it was compacted 299 s ago")
    now[0] += 1
    assert machine.run()["changed"] is True
    machine.zones(("Normal", BROKEN))
    now[0] = 20.0  # after a reboot /run would be empty; a clock that went back must not keep a node from its due
    assert machine.run(min_interval="10s")["changed"] is False
    machine.remove(state.REMEMBERED)
    assert machine.run(min_interval="10s")["changed"] is True


@pytest.mark.parametrize("damaged", ["", "{", "[1]", '{"x": 1}', '{"0": "late"}', '{"0": null}', "7"])
def test_a_damaged_memory_of_it_keeps_nobody_from_work(machine, damaged):
    machine.write(state.REMEMBERED, damaged)
    assert machine.run()["changed"] is True


def test_what_is_remembered_is_ours_alone(machine):
    old = os.umask(0)
    try:
        machine.run()
    finally:
        os.umask(old)
    assert (machine.folder / state.REMEMBERED.lstrip("/")).stat().st_mode & 0o777 == 0o600
    assert (machine.folder / state.FOLDER.lstrip("/")).stat().st_mode & 0o022 == 0


@pytest.mark.parametrize(("avg10", "compacted"), [(10.0, True), (10.01, False), (93.4, False)])
def test_not_while_tasks_wait_for_memory(machine, avg10, compacted):
    machine.pressure(avg10)
    told = machine.run(check=True)
    done = machine.run()
    assert told["changed"] is done["changed"] is compacted
    assert ("waited for memory in %.0f %% of the last ten" % avg10 in done["nodes"][0]["why"]) is not compacted
    assert machine.run(skip_under_pressure=False, min_interval="0s")["changed"] is not compacted


VMSTAT = "nr_free_pages 5\nallocstall_dma 0\nallocstall_normal %d\npgscan_kswapd %d\npgscan_direct 99\n"


@pytest.mark.parametrize(
    ("counters", "said"),
    [((7, 500), None), ((9, 500), "2 allocations had to wait"), ((7, 501), "kswapd looked at 1 pages")],
)
def test_a_kernel_that_does_not_tell_of_pressure(machine, counters, said):
    machine.remove("/proc/pressure/memory")
    machine.write("/proc/vmstat", VMSTAT % (7, 500))
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        machine.write("/proc/vmstat", VMSTAT % counters)

    found = pressure.pressure(machine.host, sleep)
    assert (found is None) is (said is None)
    assert (said or "") in (found or "")
    assert waits == [1.0]


def test_pressure_is_not_asked_for_where_there_is_nothing_to_do(machine):
    machine.zones(("Normal", WHOLE))
    machine.remove("/proc/pressure/memory")  # and no /proc/vmstat: asking would fail
    assert machine.run()["changed"] is False


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"order": 0}, "order: 0 is no block .*: write 1 to 10"),
        ({"order": 11}, "order: 11 .*: write 1 to 10"),
        ({"order": -1}, "write 1 to 10"),
        (
            {"threshold": -0.1},
            r"-0.1 is .*: write 0.0 \(where any of it is in smaller blocks\) to 1.0 \(never\)$",
        ),
        ({"threshold": 50.0}, "threshold: 50.0"),
        ({"threshold": float("nan")}, "threshold: nan"),
        ({"nodes": [0, 7]}, "nodes: this machine has no node 7 with memory: it has 0"),
        ({"nodes": [-1]}, "no node -1"),
        ({"min_interval": "300"}, "min_interval: 300 is no age"),
        ({"min_interval": "-5m"}, "min_interval: -5m is no age"),
    ],
)
def test_bad_input(machine, params, message):
    before = machine.everything()
    with pytest.raises(HighwaterError, match=message):
        machine.run(**params)
    assert machine.everything() == before


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (lambda it: it.write("/run/systemd/container", "lxc"), "container", r"in a container \(lxc\)"),
        (lambda it: (it.remove(NODE0), it.remove(state.WHOLE_MACHINE)), "feature", "CONFIG_COMPACTION"),
    ],
)
def test_where_it_cannot_be_done(machine, make, reason, message):
    make(machine)
    with pytest.raises(Unsupported, match=message) as caught:
        machine.run()
    assert caught.value.reason == reason
    skipped = machine.run(on_unsupported="skip")
    assert (skipped["changed"], skipped["reason"], skipped["warnings"]) == (False, reason, [caught.value.message])
    assert machine.host.written == []


# -- without Ansible -----------------------------------------------------------------------------


def test_the_line_of_the_timer(machine, monkeypatch, capsys):
    monkeypatch.setattr(command, "Host", lambda: machine.host)
    assert command.compact_command(["--check"]) == 0
    assert command.compact_command(["--order", "9", "--threshold", "0.5"]) == 0
    assert command.compact_command([]) == 0
    machine.pressure(50)
    machine.zones(("Normal", BROKEN))
    assert command.compact_command([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "order 9: node 0 would be compacted (Normal 0.988, above 0.5)",
        "order 9: node 0 compacted, unusable index (and blocks) before -> after: DMA 0.006 (81 blocks) -> 0.006 (81 "
        "blocks), DMA32 0.006 (81 blocks) -> 0.006 (81 blocks), Normal 0.988 (1 blocks) -> 0.008 (87 blocks)",
        "order 9: node 0 left alone (no zone is above 0.5)",
        "order 9: node 0 left alone (Normal 0.988, above 0.5, but tasks waited for memory in 50 % of the last ten "
        "seconds)",
    ]


@pytest.mark.parametrize("words", [["--order", "much"], ["--nonsense"], ["--threshold", ""]])
def test_wrong_words_of_the_timer(words, capsys):
    with pytest.raises(SystemExit) as caught:
        command.compact_command(words)
    assert caught.value.code == 2
    assert "usage: memory-compact" in capsys.readouterr().err
