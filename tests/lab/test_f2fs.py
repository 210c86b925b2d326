# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Swapfiles on f2fs, whose kernel only one image has: every state (guest/swapfile_states.py), and what it cannot do.

Fails as test_swapfile_states.py does; or where zeros are begun to be written, which f2fs takes from no swapfile.
"""

from __future__ import annotations

import debs
import pytest
from harness import Machine
from test_swapfile_states import STATES, examined

pytestmark = pytest.mark.machine(image="grub")  # its kernel has all drivers

DISK = "truncate -s 512M /root/disk && mkfs.f2fs -q /root/disk && mkdir /mnt/f2fs && mount -o loop /root/disk /mnt/f2fs"


def test_converges_from_every_state(machine: Machine) -> None:
    debs.install(machine, "f2fs-tools")
    found = examined(machine, "swapfile_states.py --filesystem f2fs")
    assert len(found) >= STATES
    assert {case: wrong for case, wrong in found.items() if wrong} == {}


def test_zeros_are_refused_and_nothing_is_left(machine: Machine) -> None:
    debs.install(machine, "f2fs-tools")
    machine.shell(DISK)
    options = {"path": "/mnt/f2fs/swap", "size": "24MiB", "keep_free": "16MiB"}
    refused = machine.refused("highwater.memory.swapfile", method="dd", **options)
    assert refused["reason"] == "filesystem"
    assert refused["msg"].startswith("method: dd cannot make /mnt/f2fs/swap, since f2fs "), refused["msg"]
    assert machine.shell("ls -A /mnt/f2fs; find /var/lib/highwater 2>/dev/null || true") == ""
    machine.module("highwater.memory.swapfile", **options)
    done = machine.module("highwater.memory.swapfile", method="dd", **options)
    assert not done["changed"], "a file that serves is left alone, however it was made"
