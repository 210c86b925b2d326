# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The table of vm settings, tried against the kernels of the lab.

Each row's least and most, one below and one above are written, read back and put back. It fails where the kernel
refuses what a row has within its bounds, or takes what a row has outside of them and does not say why it judges so;
where a kernel has a setting that no row knows, or that it cannot have by its version; and where something is left
changed. What is dangerous is not written: the row says why. Of settings of several numbers one is set by the module.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import (
    INT_MAX,
    TABLE,
    Setting,
    Version,
    group,
    path,
)
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import kernel_version
from harness import Machine

# Gets rows as JSON: the file, the file that it excludes, the values; gives for each what became of every value, whether
# all is as before, and the names in /proc/sys/vm.
GUEST = r"""
import json, os, sys

def read(path):
    with open(path) as file:
        return file.read().strip()

def write(path, value):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, str(value).encode())
    except OSError:
        return False
    finally:
        os.close(fd)
    return True

def tried(path, partner, values):
    files = [path] + ([partner] if partner else [])
    before = [read(file) for file in files]
    done = []
    for value in values:
        took = write(path, value)
        done.append(took and read(path) == str(value))
        counted = 0 if before[0] != "0" or not partner else 1
        if before[0] == "0" and partner and before[1] == "0":
            counted = 0 if path.endswith("ratio") else 1
        write(files[counted], before[counted])
    return {"took": done, "as_before": [read(file) for file in files] == before}

rows = json.load(sys.stdin)
print(json.dumps({
    "there": sorted(os.listdir("/proc/sys/vm")),
    "rows": {name: tried(*row) for name, row in rows.items() if os.path.exists(row[0])},
}))
"""
KERNELS = [
    pytest.param(image, marks=pytest.mark.machine(image=image), id=image)
    for image in ("bullseye", "bookworm", "trixie")
]


def values(row: Setting, kernel: Version) -> dict[int, bool]:
    """What is written, and whether the kernel has to take it."""
    bounds = row.range(kernel)
    outside = [bounds.low - 1, bounds.most + 1]
    inside = [bounds.low] + ([] if bounds.high is None else [bounds.high]) + ([0] if row.zero else [])
    return {**dict.fromkeys(outside, False), **dict.fromkeys([] if row.untried else inside, True)}


def disagreements(row: Setting, tries: dict[int, bool], answer: dict[str, list[bool]]) -> list[str]:
    return [
        f"{row.name}: {value} is {'taken' if its else 'refused'} by the kernel, and not by our table"
        for (value, ours), its in zip(tries.items(), answer["took"], strict=True)
        if ours != its and not (its and row.judged)
    ] + ([] if answer["as_before"] else [f"{row.name} is not what it was"])


@pytest.mark.parametrize("image", KERNELS)
def test_every_row_against_the_kernel(machine: Machine, image: str) -> None:
    kernel = kernel_version(machine.shell("uname -r"))
    rows = {row.name: row for row in TABLE.values() if not row.refused and not row.several}
    tries = {name: values(row, kernel) for name, row in rows.items()}
    asked = {name: (path(name), path(group(name)[1]) if group(name)[1:] else None, list(tries[name])) for name in rows}
    machine.put("/root/ranges.py", GUEST)
    machine.put("/root/rows.json", json.dumps(asked))
    answer = json.loads(machine.shell("python3 /root/ranges.py < /root/rows.json"))

    wrong = [line for name, one in answer["rows"].items() for line in disagreements(rows[name], tries[name], one)]
    assert wrong == []
    assert len(answer["rows"]) > 40  # of the some fifty that a kernel has
    assert sorted(set(answer["there"]) - set(TABLE)) == []
    lacking = [name for name, row in TABLE.items() if row.since > kernel or (row.until or (INT_MAX, 0)) <= kernel]
    assert sorted(set(answer["there"]) & set(lacking)) == []


@pytest.mark.parametrize("image", KERNELS)
def test_several_numbers_are_set_as_one(machine: Machine, image: str) -> None:
    """The kernel takes fewer numbers than it has, and leaves the rest as they are: that is not what was asked for."""
    module, file = "highwater.memory.vm_sysctl", path("lowmem_reserve_ratio")

    def now() -> list[str]:
        return (machine.read(file) or "").split()

    before = now()
    asked = [str(int(one) + 8) for one in before]
    assert machine.module(module, settings={"lowmem_reserve_ratio": " ".join(asked)})["changed"] is True
    assert now() == asked
    assert machine.module(module, settings={"lowmem_reserve_ratio": " ".join(asked)})["changed"] is False
    assert machine.refused(module, settings={"lowmem_reserve_ratio": "7"})["reason"] == "read_back"
    assert now() == asked
    machine.module(module, state="absent")
    assert now() == before
