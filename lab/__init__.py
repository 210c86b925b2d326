# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Throw-away virtual machines with Debian kernels, to try the collection on."""

from __future__ import annotations
