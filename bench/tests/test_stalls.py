# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Fails where figures of bursts are put together wrongly, one failure ends the whole, time is no bound, or what is said
to be fragmented is not.

The machine is a stand-in here: what it would print is given.
"""

from __future__ import annotations

import io
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bench import curve, stalls
from bench.guest import bursts
from lab.errors import LabError


class Bench:
    """Counts how often a machine was made anew."""

    port = 4711

    def __init__(self) -> None:
        self.resets = 0

    def reset(self, _shape: object) -> Bench:
        self.resets += 1
        return self


def line(name: str, burst: int, stalled: int, pauses: list[float]) -> str:
    happened = {"stalls": stalled, "compactions": 1, "some": 0.5, "full": 0.25, "lost": 0, "large": 3 * 2**20}
    return json.dumps({"configuration": name, "burst": burst, "pauses": pauses, **happened})


TOLD = "\n".join(
    [
        line("a", 8, 2, [0.001] * 99 + [0.5]),
        line("b", 8, 0, [0.001]),
        line("a", 8, 4, [0.001] * 100),
        line("b", 8, 0, []),
    ]
)


def test_bursts_become_points_and_a_machine_that_breaks_off_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, commands = Bench(), []

    def checked(_port: int, command: str, _limit: float = 0) -> str:
        commands.append(command)
        if "bursts.py < " not in command:
            return ""
        if bench.resets == 1:
            raise LabError("the program that fills memory was killed", "")
        return TOLD

    monkeypatch.setattr("lab.ssh.checked", checked)
    configurations: dict[str, dict[str, str]] = {"a": {"swappiness": "1"}, "b": {}}
    curves, rounds = stalls.measure(bench, "pages", [8], configurations, 60)  # type: ignore[arg-type]
    assert (bench.resets, rounds) == (2, 2)
    assert curves["a"][8] == pytest.approx(curve.Point(3, 1, 500, 250, 1, 500, 0, 3))
    assert curves["b"][8].longest == pytest.approx(1.0)
    asked = json.loads(commands[0].split("\n")[1])
    assert asked["configurations"]["a"] == {"/proc/sys/vm/swappiness": "1"}
    assert asked["seconds"] == 60
    assert "| 8 MiB | a | 3.0 | 1.0 | 500.00 ms | 250.00 ms | 1.00 ms | 500.00 ms | 0.0 | 3.0 MiB |" in curve.table(
        curves
    )


def test_a_second_failure_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(_port: int, _command: str, _limit: float = 0) -> str:
        raise LabError("no", "")

    monkeypatch.setattr("lab.ssh.checked", checked)
    with pytest.raises(LabError):
        stalls.measure(Bench(), "pages", [8], {"a": {}}, 60)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "rounds"), [(1, 1), (99, 1), (201, 2), (1000, 3)])
def test_rounds_end_in_time(monkeypatch: pytest.MonkeyPatch, seconds: int, rounds: int) -> None:
    """Each takes 100 s here."""
    now, turns = [5000.0], []

    def turn(_asked: dict[str, Any], names: list[str], _allocate: object) -> None:
        turns.append(names[0])
        now[0] += 100

    asked = {"kind": "pages", "bursts": [8], "rounds": 3, "seconds": seconds, "configurations": {"a": {}, "b": {}}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(asked)))
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for name, value in (("swap_on", lambda: None), ("read_on", lambda: 0), ("turn", turn)):
        monkeypatch.setattr(bursts, name, value)
    monkeypatch.setattr("os.kill", lambda *_more: None)
    bursts.main()
    assert turns == ["a", "b", "a"][:rounds]


@pytest.mark.parametrize(("count", "expected"), [(1, 500), (100, 1), (192, 1), (2, 500)])
def test_the_99th_percentile_is_not_the_longest(count: int, expected: float) -> None:
    """Of 192 allocations one is half a per cent."""
    told = json.loads(line("a", 8, 0, [0.001] * (count - 1) + [0.5]))
    found = stalls.point([told])
    assert (found.p99, found.longest) == pytest.approx((expected, 500))


def test_neighbouring_pages_belong_to_different_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are handed out one after another, so the order of the writes decides."""
    writes: list[tuple[int, int]] = []
    write = os.write

    def noted(fd: int, data: bytes) -> int:
        writes.append((fd, len(data)))
        return write(fd, data)

    monkeypatch.setattr(bursts, "PIPES", 6)
    monkeypatch.setattr("resource.setrlimit", lambda *_more: None)
    monkeypatch.setattr("os.write", noted)
    held = bursts.fragment()
    monkeypatch.undo()
    fds = [fd for fd, _size in writes]
    assert [size for _fd, size in writes] == [bursts.PAGE] * 6 * 16
    assert all(one != other for one, other in itertools.pairwise(fds))
    assert all(len(set(fds[at : at + 6])) == 6 for at in range(0, len(fds), 6))
    # Of each two neighbours one is given up.
    assert [ends[1] for ends in held] == fds[1:6:2]
    for fd in (fd for ends in held for fd in ends):
        os.close(fd)


