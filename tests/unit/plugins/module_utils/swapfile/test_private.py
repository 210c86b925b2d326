# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where anybody but root can open a new file or a bridge, whose pages are memory of others, at any moment of its
making, whatever the umask of the run is.
"""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.create import Create

BRIDGE = "/swap/.file.highwater"
CALLS = ("open", "fchown", "fchmod", "pwrite", "fsync", "close")


@pytest.fixture
def modes(tmp_path, monkeypatch):
    """The modes that the file has around each call that is made on its way, by its path."""
    seen: dict[str, set[int]] = {}

    def look():
        for file in (tmp_path / "swap").iterdir():
            seen.setdefault("/swap/" + file.name, set()).add(stat.S_IMODE(file.stat().st_mode))

    def watched(call):
        def watch(*arguments, **options):
            look()
            try:
                # Whoever runs the tests may not give files away.
                return None if call is os.fchown else call(*arguments, **options)
            finally:
                look()

        return watch

    (tmp_path / "swap").mkdir()
    before = os.umask(0)
    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, watched(getattr(os, name)))
        yield seen
    os.umask(before)


@pytest.mark.parametrize("method", ["auto", "dd"])
def test_draft_and_bridge_are_root_s_alone_from_their_first_byte(world, tmp_path, modes, method):
    state = world.settled_state(areas=[world.area(used=world.MIB)])
    states, options = (state,), world.params(method=method, size="1MiB")
    steps = resource.plan(resource.resolve(options, states), states)
    actions = [inner for step in steps for inner in getattr(step.action, "actions", (step.action,))]
    made = [action for action in actions if isinstance(action, Create)]
    for action in made:
        action.perform(Host(str(tmp_path)))
    assert {action.path for action in made} == {BRIDGE + ".new", BRIDGE}
    assert modes == {BRIDGE + ".new": {0o600}, BRIDGE: {0o600}}
