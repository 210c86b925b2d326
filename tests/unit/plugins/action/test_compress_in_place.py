# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of compress_in_place that belong together, put together as its action plugin does. Fails where they tell more
or less than one call would have."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.highwater.memory.plugins.action.compress_in_place import ActionModule
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.plugin_utils.slices import merged

from ..module_utils.compress.conftest import BLOCK, log_lines
from ..module_utils.compress.test_answer import Over, asked
from ..module_utils.compress.test_folder import three_more


def in_slices(path, check_mode=False, **params):
    """The calls that the action plugin makes, each over wherever the work could stop, and what it makes of them."""
    host, together, told = Host(), {}, []
    host.slice = Over("run", 0.0)
    while not told or "progress" in told[-1]:
        assert len(told) < 100, "it never ends"
        told.append(json.loads(json.dumps(asked(path, check_mode, host, **params))))
        together = merged(together, told[-1], ActionModule.adds_up)
        host.slice = Over("run", 0.0, together.pop("progress", {}).get("resume"))
    return together, told


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_folder_in_slices_tells_each_file_once(tmp_path, check_mode):
    """It would take a call that begins at the first file again to fail; in check mode it would never end."""
    (tmp_path / "app.log").write_bytes(log_lines(7 * BLOCK + 12345))
    three_more(tmp_path, log_lines(BLOCK + 5))
    (tmp_path / "noise").write_bytes(os.urandom(BLOCK))
    together, told = in_slices(tmp_path, check_mode)
    assert len(told) > 4
    names = [os.path.basename(row["path"]) for row in together["files"]]
    assert names == ["app.log", "b.log", "latin-\udce4.log", "d.log"]
    assert [os.path.basename(row["path"]) for row in together["left_alone"]] == ["noise"]
    assert together["freed"] == sum(row["freed"] for row in together["files"])
    shares = [
        one["progress"]["done"] / one["progress"]["total"] for one in told[:-1] if " files " in one["progress"]["work"]
    ]
    assert shares == sorted(shares)
    assert shares[-1] <= 1


def test_files_that_do_not_shrink_are_left_alone_once_and_nothing_is_changed(tmp_path):
    three_more(tmp_path, os.urandom(BLOCK))
    together, told = in_slices(tmp_path)
    assert len(told) == 3
    assert [os.path.basename(row["path"]) for row in together["left_alone"]] == ["b.log", "latin-\udce4.log", "d.log"]
    assert (together["changed"], together["files"]) == (False, [])
