# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A swapoff that is watched over several calls.

A mock of the kernel and of systemd, whose clock is the test's; tests/lab/test_zram_live.py has the real ones.

Fails where a second swapoff is begun beside the first, where percents do not go up to the end, where a failure in
between two calls is lost, where a call that is stopped leaves it going, and where a guard stops what was begun.
"""

from __future__ import annotations

import json
import os
import sys

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import progress, swap_off
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.room import refuse_without_room, without
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import NOTE, SwapOff, observe_memory

MIB = 2**20
PATH = "/dev/zram0"
RATE = 10  # MiB a second


class Machine(Host):
    """A machine that swaps off 10 MiB a second of the test's own time."""

    def __init__(self, root, used, monkeypatch):
        super().__init__(root, self.command)
        self.now, self.used, self.going, self.status, self.ran = 100.0, float(used), False, 0, []
        self.fails_at, self.fails_with = -1.0, 2  # MiB left at which the kernel gives up
        self.trouble, self.deaf, self.lingers, self.answers = (), 0.0, 0.0, True
        self.make_folder("/run/systemd/system")
        self.install("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\nCommitted_AS: 1 kB\nCommitLimit: 9 kB\n")
        self.install("/proc/1/cmdline", "init\0")
        self.tell(True)
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(swap_off.time, "sleep", self.sleep)

    def tell(self, there):
        shown = os.path.realpath(self.path(PATH)) if os.path.islink(self.path(PATH)) else PATH
        row = "%s partition 999999 %d 100\n" % (shown, self.used * 1024) if there else ""
        self.install("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n" + row)

    def sleep(self, seconds):
        self.now += seconds
        if not self.going:
            return
        if 0 < self.deaf <= self.now:
            self.end(15)
            return
        self.used = max(self.used - RATE * seconds, 0.0)
        failed = self.used <= self.fails_at
        self.tell(failed or self.used > 0)
        if failed or not self.used:
            self.end(self.fails_with if failed else 0)

    def end(self, status):
        self.going, self.status = False, status
        self.remove("/proc/77/cmdline")
        self.remove_empty_folders("/proc/77", "/proc")

    def command(self, argv, _timeout):
        self.ran.append(argv)
        if argv[:2] in self.trouble:  # as with a bus that is too slow: what was asked for is done all the same
            self.trouble = tuple(one for one in self.trouble if one != argv[:2])
            self.command(argv, _timeout)
            raise HighwaterError("%s did not end within 120 seconds" % argv[0], reason="timeout")
        if argv[0] == "systemd-run":
            assert not self.going, "two at once"
            assert argv[-2:] == ("swapoff", PATH)
            self.going = True
            self.install("/proc/77/cmdline", "/usr/sbin/swapoff\0%s\0" % PATH)
        elif argv[1] == "stop":
            if not self.deaf:
                self.end(15)
        elif argv[1] == "show":
            if not self.answers:
                return Completed(1, "", "Failed to get properties: Connection timed out")
            active = "active" if self.now < self.lingers else "failed" if self.status else "inactive"
            result = {0: "success", 9: "signal"}.get(self.status, "exit-code")
            shown = "success" if active == "active" else result
            return Completed(0, "ActiveState=%s\nResult=%s\nExecMainStatus=%d\n" % (active, shown, self.status), "")
        return Completed(0, "", "")

    def call(self, seconds, run="a"):
        """One call of the module, with a slice of so many seconds; how far it got, None where it is through."""
        self.slice = Slice(run, self.now + seconds)
        try:
            SwapOff(PATH).perform(self)
        except Unfinished as pause:
            return pause.progress
        return None

    def begun(self):
        return sum(argv[0] == "systemd-run" for argv in self.ran)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(str(tmp_path), 400, monkeypatch)


def test_what_is_short_is_one_call(machine):
    assert machine.call(60) is None
    assert machine.begun() == 1
    assert machine.read(NOTE) is None


