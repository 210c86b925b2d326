# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of dirty memory: each is one of two settings, bytes or per cent, and only one of the two counts."""

from __future__ import annotations

from typing import Callable

from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full, group


class Limit(NamedTuple):
    """A limit: the setting that counts, its number, and bytes.

    Per cent are of RAM here. The kernel takes them of what can be dirtied, which is less, and moves.
    """

    name: str
    number: int
    size: int

    @property
    def in_bytes(self) -> bool:
        return self.name.endswith("_bytes")

    def words(self) -> str:
        said = format_size(self.size)
        return "%s: %d (%s)" % (full(self.name), self.number, said if self.in_bytes else "% of RAM, " + said)


def limits(becomes: Callable[[str], int], ram: int) -> tuple[Limit, Limit]:
    """Where writing in the background begins, and where programs have to write themselves.

    becomes: gives a setting's number, 0 for the one of a pair that does not count; ram in bytes.
    """
    return _limit("dirty_background_bytes", becomes, ram), _limit("dirty_bytes", becomes, ram)


def _limit(in_bytes: str, becomes: Callable[[str], int], ram: int) -> Limit:
    name = in_bytes if becomes(in_bytes) else group(in_bytes)[1]
    number = becomes(name)
    return Limit(name, number, number if name == in_bytes else number * ram // 100)
