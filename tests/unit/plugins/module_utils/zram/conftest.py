# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated kernel has no use for time to find memory in."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.zram import shortage


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(shortage, "PAUSES", tuple(0.0 for _pause in shortage.PAUSES))
