# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole machine's dirty pages are written in slices, by a stand-in for sync(2) that takes as long as a test wants.

Fails where a call is silent until all is written, where the next begins anew, where something is dropped before all is
written, or somebody is kept waiting for the process that writes.
"""

from __future__ import annotations

import os
import pathlib
import signal
import time

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import sync

from .conftest import purge
from .test_request import MEMINFO

KIB = 1024


class Machine(Host):
    """A folder, whose dirty pages become fewer by so many kB whenever they are looked at."""

    less = 0

    def read(self, path):
        text = super().read(path)
        if path == "/proc/meminfo" and self.less:
            dirty = int(text.partition("Dirty:")[2].split()[0])
            text = text.replace("%d kB\nWriteback" % dirty, "%d kB\nWriteback" % (dirty - self.less))
            pathlib.Path(self.path(path)).write_text(text)
        return text


@pytest.fixture
def machine(tmp_path):
    for path, text in (
        ("proc/meminfo", MEMINFO),
        ("proc/sys/vm/drop_caches", ""),
        ("sys/devices/system/cpu/online", "0"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Machine(str(tmp_path))


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """sync(2) ends when this file is made; each that is begun leaves a file."""
    written = tmp_path / "written"

    def pretend():
        (tmp_path / ("sync-%d" % os.getpid())).touch()
        while not written.exists():
            time.sleep(0.01)

    monkeypatch.setattr(sync.os, "sync", pretend)
    monkeypatch.setattr(sync, "TURN", 0.01)
    yield written
    written.touch()


def begun(machine):
    return [name for name in os.listdir(machine.path("/")) if name.startswith("sync-")]


def first_begun(machine):
    """The same once there is one: a call whose slice is over does not wait for its process to come so far."""
    end = time.monotonic() + 30
    while not begun(machine) and time.monotonic() < end:
        time.sleep(0.01)
    return begun(machine)


def dropped(machine):
    return machine.read("/proc/sys/vm/drop_caches")


def test_it_says_how_far_it_is_and_goes_on(machine, slow, monkeypatch):
    machine.less = 10
    machine.slice = Slice("run", time.monotonic())
    first = purge(scope="pagecache", host=machine)
    progress = first["progress"]
    assert (first["changed"], progress["work"], dropped(machine)) == (False, "writing what is dirty", "")
    assert 0 < progress["done"] < progress["total"] <= 6000 * KIB
    assert progress["rate"] > 0
    pid = progress["resume"]["sync"]["pid"]
    machine.less = 0
    machine.slice = Slice("run", time.monotonic(), progress["resume"])
    second = purge(scope="pagecache", host=machine)["progress"]
    assert (second["total"], second["rate"]) == (progress["total"], 0.0)
    assert second["done"] >= progress["done"]
    assert (second["resume"], dropped(machine)) == (progress["resume"], "")
    assert first_begun(machine) == ["sync-%d" % pid], "it was begun anew"
    slow.touch()
    machine.slice = Slice("run", time.monotonic() + 60, second["resume"])
    last = purge(scope="pagecache", host=machine)
    assert ("progress" in last, dropped(machine)) == (False, "1")
    assert last["bytes_cached_before"] == 260000 * KIB, "as it was at first"
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_what_is_soon_written_is_waited_for(machine, monkeypatch):
    monkeypatch.setattr(sync.os, "sync", lambda: time.sleep(0.2))
    machine.slice = Slice("run", time.monotonic() + 60)
    assert "progress" not in purge(scope="pagecache", host=machine)
    assert dropped(machine) == "1"


def test_a_process_that_has_its_number_by_now_is_not_waited_for(machine, slow):
    machine.slice = Slice(
        "run", time.monotonic(), {"before": 1, "sync": {"pid": os.getpid(), "begun": "1", "total": 9}}
    )
    assert "progress" not in purge(scope="pagecache", host=machine)
    assert (dropped(machine), begun(machine)) == ("1", [])


def test_nobody_waits_for_the_process_that_writes(machine, slow):
    """Ansible reads what a module prints until all who could print have gone."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.dup2(writer, 1)
            os.close(writer)
            machine.slice = Slice("run", time.monotonic())
            purge(scope="pagecache", host=machine)
        finally:
            os._exit(0)
    os.close(writer)
    signal.alarm(30)
    assert os.read(reader, 1) == b""
    signal.alarm(0)
    os.close(reader)
    os.waitpid(pid, 0)
    assert len(first_begun(machine)) == 1
