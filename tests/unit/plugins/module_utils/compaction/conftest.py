# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine to compact: a folder with its files, and a kernel that compacts when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compaction import answer, state
from ansible_collections.highwater.memory.plugins.module_utils.compaction.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

# Free blocks by order, from 0 to 10: whole, in pieces, and in pieces with too little free to be mended.
WHOLE = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 40)
BROKEN = (9000, 4000, 2000, 900, 300, 100, 30, 10, 4, 1, 0)
FULL = (120, 40, 20, 10, 0, 0, 0, 0, 0, 0, 0)


class CompactingHost(Host):
    """A node that is compacted has its free pages in blocks as large as there are; remembers what was written."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.written: list[str] = []

    def write_kernel(self, path: str, text: str) -> None:
        super().write_kernel(path, text)
        self.written.append(path)
        lines = self.must_read("/proc/buddyinfo").splitlines()
        mended = [_mended(line) if path == state.WHOLE_MACHINE or _node(line) in path else line for line in lines]
        Path(self.path("/proc/buddyinfo")).write_text("\n".join(mended) + "\n")


def _node(line: str) -> str:
    return "/node%s/" % line.split()[1].rstrip(",")


def _mended(line: str) -> str:
    *head, zone = line.split()[:4]
    free = sum(int(count) << order for order, count in enumerate(line.split()[4:]))
    blocks = [(free >> order) & 1 for order in range(10)] + [free >> 10]
    return " ".join([*head, zone, *map(str, blocks)])


class Machine:
    """One node of three zones, with a kernel that tells of pressure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = CompactingHost(str(folder))
        self.waits: list[float] = []
        self.write("/proc/self/uid_map", "0 0 4294967295\n")
        self.write("/proc/sys/kernel/osrelease", "6.12.0\n")
        self.write("/proc/sys/vm/compact_memory", "")
        self.pressure(0.0)
        self.zones(("DMA", WHOLE), ("DMA32", WHOLE), ("Normal", BROKEN))

    def zones(self, *zones: tuple[str, tuple[int, ...]], node: int = 0) -> None:
        """The zones of one node, behind those of the nodes before it."""
        lines = [] if not node else (self.folder / "proc/buddyinfo").read_text().splitlines()
        lines += ["Node %d, zone %8s %s" % (node, zone, " ".join(map(str, blocks))) for zone, blocks in zones]
        self.write("/proc/buddyinfo", "\n".join(lines) + "\n")
        self.write("/sys/devices/system/node/node%d/compact" % node, "")

    def pressure(self, avg10: float) -> None:
        line = "%%s avg10=%.2f avg60=0.00 avg300=0.00 total=0\n" % avg10
        self.write("/proc/pressure/memory", line % "some" + line % "full")

    def write(self, path: str, text: str) -> None:
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def remove(self, path: str) -> None:
        (self.folder / path.lstrip("/")).unlink()

    def everything(self) -> dict[str, str]:
        return {str(path): path.read_text() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def run(self, check: bool = False, **params: object) -> dict:
        defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
        return answer.answer({**defaults, **params}, self.host, check)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)
