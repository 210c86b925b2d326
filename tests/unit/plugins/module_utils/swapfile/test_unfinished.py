# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the temporary file of a run that was killed while it replaced fstab, crypttab or our record stays when
the swapfile goes, though nothing else is to be written; or where that of a process that runs is taken away.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import apply
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, record_path
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource

GONE = 4194305  # no process has this number
RECORD = os.path.split(record_path("swapfile", "/swap/file"))
OTHERS = os.path.split(record_path("swapfile", "/other"))


def temporary(folder, name, pid=GONE):
    return "%s/.%s.highwater.%d" % (folder, name, pid)


LEFT = [temporary("/etc", "fstab"), temporary("/etc", "crypttab"), temporary(*RECORD)]


@pytest.fixture
def host(tmp_path):
    """A machine without any swapfile, on which runs were killed."""
    it = Host(str(tmp_path))
    it.install("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\nCommitLimit: 9 kB\nCommitted_AS: 9 kB\n")
    it.install("/proc/swaps", "Filename Type Size Used Priority\n")
    it.install("/etc/fstab", "# theirs\n")
    for path in LEFT:
        it.install(path, "half")
    return it


def plan(host, options):
    states = resource.observe(host, options)
    return resource.plan(resource.resolve(options, states), states)


@pytest.mark.parametrize("state", ["absent", "disabled"])
def test_they_go_though_nothing_else_does(world, host, tmp_path, state):
    """Fails too where the folder that the first run made for our record stays, or where the run after it finds more."""
    steps = plan(host, world.params(state=state))
    assert [step.words() for step in steps] == ["remove %s (an earlier run was cut off)" % ", ".join(LEFT)]
    apply(steps, host)
    assert sorted(os.listdir(str(tmp_path / "etc"))) == ["fstab"]
    assert not host.exists("/var/lib/highwater")
    assert plan(host, world.params(state=state)) == ()


def test_what_somebody_writes_now_stays(world, host):
    """Fails where a file is taken from a process that runs, or one that is not ours."""
    writing = temporary("/etc", "fstab", os.getppid())
    for path in (writing, "/etc/.fstab.highwater.1x", temporary("/etc", "passwd"), temporary(*OTHERS)):
        host.install(path, "half")
    Remember("swapfile", "/other", {"sizes": {}}).perform(host)
    host.install(temporary(*OTHERS), "half")
    apply(plan(host, world.params(state="absent")), host)
    there = [name for name in host.listdir("/etc") if "highwater" in name]
    assert there == sorted([os.path.basename(writing), ".fstab.highwater.1x", ".passwd.highwater.%d" % GONE])
    assert host.listdir(OTHERS[0]) == sorted([os.path.basename(temporary(*OTHERS)), OTHERS[1]])


def test_of_all_swapfiles_each_is_named_once(world, host):
    """Fails where two that go have the one beside fstab removed twice, or where it goes while the record still needs
    its folder.
    """
    for path in ("/swap/file", "/other"):
        Remember("swapfile", path, {"before": {}}).perform(host)
    host.install(temporary(*RECORD), "half")
    steps = plan(host, world.params(path="all", state="absent"))
    assert [step.does for step in steps] == ["forget /other", "forget /swap/file", "remove " + ", ".join(LEFT)]
    apply(steps, host)
    assert not host.exists("/var/lib/highwater")


def test_a_swapfile_that_is_to_be_there_is_not_looked_beside(world, host):
    """Fails where a converged host pays for it: what its next change writes takes it away."""
    (state,) = resource.observe(host, world.params())
    assert state.machine.unfinished == ()
