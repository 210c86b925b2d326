# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be asked for: processes and slab; and rates, from two looks.

Fails when a process that ends while it is read is an error, when its name breaks the answer, when the largest are not
first, and when what was counted before the sample is in a rate.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.memory import answer, processes, slab
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import COUNTERS, Sample
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import State
from ansible_collections.highwater.memory.plugins.module_utils.parse.pressure import Pressure, Share


class Machine(Host):
    """ending: processes that end in the moment in which they are read."""

    ending: tuple[str, ...] = ()

    def read(self, path: str) -> str | None:
        if path.split("/")[2] in self.ending:
            raise ProcessLookupError(errno.ESRCH, "No such process", path)
        return super().read(path)


def with_processes(folder: Path, statuses: dict[int, bytes]) -> Machine:
    for pid, status in statuses.items():
        (folder / "proc" / str(pid)).mkdir(parents=True)
        (folder / "proc" / str(pid) / "status").write_bytes(status)
    (folder / "proc/sys").mkdir()
    return Machine(str(folder))


def status(name: bytes, rss: int, swap: int) -> bytes:
    return b"Name:\t%s\nVmPeak:\t 9 kB\nVmRSS:\t%8d kB\nRssAnon:\t 7 kB\nVmSwap:\t%8d kB\n" % (name, rss, swap)


def test_processes(tmp_path: Path) -> None:
    host = with_processes(
        tmp_path,
        {
            1: status(b"systemd", 12000, 0),
            2: b"Name:\tkthreadd\nThreads:\t1\n",
            30: status(b"java", 500, 99000),
            31: status(b"b\xff\\n c", 90000, 4),
            32: status(b"gone", 1, 1),
        },
    )
    host.ending = ("32",)
    found = processes.largest(host)
    assert [(row["pid"], row["rss"]) for row in found["by_rss"]] == [
        (31, 90000 << 10),
        (1, 12000 << 10),
        (30, 500 << 10),
    ]
    assert [(row["command"], row["swap"]) for row in found["by_swap"]] == [
        ("java", 99000 << 10),
        ("b\ufffd\\n c", 4096),
    ]
    json.dumps(found).encode("ascii")


def test_no_more_than_ten(tmp_path: Path) -> None:
    host = with_processes(tmp_path, {pid: status(b"x", pid, 0) for pid in range(1, 30)})
    assert [row["pid"] for row in processes.largest(host)["by_rss"]] == list(range(29, 19, -1))


def test_slab(tmp_path: Path) -> None:
    line = "%s %d 9 %d 21 %d : tunables 0 0 0 : slabdata 9 %d 0\n"
    rows = [("small", 5, 64, 1, 1), ("large", 7, 192, 2, 900)] + [("c%d" % n, 0, 8, 1, 50) for n in range(20)]
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/slabinfo").write_text("slabinfo - version: 2.1\n# name\n" + "".join(line % row for row in rows))
    found = slab.largest(Host(str(tmp_path))) or []
    assert found[0] == {"name": "large", "size": 900 * 2 * 4096, "objects": 7, "object_size": 192}
    assert len(found) == 10
    assert "small" not in [row["name"] for row in found]
    assert slab.largest(Host(str(tmp_path / "elsewhere"))) is None


def look(moment: float, some: int, **counters: int) -> State:
    share = Share(0.0, 0.0, 0.0, some)
    return State(moment, 4096, vmstat=counters, pressure={"memory": Pressure(share, None)})


def test_rates() -> None:
    before = look(100.0, 1_000_000, allocstall_dma32=3, allocstall_normal=10, pswpin=7, pswpout=5)
    now = look(104.0, 1_100_000, allocstall_dma32=4, allocstall_normal=30, pswpin=7, pswpout=4, oom_kill=1)
    sample = Sample(now, before)
    assert {name: sample.rate(name) for name in COUNTERS if sample.rate(name) is not None} == {
        "allocstall": 5.25,
        "pswpin": 0.0,
        "pswpout": 0.0,  # a counter that went back: another kernel by kexec, or a bug
    }
    assert sample.waited("memory", "some") == 2.5
    assert sample.waited("memory", "full") is None
    assert sample.waited("io", "some") is None
    assert Sample(now).rate("allocstall") is None
    assert Sample(now).total("allocstall") == 34


def test_a_sample_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counters move while it sleeps, and nothing else is read twice."""
    (tmp_path / "proc").mkdir()
    vmstat = tmp_path / "proc/vmstat"
    vmstat.write_text("pswpin 100\n")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        vmstat.write_text("pswpin 5100\n")

    monkeypatch.setattr(answer.time, "sleep", sleep)
    memory = answer.memory_info({"gather": ["vmstat"], "sample": 5.0, "trace": False}, Host(str(tmp_path)), False)[
        "memory"
    ]
    assert slept == [5.0]
    assert memory["vmstat"]["since_boot"]["pswpin"] == 5100
    assert memory["vmstat"]["per_second"]["pswpin"] > 0
    assert memory["vmstat"]["since_boot"]["allocstall"] is None