def test_each_call_goes_on_with_what_the_first_has_begun(machine):
    seen = []
    while True:
        found = machine.call(8)
        if found is None:
            break
        seen.append((round(found.done / found.total, 1), round(found.rate / MIB), found.total // MIB))
        machine.sleep(1.0)  # until the next call has come
    assert seen == [(0.2, 10, 400), (0.4, 10, 400), (0.7, 10, 400)]
    assert machine.begun() == 1
    assert machine.read(NOTE) is None


def test_guards_are_for_what_has_not_begun(machine):
    with pytest.raises(HighwaterError, match="bring 400 MiB back"):
        refuse_without_room(observe_memory(machine), PATH, MIB)
    machine.call(8)
    refuse_without_room(observe_memory(machine), PATH, MIB)
    machine.end(0)
    with pytest.raises(HighwaterError, match="bring"):
        refuse_without_room(observe_memory(machine), PATH, MIB)


@pytest.fixture
def linked(machine, monkeypatch):
    """An area that the kernel calls by another name than we do, as that of an encrypted swapfile."""
    monkeypatch.setattr(sys.modules[__name__], "PATH", "/dev/mapper/highwater-file")
    machine.make_folder("/dev/mapper")
    os.symlink("/dev/dm-99", machine.path(PATH))
    machine.tell(True)
    return machine


def test_an_area_behind_a_link_is_watched_too(linked):
    """Fails where what the kernel shows by its own name counts as gone: no progress, and the first call never ends."""
    first = linked.call(8)
    assert (round(first.done / first.total, 1), first.total // MIB) == (0.2, 400)
    assert linked.call(90) is None
    assert linked.begun() == 1


def test_a_failure_of_an_area_behind_a_link_is_one(linked):
    linked.fails_at = 300.0
    with pytest.raises(HighwaterError, match="not enough memory to swap off /dev/mapper/highwater-file"):
        linked.call(30)
    assert ("systemctl", "reset-failed") in [argv[:2] for argv in linked.ran]


@pytest.mark.parametrize("status", [2, 9], ids=["refused", "killed"])
@pytest.mark.parametrize("between", [False, True], ids=["while it is watched", "in between two calls"])
def test_a_failure_says_why(machine, between, status):
    machine.fails_at, machine.fails_with = 300.0, status
    if between:
        assert machine.call(8) is not None
        machine.sleep(3.0)
    with pytest.raises(HighwaterError, match="not enough memory to swap off /dev/zram0, which is still on") as caught:
        machine.call(30)
    assert caught.value.reason == "headroom"
    assert machine.begun() == 1
    assert ("systemctl", "reset-failed") in [argv[:2] for argv in machine.ran]
    machine.fails_at = -1.0
    assert machine.call(90, run="b") is None, "the failure of another run is not this one's"


def test_a_run_goes_on_with_what_another_has_left(machine):
    machine.call(8, run="a")
    assert machine.call(90, run="b") is None
    assert machine.begun() == 1


def test_stopped_means_that_the_area_stays(machine, monkeypatch):
    def stopped(_seconds):
        raise HighwaterError("stopped by SIGTERM", reason="stopped")

    monkeypatch.setattr(swap_off.time, "sleep", stopped)
    with pytest.raises(HighwaterError, match="SIGTERM"):
        machine.call(8)
    assert not machine.going


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"path": PATH})])
def test_half_a_note_is_none(machine, text):
    machine.install(NOTE, text)
    assert machine.call(90) is None
    assert machine.begun() == 1


def test_what_was_started_though_systemd_run_failed_is_over_before_the_error_is_told(machine):
    """Else the way back would swap off another area beside it, and nothing could be swapped out any more."""
    machine.trouble = (("systemd-run", "--quiet"),)
    with pytest.raises(HighwaterError, match="systemd-run did not end"):
        machine.call(30)
    assert not machine.going
    assert machine.begun() == 2, "the one that was asked for, and its own turn in the mock"


def test_a_swapoff_that_is_deaf_is_waited_for(machine, monkeypatch):
    """systemctl gives up after a while; the swapoff looks at no signal until later."""
    machine.deaf, machine.trouble = machine.now + 20, (("systemctl", "stop"),)
    look, looks = swap_off._used, []

    def no_memory(host, path):
        looks.append(path)
        if len(looks) == 5:
            raise OSError(12, "Cannot allocate memory")
        return look(host, path)

    monkeypatch.setattr(swap_off, "_used", no_memory)
    with pytest.raises(OSError, match="allocate"):
        machine.call(60)
    assert not machine.going
    assert machine.now >= machine.deaf


def test_what_is_still_on_has_not_gone_well_whatever_systemd_says(machine):
    machine.fails_at, machine.fails_with, machine.answers = 300.0, 2, False
    with pytest.raises(HighwaterError, match="swapoff /dev/zram0: exit status 1"):
        machine.call(60)


def test_a_unit_that_is_still_ending_is_waited_for(machine):
    machine.fails_at, machine.fails_with, machine.lingers = 300.0, 2, machine.now + 15
    with pytest.raises(HighwaterError, match="not enough memory"):
        machine.call(60)


def test_no_area_goes_off_beside_one_that_is_going(machine):
    """Two at once: the kernel swaps out to neither. Nor has one that goes any room for others' pages."""
    machine.call(8)
    memory = observe_memory(machine)
    other = memory.areas[0]._replace(path="/dev/zram1", used=MIB, size=900 * MIB)
    memory = memory._replace(areas=(*memory.areas, other), available=500 * MIB)
    with pytest.raises(HighwaterError, match="/dev/zram0 is being swapped off by an earlier run"):
        refuse_without_room(memory, other.path, MIB)
    refuse_without_room(memory._replace(areas=(memory.areas[0], other._replace(used=0))), other.path, MIB)
    assert without(memory, other.path, 900 * MIB).areas == (memory.areas[0],)
