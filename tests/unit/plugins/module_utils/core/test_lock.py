# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where two runs get at a host at once, in between the calls of one of them too, or where a run that never came
back keeps all others out."""

from __future__ import annotations

import json
import stat

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import lock
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice


def refused(host):
    with pytest.raises(HighwaterError) as caught, host.lock(timeout=0.2):
        pytest.fail("two runs at once")
    assert caught.value.reason == "lock"
    return caught.value.message


def of_run(root, name):
    host = Host(root)
    host.slice = Slice(name, 0.0)
    return host


@pytest.fixture
def root(tmp_path):
    return str(tmp_path)


def test_a_second_run_is_kept_out_and_let_in_later(root, tmp_path):
    with Host(root).lock():
        assert stat.S_IMODE((tmp_path / lock.LOCK[1:]).stat().st_mode) == 0o600
        assert lock.LOCK in refused(Host(root))
    with Host(root).lock(timeout=0.2):
        pass


def test_between_two_calls_of_a_run_only_that_run_is_let_in(root):
    first = of_run(root, "first")
    with first.lock() as held:
        held.keep("writing /swapfile")
    for other in (Host(root), of_run(root, "second")):
        assert "(writing /swapfile): wait for it to end" in refused(other)
    with first.lock(timeout=0.2):
        pass
    with Host(root).lock(timeout=0.2):  # the last call of the run has ended
        pass


def test_a_run_that_does_not_come_back_is_waited_for_so_long_only(root, monkeypatch):
    monkeypatch.setattr(lock, "LEASE", 0.3)
    with of_run(root, "first").lock() as held:
        held.keep("writing /swapfile")
    refused(Host(root))
    with Host(root).lock(timeout=1.0):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"run": "other"}), "\0\0"])
def test_what_is_no_lease_keeps_nobody_out(root, tmp_path, text):
    with Host(root).lock():
        pass
    (tmp_path / lock.LOCK[1:]).write_text(text)
    with Host(root).lock(timeout=0.2):
        pass
    assert (tmp_path / lock.LOCK[1:]).read_text() == ""
