# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine of 2 GiB with 10 GiB of ext4, half of it free, on which /swap/file is what a test says."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.record import settled
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import DEFAULT_HEADROOM, Memory
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import SwapHeader
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.fstab import Table
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import DEFAULT_KEEP_FREE
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import Folder, Found, Machine, State

MIB = 1 << 20
GIB = 1 << 30
PATH = "/swap/file"
ROOT = Folder("/", 0o755, 0, 0)
OURS = "/swap/file none swap sw,pri=10,nofail 0 0\n"
ENTRY = {
    "before": {"file": False, "active": False, "fstab": [], "missing": False, "last": None},
    "folders": [],
    "generation": 34,
    "inode": 12,
    "label": "",
    "on": {"boot_id": "boot", "discard": "none"},
    "sizes": {},
    "uuid": "00010203-0405-0607-0809-0a0b0c0d0e0f",
}


class World:
    """Makes the values that plans are made from."""

    GIB, MIB, PATH, OURS, ENTRY = GIB, MIB, PATH, OURS, ENTRY
    settled = staticmethod(settled)

    @staticmethod
    def area(path=PATH, size=512 * MIB, used=0, priority=10):
        return SwapArea(path, "file", size - 4096, used, priority)

    @staticmethod
    def found(size=512 * MIB, mode=0o600, uid=0, gid=0, kind="file", inode=12):
        return Found(kind, mode, uid, gid, size, size, inode)

    @staticmethod
    def header(area=512 * MIB, label=""):
        return SwapHeader(area, ENTRY["uuid"], label)

    @staticmethod
    def folder(**changes):
        return Folder("/swap", 0o755, 0, 0)._replace(**changes)

    def machine(self, areas=(), fstab="", available=GIB, systemd=True):
        memory = Memory(2 * GIB, available, 0, 4 * GIB, False, tuple(areas))
        return Machine(memory, fstab, "boot", systemd, 4096, 2)

    def state(self, areas=(), fstab="", available=GIB, systemd=True, disk=5 * GIB, kind="ext4", **changes):
        """A state in which nothing is there yet, but for the changes."""
        machine = self.machine(areas, fstab, available, systemd)
        tags = ("UUID=" + ENTRY["uuid"],)
        empty = State(
            PATH,
            machine,
            {},
            folders=(ROOT, self.folder()),
            filesystem=Filesystem(kind, "/", 10 * GIB, disk),
            table=Table(fstab, PATH, tags),
            area=next((area for area in areas if area.path == PATH), None),
            bridge_area=next((area for area in areas if area.path != PATH), None),
        )
        return empty._replace(**changes)

    def settled_state(self, **changes):
        """A state that a first run with the default options of params() has left."""
        there = {"found": self.found(), "header": self.header(), "record": ENTRY, "fstab": OURS, "areas": [self.area()]}
        there["generation"] = ENTRY["generation"]
        return self.state(**dict(there, **changes))

    @staticmethod
    def params(**changes):
        options = {
            "path": PATH,
            "state": "present",
            "size": "512MiB",
            "method": "auto",
            "priority": 10,
            "discard": "none",
            "nofail": True,
            "label": None,
            "encrypted": False,
            "keep_free": DEFAULT_KEEP_FREE,
            "headroom": DEFAULT_HEADROOM,
            "persistent": True,
            "apply": "now",
            "on_unsupported": "fail",
        }
        return dict(options, **changes)


def steps_of(state, options):
    states = (state,)
    return resource.plan(resource.resolve(options, states), states)


def words(state, options):
    return [step.words() for step in steps_of(state, options)]


def all_back(world, **options):
    """The options that give back all that we know of."""
    return world.params(path="all", state="absent", **options)


@pytest.fixture
def world():
    return World()
