# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that do not come to the end of their share."""

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import workers

from .conftest import purge


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed by signal 9"),
        (lambda: os._exit(3), "ended with status 3"),
        (lambda: {}["no such"], "failed (KeyError: 'no such')"),
    ],
)
def test_why_a_process_of_ours_ended_is_said(disk, monkeypatch, end, says):
    """Fails where the error does not say what became of the process that did a share, or where one is left.

    The walk is a stand-in, since no tree could be made to do any of this to it.
    """
    monkeypatch.setattr(workers.Walk, "files", lambda *_args, **_more: end())
    with pytest.raises(HighwaterError) as error:
        purge(disk)
    assert error.value.message == "a process of ours %s before its work was done: run it again" % says
    assert error.value.reason == "stopped"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
