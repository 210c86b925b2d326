# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing settings live: each is read back at once, and a pair of which only one counts is handled as one."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import canonical

Live = Mapping[str, Optional[str]]
Writes = Tuple[Tuple[str, str], ...]


def reach(name: str, number: str, live: Live) -> Writes:
    """What to write so that name has that number, and the setting that it excludes reads 0; nothing where it is so.

    A *_bytes cannot be written to 0: writing the *_ratio clears it. But a ratio that is written to what it already
    reads changes nothing, the 0 beside a *_bytes too (mm/page-writeback.c), so such a 0 takes a 1 before it.
    """
    partners = [member for member in group(name)[1:] if live.get(member) not in (None, "0")]
    if live.get(name) == number and not (partners and number == "0"):
        return ()
    if number == "0" and partners:
        return ((name, "1"), (name, "0"))
    return ((name, number),)


def restore_target(entry: Mapping[str, Any], wanted: Iterable[str], dropped: Iterable[str]) -> dict[str, str]:
    """What dropped settings are to be: their values before us, of a pair the one that counted then."""
    before = entry.get("before", {})
    target = {}
    for name in dropped:
        members = group(name)
        if set(members) & set(wanted) or any(before.get(member) is None for member in members):
            continue
        counted = [member for member in members if before[member] != "0"] or _able_to_be_zero(members)
        target[counted[0]] = before[counted[0]]
    return target


def _able_to_be_zero(members: Iterable[str]) -> list[str]:
    return sorted(members, key=lambda member: not member.endswith("_ratio"))


class SetLive(NamedTuple):
    """The action that writes one setting and reads it back; where it fails, what was there is put back.

    before: the live values as they were; empty for an action that itself puts something back.
    """

    name: str
    writes: Writes
    before: dict[str, Optional[str]]

    def perform(self, host: Host) -> None:
        try:
            for name, number in self.writes:
                host.write_kernel(_path(name), number)
        except OSError:
            self._put_back(host)
            raise
        name, number = self.writes[-1]
        found = canonical(host.must_read(_path(name)))
        if found != number:
            self._put_back(host)
            raise HighwaterError("the kernel was given %s and made %s of it" % (number, found), reason="read_back")

    def _put_back(self, host: Host) -> None:
        counted = [member for member in group(self.name) if self.before.get(member) not in (None, "0")]
        for member in counted or [self.name]:
            value = self.before.get(member)
            if value is not None and canonical(host.must_read(_path(member))) != value:
                host.write_kernel(_path(member), value)


def _path(name: str) -> str:
    return "/proc/sys/vm/" + name
