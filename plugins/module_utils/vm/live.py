# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing settings live: each is read back at once, and a pair of which only one counts is handled as one."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, cause
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full, group, path

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


def restore_target(before: Live, wanted: Iterable[str], dropped: Iterable[str]) -> dict[str, str]:
    """What dropped settings are to be: their values before us, of a pair the one that counted then."""
    target: dict[str, str] = {}
    for name in dropped:
        members = group(name)
        if set(members) & set(wanted) or any(before.get(member) is None for member in members):
            continue
        counted = counting(members, before)
        target[counted] = before[counted] or "0"
    return target


def counting(members: Iterable[str], values: Live) -> str:
    """Of settings that exclude each other the one that counts: which is not 0, else the *_ratio, which can be 0."""
    present = [member for member in members if values.get(member) is not None]
    return sorted(present, key=lambda member: (values[member] == "0", not member.endswith("_ratio")))[0]


def number_to_be(name: str, targets: Mapping[str, str], live: Live) -> int:
    """The number that a setting will have, beside those that are to have one; 0 where the kernel lacks it."""
    if name in targets:
        return int(targets[name])
    if any(member in targets for member in group(name)):
        return 0
    return int(live.get(name) or 0)


class SetLive(NamedTuple):
    """The action that gives one setting its number and reads it back; where it fails, what was there is put back."""

    name: str
    number: str

    def perform(self, host: Host) -> None:
        before = _live(host, group(self.name))
        try:
            self._write(host, self.name, self.number, before)
        except (HighwaterError, OSError) as error:
            self._put_back(host, before, error)
            raise

    def _put_back(self, host: Host, before: Live, error: Exception) -> None:
        member = counting(before, before)
        try:
            self._write(host, member, before[member] or "0", _live(host, before))
        except (HighwaterError, OSError) as left:
            raise HighwaterError(
                "%s; and %s, which was %s, could not be put back: %s"
                % (cause(error), full(member), before[member], cause(left)),
                reason="kernel",
            ) from left

    @staticmethod
    def _write(host: Host, name: str, number: str, live: Live) -> None:
        for member, value in reach(name, number, live):
            host.write_kernel(path(member), value)
        found = canonical(host.must_read(path(name)))
        if found != number:
            raise HighwaterError("the kernel was given %s and made %s of it" % (number, found), reason="read_back")


class GiveBack(NamedTuple):
    """SetLive of what was before us. Where the kernel does not take it, what it has stays, and the rest goes on."""

    name: str
    number: str

    def perform(self, host: Host) -> None:
        try:
            SetLive(self.name, self.number).perform(host)
        except (HighwaterError, OSError) as error:
            host.kept[self.name] = cause(error)


def _live(host: Host, members: Iterable[str]) -> Live:
    found = {member: host.read(path(member)) for member in members}
    return {member: text and canonical(text) for member, text in found.items()}
