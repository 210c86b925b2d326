# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What memory_info says of whole machines, each a file with its /proc, /sys and /etc, and beside it what it says.

small_vm     Debian 13, Linux 6.12, 1 GiB, a program that takes more, with zram and a swapfile: as it was.
no_psi       Debian 11, Linux 5.10: as it was, but for the pressure files, which were taken out.
container    Linux 6.18, seen from PID and mount namespaces of their own: as it was.
two_nodes    Debian 13, Linux 6.12, two nodes of 1 GiB, programs bound to the second that take more, zswap, a swapfile
             and a device: as it was. two_nodes.before is what moves, as it was 5.36 s earlier.
highmem      Debian 12's Linux 6.1 for 32 bits, 2 GiB, more than half of them high memory, no swap, every other small
             file of a tmpfs removed: as it was, with the kernel's own indices of fragmentation.
busy_server  made by hand from the kernel's formats, for what is zero on those: a boost of the watermarks, huge pages of
             two sizes, taken and reserved, buffers of sockets, memory in pieces, files of sysctl that contradict.
old_kernel   made by hand: 32 bits with high memory, a kernel older than most of what is read (no MemAvailable, boost,
             pressure or huge pages, fewer counters), strict overcommit.

Fails when a number is lost, invented, or in another unit; when what a kernel lacks is not null.
"""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.memory import answer, state
from ansible_collections.highwater.memory.plugins.module_utils.memory.answer import memory_info
from ansible_collections.highwater.memory.plugins.module_utils.memory.arguments import SUBSET_NAMES
from ansible_collections.highwater.memory.plugins.module_utils.memory.subsets import SUBSETS

MACHINES = Path(__file__).parent / "machines"
NAMES = sorted(path.stem for path in MACHINES.glob("*.txt"))
ASKED = {"gather": ["default"], "sample": 0.0, "trace": False}


def unpack(name: str, folder: Path, suffix: str = ".txt") -> Host:
    """Lays out the files of a machine: ``==> /path <==`` and its text, ``==> /path -> target <==`` for a link."""
    sections = re.split(r"(?m)^==> (.*) <==\n", (MACHINES / (name + suffix)).read_text(encoding="utf-8"))[1:]
    for heading, text in zip(sections[::2], sections[1::2]):
        where, _arrow, target = heading.partition(" -> ")
        path = folder / where[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            os.symlink(target, path)
        else:
            path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return Host(str(folder))


def ask(host: Host, **params: Any) -> dict[str, Any]:
    said = memory_info(dict(ASKED, **params), host, False)
    assert (said["changed"], said["warnings"]) == (False, [])
    found: dict[str, Any] = said["memory"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it(name: str, tmp_path: Path) -> None:
    expected = json.loads((MACHINES / (name + ".json")).read_text(encoding="utf-8"))
    assert json.loads(json.dumps(ask(unpack(name, tmp_path)))) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("subset", SUBSETS)
def test_each_subset_alone(name: str, subset: str, tmp_path: Path) -> None:
    """It says the same as among all others, and nothing else."""
    host = unpack(name, tmp_path)
    alone = ask(host, gather=[subset])
    assert set(alone) == {subset, "sample"}
    if not SUBSETS[subset].opt_in:
        assert alone[subset] == ask(host)[subset]


def test_the_names_of_the_subsets_are_those_of_the_options() -> None:
    assert tuple(SUBSETS) == SUBSET_NAMES


def test_the_small_machine_by_hand(tmp_path: Path) -> None:
    """Numbers that were looked up in its files one by one."""
    memory = ask(unpack("small_vm", tmp_path))
    assert [area["used"] for area in memory["swaps"]] == [369456 * 1024, 0]
    (zram,) = memory["zram"]
    assert (zram["algorithm"], zram["size"], zram["priority"]) == ("zstd", 512 * 2**20, 100)
    assert (zram["stats"]["orig_data_size"], zram["stats"]["ratio"]) == (99631104, 1.07)
    assert memory["vmstat"]["since_boot"]["allocstall"] == 12 + 759
    assert memory["vmstat"]["per_second"] is None
    assert memory["pressure"]["memory"]["full"] == {
        "avg10": 44.34, "avg60": 16.45, "avg300": 6.83, "total": 28162072, "sample": None,
    }  # fmt: skip


def test_a_node_that_is_full_while_another_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine with two nodes, looked at twice; the numbers were looked up in its files one by one."""
    host = unpack("two_nodes", tmp_path, ".before")
    uptime = tmp_path / "proc/uptime"
    monkeypatch.setattr(answer, "time", SimpleNamespace(sleep=lambda _seconds: unpack("two_nodes", tmp_path)))
    monkeypatch.setattr(state, "time", SimpleNamespace(monotonic=lambda: float(uptime.read_text().split()[0])))
    memory = ask(host, sample=5.0)
    assert memory["sample"] == 5.36  # 430.32 s to 435.68 s after boot
    (full,) = (finding for finding in memory["findings"] if finding["name"] == "node_full")
    assert (full["severity"], full["subject"]) == ("warning", "node 1")
    assert full["finding"] == "node 1 reclaims memory while node 0 has plenty"
    assert full["evidence"] == (  # 9031 pages, 10790 pages; 3776 and 210766 pages
        "35.28 MiB are free on node 1, below its low watermarks of 42.15 MiB; on node 0, 838.05 MiB"
    )
    rates = memory["vmstat"]["per_second"]
    assert rates["pgscan_direct"] == round((38853 - 35141) / 5.36, 2)
    assert rates["allocstall"] == round((1 + 334 - 1 - 328) / 5.36, 2)
    assert rates["zswpout"] == round((1115318 - 1103465) / 5.36, 2)
    pressure = memory["pressure"]["memory"]
    assert pressure["some"]["sample"] == round((118784629 - 117672591) / 5.36 / 1e4, 2)
    assert pressure["full"]["sample"] == round((63130468 - 62552789) / 5.36 / 1e4, 2)
    assert memory["oom"] == {"kills": 1, "sample": 0}


def test_fragmentation_as_the_kernel_computes_it(tmp_path: Path) -> None:
    """The kernel of the machine with high memory was asked for both indices."""
    memory = ask(unpack("highmem", tmp_path))
    for index in ("unusable_index", "fragmentation_index"):
        file = "extfrag_index" if index == "fragmentation_index" else index
        lines = (tmp_path / "sys/kernel/debug/extfrag" / file).read_text().splitlines()
        said = {tuple(line.split()[:4]): [float(number) for number in line.split()[4:]] for line in lines}
        found = {("Node", "%d," % one["node"], "zone", one["zone"]): one[index] for one in memory["fragmentation"]}
        assert found == said
        assert len(found) == 3


def test_a_kernel_without_most_of_it(tmp_path: Path) -> None:
    memory = ask(unpack("old_kernel", tmp_path))
    lacking = {name for name in memory if memory[name] is None}
    assert lacking == {"zram", "zswap", "pressure", "hugepages", "sample"}
    assert (memory["swaps"], memory["oom"]) == ([], {"kills": None, "sample": None})
    assert {zone["boost"] for zone in memory["watermarks"]} == {None}


def test_pressure_that_is_built_in_and_off(tmp_path: Path) -> None:
    """Booted with psi=0, the files are there and cannot be read."""

    class Machine(Host):
        def read(self, path: str) -> str | None:
            if path.startswith("/proc/pressure/"):
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)
            return super().read(path)

    unpack("small_vm", tmp_path)
    assert ask(Machine(str(tmp_path)), gather=["pressure"])["pressure"] is None
