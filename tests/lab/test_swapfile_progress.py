# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Zeros written to a slow disk: what the terminal shows meanwhile, what they leave in the page cache, and what becomes
of a run that is cut off, stopped, or meets another.

Fails where minutes go by in silence, where zeros fill the page cache, where a run that was cut off begins anew, where a
signal leaves a partial file, or where two runs harm each other.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import Machine, cut_off
from holders import await_none, tell

MIB = 1 << 20
RATE = 8  # MiB/s of the disk
SIZE = 256  # MiB: two lines of progress, after 8 and after 23 seconds
DRAFT = "/swap/.file.highwater.new"
OPTIONS: dict[str, Any] = {"path": "/swap/file", "size": f"{SIZE}MiB", "method": "dd", "keep_free": "64MiB"}
LINE = re.compile(r"^\S+: writing zeros to /swap/file: (\d+) %, ([\d.]+) MiB/s, \d:\d\d:\d\d left$", re.MULTILINE)


def cached(machine: Machine) -> int:
    """Bytes in the page cache."""
    return int(machine.shell("awk '$1 == \"Cached:\" {print $2}' /proc/meminfo")) * 1024


def areas(machine: Machine) -> dict[str, int]:
    rows = [line.split() for line in machine.shell("tail -n +2 /proc/swaps").splitlines()]
    return {row[0]: int(row[2]) for row in rows}


def written(machine: Machine) -> int:
    """Bytes of the draft; 0 where there is none."""
    return int(machine.shell(f"stat -c %s {DRAFT} 2>/dev/null || echo 0"))


@contextmanager
def begun(machine: Machine) -> Iterator[subprocess.Popen[str]]:
    """A run that has written something; ended on the way out, should it still be there."""
    process = machine.begin("highwater.memory.swapfile", **OPTIONS)
    try:
        machine.until(lambda: written(machine) > 16 * MIB, 60, "the draft")
        yield process
    finally:
        cut_off(process)


def test_progress_is_shown_and_the_page_cache_is_left_alone(machine: Machine) -> None:
    """Through module converge, as site.yml has it; the other tests go through module swapfile."""
    machine.throttle(mib=RATE)
    would = machine.module("highwater.memory.swapfile", check=True, **OPTIONS)
    before = cached(machine)
    process = machine.begin("highwater.memory.converge", swapfile=[OPTIONS])
    out, _err = process.communicate(timeout=300)
    assert process.returncode == 0, out
    assert cached(machine) - before < 16 * MIB
    shown = [(int(percent), float(rate)) for percent, rate in LINE.findall(out)]
    assert len(shown) >= 2, out
    assert shown == sorted(shown, key=lambda pair: pair[0])
    assert all(RATE / 2 < rate < RATE * 2 for _percent, rate in shown), shown
    done = json.loads(re.sub(r"(?s).* \| CHANGED => (\{.*?\n\}).*", r"\1", out))
    assert done["actions"] == would["actions"]
    assert areas(machine) == {"/swap/file": SIZE * 1024 - 4}
    assert machine.shell("ls -A /swap").split() == ["file"]
    assert not machine.module("highwater.memory.swapfile", **OPTIONS)["changed"]


def test_a_run_that_was_cut_off_is_gone_on_with(machine: Machine) -> None:
    machine.throttle(mib=RATE)
    with begun(machine) as process:
        machine.until(lambda: written(machine) > 64 * MIB, 60, "64 MiB")
        cut_off(process)  # nobody tells the machine; the call there ends with its slice
    await_none(machine, DRAFT)
    left, inode = written(machine), machine.shell(f"stat -c %i {DRAFT}")
    assert left >= 64 * MIB
    assert areas(machine) == {}
    machine.throttle()
    done = machine.module("highwater.memory.swapfile", **OPTIONS)
    assert done["changed"]
    assert machine.shell("stat -c %i /swap/file") == inode, "it was begun anew"
    assert areas(machine) == {"/swap/file": SIZE * 1024 - 4}
    assert not machine.module("highwater.memory.swapfile", **OPTIONS)["changed"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The other signals, which have the same handler, under `make soak`."""
    if "name" in metafunc.fixturenames:
        many = metafunc.config.getoption("rounds") > 2
        metafunc.parametrize("name", ["TERM", *(["INT", "HUP"] if many else [])])


def test_a_signal_leaves_no_partial_file(machine: Machine, name: str) -> None:
    machine.throttle(mib=RATE)
    with begun(machine) as process:
        # Between two calls of one run nobody has it open.
        tell(machine, DRAFT, name)
        out, _err = process.communicate(timeout=120)
    assert f"stopped by SIG{name}" in out
    assert machine.shell("ls -A /swap 2>/dev/null || true") == ""
    assert areas(machine) == {}
    assert "/swap/file" not in (machine.read("/etc/fstab") or "")


def test_two_runs_at_once(machine: Machine) -> None:
    """The second waits for the first, also in between its calls, and then has its own way."""
    machine.throttle(mib=RATE)
    with begun(machine) as first:
        inode = machine.shell(f"stat -c %i {DRAFT}")
        time.sleep(1)
        second = machine.begin("highwater.memory.swapfile", **{**OPTIONS, "size": "96MiB"})
        first_out, _ = first.communicate(timeout=240)
        assert first.returncode == 0, first_out
        second_out, _ = second.communicate(timeout=240)
        assert second.returncode == 0, second_out
    assert areas(machine) == {"/swap/file": 96 * 1024 - 4}
    assert machine.shell("stat -c %i /swap/file") != inode
    assert machine.shell("ls -A /swap").split() == ["file"]
    assert (machine.read("/etc/fstab") or "").count("/swap/file") == 1
