# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folders that were made for swapfiles: each goes with the last swapfile of ours in it."""

from __future__ import annotations

import os
from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, recall, remembered
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND, State


class MakeFolders(NamedTuple):
    """Folders, outermost first, root's and 0755."""

    paths: tuple[str, ...]

    def perform(self, host: Host) -> None:
        for path in self.paths:
            host.make_folder(path)


class RemoveFolders(NamedTuple):
    """Folders that we made, outermost first; those that somebody uses by now stay. Where it is another swapfile of
    ours, they go with that: its record has them from then on.
    """

    paths: tuple[str, ...]

    def perform(self, host: Host) -> None:
        for count in range(len(self.paths), 0, -1):
            try:
                os.rmdir(host.path(self.paths[count - 1]))
            except FileNotFoundError:
                pass
            except OSError:
                return _hand_over(host, self.paths[:count])


def folders_away(state: State) -> Plan:
    """The step that removes what we made on the way to a swapfile."""
    folders = tuple(state.record.get("folders", ()))
    if not folders:
        return ()
    why = "we made it; it stays where something else is in it"
    return (Step("remove %s" % folders[-1], why, RemoveFolders(folders)),)


def _hand_over(host: Host, folders: tuple[str, ...]) -> None:
    for path in remembered(host, KIND):
        entry = recall(host, KIND, path)
        known = with_folders(entry.get("folders", ()), folders, path)
        if known != entry.get("folders", []):
            Remember(KIND, path, dict(entry, folders=known)).perform(host)


def with_folders(known: Sequence[str], more: Sequence[str], path: str) -> list[str]:
    """The folders that were made for a path, outermost first, and those of others that lie on the way to it."""
    on_the_way = {folder for folder in more if path.startswith(folder + "/")}
    return sorted({*known, *on_the_way}, key=len)
