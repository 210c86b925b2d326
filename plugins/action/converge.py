# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module converge, with its progress shown where it takes long."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.plugin_utils.slices import SlicedAction


class ActionModule(SlicedAction):
    adds_up = ("paths", "warnings")  # as module swapfile
    begins_again = 2  # on a machine that is full of memory
