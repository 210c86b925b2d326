# SPDX-License-Identifier: GPL-3.0-or-later
"""Property tests draw the same examples in each run, so that a red build is always about the change."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None)
settings.load_profile("same-every-time")