ZONEINFO = """\
Node 0, zone      DMA
  pages free     3840
        managed  3840
Node 0, zone   Normal
  pages free     5000
        managed  500000
"""
BUDDYINFO = """\
Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3
Node 0, zone   Normal    100     50     25      2      1      0      0      0      0      0      1
"""


def test_large_blocks_are_counted_without_those_of_the_zone_for_old_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts, "text", {"/proc/zoneinfo": ZONEINFO, "/proc/buddyinfo": BUDDYINFO}.__getitem__)
    assert bursts.large() == (2 * 8 + 1 * 16 + 1 * 1024) * bursts.PAGE


def test_the_first_half_is_written_though_the_second_breaks_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def measure(_bench: object, kind: str, sizes: list[int], *_more: object) -> tuple[curve.Curves, int]:
        if kind == "order-3":
            raise LabError("the program that fills memory was killed", "")
        return {name: {8: curve.Point(1, 0, 1, 1, 1, 1, 0, 1)} for name in (stalls.DEFAULTS, "server", "burst")}, 1

    class Made(Bench):
        def __init__(self, *_more: object) -> None:
            super().__init__()

        kernel = "6.12"

    settings = dict.fromkeys(stalls.MATTERS, "100")
    page, pictures = tmp_path / "stalls.md", (tmp_path / "a.svg", tmp_path / "b.svg")
    for name, value in (
        ("ROOT", tmp_path), ("PAGE", page), ("PICTURES", pictures), ("Bench", Made), ("measure", measure),
        ("values", lambda *_more: dict.fromkeys((stalls.DEFAULTS, "server", "burst"), settings)),
    ):  # fmt: skip
        monkeypatch.setattr(stalls, name, value)
    monkeypatch.setattr("lab.commands.prepare", lambda: None)
    monkeypatch.setattr("lab.machine.down", lambda _name: None)
    monkeypatch.setattr("lab.program.listen_to_signals", lambda: None)
    monkeypatch.setattr("lab.qemu.accelerator", lambda: "emulated")
    monkeypatch.setattr("lab.ssh.checked", lambda *_more: "managed 1000")
    monkeypatch.setattr("os.getloadavg", lambda: (5.04, 0.1, 0.1))
    assert stalls.main(25) == 1
    text = page.read_text()
    assert "emulated, on a computer busy with other work (load 5.0, " in text
    assert "| 8 MiB | server | 1.0 |" in text
    assert "a single burst of each size with each of the settings" in text
    assert "Not measured" in text
    assert pictures[0].exists()
    assert "b.svg" not in text


def test_a_computer_at_rest_is_not_called_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (0.9, 5.0, 5.0))
    assert stalls.busy() == ""


@pytest.mark.parametrize(("minutes", "seconds"), [(45, 1260), (25, 660), (1, 1)])
def test_how_long_each_half_may_take(minutes: float, seconds: float) -> None:
    assert stalls.half(minutes) == seconds


def test_the_page_says_what_is_changed_in_turns_and_what_is_not() -> None:
    said = stalls.WORDS["turns"]
    assert all(f"`vm.{name}`" in said for name in stalls.MATTERS)
    assert "`burst` is the profiles `server` and `burst`" in said
    assert "`vm.swappiness` 180" in said
    assert "`vm.page-cluster` 0" in said
