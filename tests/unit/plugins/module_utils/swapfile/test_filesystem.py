# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a filesystem that cannot hold swap is not refused."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import (
    ABILITIES,
    REFUSED,
    Filesystem,
    ability,
)


@pytest.mark.parametrize("kind", [*REFUSED, "fuse.sshfs", "9p"])
def test_others_are_refused(kind):
    with pytest.raises(Unsupported) as caught:
        ability(Filesystem(kind, "/mnt", 1, 1), "/mnt/swapfile")
    assert caught.value.reason == "filesystem"
    assert caught.value.facts == {"filesystem": kind}
    for word in ("/mnt/swapfile", kind, "ext4"):
        assert word in caught.value.message


def test_several_devices_are_refused():
    with pytest.raises(Unsupported, match="btrfs of 2 devices"):
        ability(Filesystem("btrfs", "/mnt", 1, 1, devices=2), "/mnt/swapfile")
    assert ability(Filesystem("btrfs", "/mnt", 1, 1), "/mnt/swapfile").nocow


def test_data_that_is_kept_twice_is_refused():
    with pytest.raises(Unsupported, match="another profile than single") as caught:
        ability(Filesystem("btrfs", "/mnt", 1, 1, copies=True), "/mnt/swapfile")
    assert caught.value.reason == "filesystem"


def test_no_filesystem_is_both_taken_and_refused():
    assert not set(ABILITIES) & set(REFUSED)
