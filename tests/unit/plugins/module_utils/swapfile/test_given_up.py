# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a call that refuses to go on leaves on the disk what the calls before it have written, or where a refusal
takes away anything else.
"""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.emergency import resource as emergency
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource

DRAFT = "/swap/.file.highwater.new"
BRIDGE = "/swap/.file.highwater"
GIVEN_UP = "; what was begun is given up: "
HALF = 256 << 20


@pytest.fixture
def host(tmp_path):
    it = Host(str(tmp_path))
    for path in (DRAFT, BRIDGE):
        it.install(path, "")
    return it


def refused(host, state, options, check_mode=False):
    """The error of a call that finds this state; the files that are left."""
    told = SimpleNamespace(
        observe=lambda _host, _params: (state,), resolve=resource.resolve, given_up=resource.given_up
    )
    with pytest.raises(HighwaterError) as caught:
        convergence.converge(told, options, host, check_mode)
    return caught.value, [path for path in (DRAFT, BRIDGE) if host.exists(path)]


def test_the_disk_became_full_between_two_calls(world, host):
    """By somebody else's file. Fails where the draft stays on the full disk, or where the error does not say that it is
    gone.
    """
    error, left = refused(host, world.state(disk=100 << 20, draft=world.found(HALF)), world.params(method="dd"))
    assert error.reason == "disk"
    assert error.message.startswith("size: 512 MiB for /swap/file would leave nothing free")
    assert error.message.endswith(GIVEN_UP + "remove " + DRAFT)
    assert left == [BRIDGE]  # which is none of what was seen


def test_check_mode_leaves_it(world, host):
    error, left = refused(host, world.state(disk=0, draft=world.found(HALF)), world.params(), check_mode=True)
    assert left == [DRAFT, BRIDGE]
    assert GIVEN_UP not in error.message


def test_a_slip_of_the_pen_costs_nothing(world, host):
    """Fails where what a run that was cut off has written in an hour is gone for a wrong option of the next."""
    state = world.state(draft=world.found(HALF))
    error, left = refused(host, state, world.params(size="5GiBB"))
    assert error.reason == "options"
    assert left == [DRAFT, BRIDGE]


def test_memory_ran_short_between_two_calls(world, host):
    """The new file of a resize is there, the old one is still on, and a bridge was begun."""
    areas = [world.area(used=500 << 20)]
    begun = {"draft": world.found(1 << 30), "bridge": world.found(8 << 20)}
    state = world.settled_state(areas=areas, available=300 << 20, **begun)
    error, left = refused(host, state, world.params(size="1GiB", headroom="4GiB", method="dd"))
    assert error.reason == "headroom"
    assert left == []
    assert error.message.endswith(GIVEN_UP + "remove %s, remove %s" % (DRAFT, BRIDGE))


def test_a_bridge_that_is_on_stays(world, host):
    """Fails where the file of an area, or what a device is open on, is unlinked."""
    on = [world.area(used=1 << 20), world.area(BRIDGE, 9 << 20)]
    state = world.settled_state(areas=on, bridge=world.found(9 << 20), draft=world.found(HALF))
    assert refused(host, state, world.params(size="9TiB"))[1] == [BRIDGE]
    state = world.settled_state(bridge=world.found(9 << 20))
    mapped = {BRIDGE: "highwater-bridge"}
    assert (
        BRIDGE
        in refused(host, state._replace(machine=state.machine._replace(mapped=mapped)), world.params(size="9TiB"))[1]
    )


@pytest.mark.parametrize("changes", [{"uid": 7}, {"mode": 0o644}, {"kind": "link"}, {"kind": "folder"}], ids=str)
def test_what_is_not_ours_stays(world, host, changes):
    """Fails where a refusal takes away what this module has not written."""
    state = world.state(disk=0, draft=world.found(HALF, **changes), bridge=world.found(**changes))
    error, left = refused(host, state, world.params())
    assert left == [DRAFT, BRIDGE]
    assert GIVEN_UP not in error.message


@pytest.mark.parametrize("changes", [{"mode": 0o777}, {"uid": 7}, {"link": True}], ids=str)
def test_where_others_can_write_nothing_is_unlinked(world, host, changes):
    """Fails where somebody else chooses what the name stands for."""
    state = world.state(draft=world.found(HALF), folders=(world.folder(**changes),))
    error, left = refused(host, state, world.params())
    assert error.reason in ("folder", "symlink")
    assert left == [DRAFT, BRIDGE]


def test_what_is_skipped_says_that_it_has_changed_the_host(world, host):
    """Fails where a draft is gone by a call that answers changed: false."""
    state = world.state(draft=world.found(HALF))
    state = state._replace(filesystem=state.filesystem._replace(kind="zfs"))
    told = SimpleNamespace(
        observe=lambda _host, _params: (state,), resolve=resource.resolve, given_up=resource.given_up
    )
    for path in ("/proc/sys/kernel/osrelease", "/etc/os-release"):
        host.install(path, "")
    done = convergence.attempt(told, world.params(on_unsupported="skip"), host, False)
    assert not host.exists(DRAFT)
    assert done["changed"]
    assert done["warnings"] == [done["msg"]]
    assert done["msg"].endswith(GIVEN_UP + "remove " + DRAFT)


def test_the_filesystem_became_read_only(world, host, monkeypatch):
    """Fails where the error is about the draft, which nobody can unlink by then, or is not of its kind any more."""

    def read_only(path):
        raise OSError(30, "Read-only file system", path)

    monkeypatch.setattr(os, "unlink", read_only)
    state = world.state(draft=world.found(HALF))
    state = state._replace(filesystem=state.filesystem._replace(read_only=True))
    error, left = refused(host, state, world.params())
    assert isinstance(error, Unsupported)
    assert "mounted read-only" in error.message
    assert GIVEN_UP not in error.message
    assert left == [DRAFT, BRIDGE]


def test_another_call_s_file_is_in_the_way(world, host):
    """Somebody has put a file at the path while it was written: that one stays."""
    host.install("/swap/file", "theirs")
    state = world.state(found=world.found(6), draft=world.found(HALF))
    error, left = refused(host, state, world.params())
    assert error.reason == "not_swap"
    assert left == [BRIDGE]
    assert host.read("/swap/file") == "theirs"


def test_emergency_swap_too(world, host):
    """Fails where what goes through another module, on the fullest of disks, is left there."""
    state = SimpleNamespace(files=(world.state(draft=world.found(HALF)),))
    assert [step.does for step in emergency.given_up(state)] == ["remove " + DRAFT]
    assert emergency.given_up(SimpleNamespace(files=())) == ()
