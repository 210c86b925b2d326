# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a table that is a link, as on NixOS, is refused only once the file is written, or although nothing of it
is to change.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_machine


def resolve(state, target, options):
    machine = state.machine._replace(links={"/etc/fstab": target})
    return resource.resolve(options, (state._replace(machine=machine),))


@pytest.mark.parametrize("asked", ["present", "absent", "disabled"])
def test_fstab_that_is_to_change(world, asked):
    state = world.state() if asked == "present" else world.settled_state()
    with pytest.raises(HighwaterError, match="/etc/fstab is a symbolic link to /nix/fstab") as caught:
        resolve(state, "/nix/fstab", world.params(state=asked))
    assert caught.value.reason == "symlink"


def test_fstab_that_stays_as_it_is(world):
    resolve(world.settled_state(), "/nix/fstab", world.params())
    resolve(world.state(), "/nix/fstab", world.params(persistent=False))


def test_it_is_seen(tmp_path):
    host = Host(str(tmp_path))
    host.install("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\nCommitLimit: 9 kB\nCommitted_AS: 9 kB\n")
    assert dict(observe_machine(host).links) == {}
    host.link("/etc/fstab", "/nix/fstab")
    assert dict(observe_machine(host).links) == {"/etc/fstab": "/nix/fstab"}
