# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which profiles apply to a host, and where two of them say different things."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full, group

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.vm.merge import Wanted
    from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State

_ZRAM = re.compile(r"/dev/zram[0-9]+")


class Conflict(NamedTuple):
    """Two profiles that say different things of one setting, or of two that exclude each other."""

    name: str
    loser: str
    losing: str
    winner: str
    winning: str

    def words(self) -> str:
        return (
            "%s: %s says %s, but %s, which comes later, says %s and wins: name only one of the two, or give the "
            "value in settings" % (full(self.name), self.loser, self.losing, self.winner, self.winning)
        )


def applies(when: str, state: State, expected: Iterable[str]) -> bool:
    """Whether a profile's condition holds. expected: swap (``zram``, ``disk``) that counts as on although it is not."""
    zram = "zram" in expected or any(_ZRAM.fullmatch(area.path) for area in state.swaps)
    disk = "disk" in expected or any(not _ZRAM.fullmatch(area.path) for area in state.swaps)
    return {
        "always": True,
        "zram_swap": zram,
        "zram_swap_alone": zram and not disk,
        "zram_swap_with_disk": zram and disk,
    }[when]


def conflicts(wanted: Mapping[str, Wanted], found: Mapping[str, Wanted]) -> Iterable[Conflict]:
    """Where what a profile says (found) is not what the earlier ones said (wanted)."""
    for name, one in found.items():
        for member in group(name):
            other = wanted.get(member)
            if other and (member, other.value.number) != (name, one.value.number):
                yield Conflict(name, other.source, _said(member, name, other), one.source, one.value.number)


def _said(member: str, name: str, wanted: Wanted) -> str:
    return wanted.value.number if member == name else "%s of %s" % (wanted.value.number, full(member))
