# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A zram filesystem on this computer's own kernel: a run that is cut off after each of its steps, and the next one.

The steps are the module's own, carried out without Ansible around them, so that they can be left off anywhere. Safe on
a computer that is in use: it takes a number that nobody has and a folder that is not there, and takes all back.

Fails where the second run does not end as an undisturbed one, where a third has something to do, or where taking it
back leaves a mount, a folder or a device.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import paths
import pytest
from harness import lock

sys.path[:0] = [str(paths.LINK)]

from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge  # noqa: E402
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host  # noqa: E402
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource  # noqa: E402
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS  # noqa: E402

PLACE = Path("/opt/highwater-test")
BLOCK = Path("/sys/block")
MOUNTED = {"size": "64MiB", "fstype": "ext4", "mount_point": f"{PLACE}/a", "mount_mode": "1777", "mount_owner": "65534"}
LARGER = {**MOUNTED, "size": "96MiB"}
MOVED = {**MOUNTED, "mount_point": f"{PLACE}/b/c", "mount_options": ["nosuid"], "mount_mode": "0700"}
SWAP = {"size": "64MiB", "priority": 0, "headroom": "0B"}
ABSENT = {"state": "absent", "headroom": "0B"}

# It looks at all the zram devices and swap of this computer: pytest-xdist is to run it beside no other that does.
pytestmark = pytest.mark.xdist_group("own_kernel")


class Device:
    """One zram of this computer."""

    def __init__(self, name: str) -> None:
        self.name, self.host = name, Host()

    def options(self, **asked: Any) -> dict[str, Any]:
        defaults = {name: option.get("default") for name, option in ARGUMENTS.items()}
        return {**defaults, "name": self.name, "persistent": False, **asked}

    def run(self, **asked: Any) -> bool:
        return bool(converge(resource, self.options(**asked), self.host, False)["changed"])

    def cut_off(self, steps: int, **asked: Any) -> int:
        """Carries out only so many steps; how many there are."""
        state = resource.observe(self.host, self.options(**asked))
        plan = resource.plan(resource.resolve(self.options(**asked), state), state)
        for step in plan[:steps]:
            step.action.perform(self.host)
        return len(plan)

    def seen(self) -> tuple[Any, ...]:
        """Mounts and swap of it, its size, the folders."""
        mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if f"/dev/{self.name} " in line]
        swaps = [line.split()[0] for line in Path("/proc/swaps").read_text().splitlines() if self.name in line]
        size = BLOCK / self.name / "disksize"
        folders = sorted(
            str(path) for path in (PLACE, *PLACE.rglob("*")) if path.is_dir() and path.name != "lost+found"
        )
        return mounts, swaps, size.read_text() if size.exists() else None, folders if PLACE.exists() else []


@pytest.fixture
def device() -> Iterator[Device]:
    if os.geteuid() != 0 or not Path("/sys/class/zram-control").exists():
        pytest.skip("needs root and a kernel that has zram")
    assert not PLACE.exists()
    with lock("own-filesystem"), Host().lock():
        taken = {int(path.name[4:]) for path in BLOCK.glob("zram*")}
        device = Device(f"zram{next(number for number in range(60, 99) if number not in taken)}")
        try:
            yield device
        finally:
            device.run(**ABSENT)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, MOUNTED),
        (MOUNTED, LARGER),
        (MOUNTED, MOVED),
        (MOUNTED, SWAP),
        (SWAP, MOUNTED),
        (MOUNTED, ABSENT),
        (MOVED, ABSENT),
    ],
    ids=["fresh", "resized", "moved", "to swap", "from swap", "absent", "absent elsewhere"],
)
def test_cut_off_after_each_step(device: Device, start: Optional[dict[str, Any]], end: dict[str, Any]) -> None:
    before = device.seen()
    device.run(**(start or ABSENT))
    device.run(**end)
    wanted = device.seen()
    device.run(**ABSENT)
    steps, number = 0, 1
    while steps <= number:
        if start:
            device.run(**start)
        number = device.cut_off(steps, **end)
        device.run(**end)
        assert device.seen() == wanted, f"after {steps} steps of {number}"
        assert not device.run(**end)
        device.run(**ABSENT)
        assert device.seen() == before, f"taken back after {steps} steps of {number}"
        steps += 1
    assert number > 2
