# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our one line of fstab(5)."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.fstab import (
    Entry,
    Line,
    encode,
    parse_fstab,
    replace_swap_entry,
    swap_entries,
)
from ansible_collections.highwater.memory.plugins.module_utils.parse.lines import (
    Before,
    lines_before,
    plain_path,
)

PATH = "/etc/fstab"
# swapon(8): --discard, and the option of the same meaning in fstab
DISCARD_OPTIONS = {"none": None, "once": "discard=once", "pages": "discard=pages", "both": "discard"}
_MEANINGLESS = {"sw", "defaults"}


class Table(NamedTuple):
    """fstab as one swapfile sees it. text: None where there is no such file; tags: UUID=, LABEL= and devices
    that mean it.
    """

    text: Optional[str]
    path: str
    tags: tuple[str, ...] = ()

    def matches(self, entry: Entry) -> bool:
        """Whether an entry is about this swapfile."""
        tag = entry.spec.replace('"', "")  # which may stand around the value
        return plain_path(entry.spec) == self.path or _folded(tag) in {_folded(each) for each in self.tags}

    def lines(self) -> tuple[Line, ...]:
        return parse_fstab(self.text or "")

    def entries(self) -> tuple[Entry, ...]:
        """The swap entries about this swapfile."""
        return tuple(entry for entry in swap_entries(self.lines()) if self.matches(entry))

    def raw(self) -> tuple[str, ...]:
        """The same as they stand in the file, without line ends."""
        return tuple(line.raw.rstrip("\r\n") for line in self.lines() if self._is_ours(line))

    def mount_points(self) -> tuple[str, ...]:
        """Where a boot mounts a filesystem."""
        entries = (line.entry for line in self.lines() if line.entry is not None and line.entry.vfstype != "swap")
        return tuple(
            plain_path(entry.file)
            for entry in entries
            if "noauto" not in entry.options or "x-systemd.automount" in entry.options
        )

    def _is_ours(self, line: Line) -> bool:
        return line.entry is not None and line.entry.vfstype == "swap" and self.matches(line.entry)

    def with_line(self, line: str | None) -> str:
        """The text in which line is the only one about this swapfile (None: no line is)."""
        return replace_swap_entry(self.lines(), self.matches, line)

    def before(self) -> Before:
        """What given_back() needs to know of the text as it is; its lines about this swapfile are called fstab."""
        known = lines_before(self._raws(), self._ours(), self.text is None)
        return {"fstab": known.pop("lines"), **known}

    def given_back(self, before: Before, lines_too: bool) -> str | None:
        """The text as it was before us, as far as it is about this swapfile: see lines_given_back()."""
        known = dict(before, lines=before.get("fstab", []))
        # Imported here because most runs give nothing back.
        from ansible_collections.highwater.memory.plugins.module_utils.parse.given_back import lines_given_back

        return lines_given_back(self._raws(), self._ours(), known, lines_too)

    def _raws(self) -> list[str]:
        return [line.raw for line in self.lines()]

    def _ours(self) -> list[int]:
        return [n for n, line in enumerate(self.lines()) if self._is_ours(line)]

    def says(self, line: str) -> bool:
        """Whether the file says what line says, in one entry, whatever its blanks."""
        wanted = swap_entries(parse_fstab(line))[0]
        found = self.entries()
        return len(found) == 1 and _meaning(found[0]) == _meaning(wanted)

    def discard(self) -> str | None:
        """The discard policy that the next boot will use; None where no entry says one."""
        for entry in self.entries():
            for policy, option in DISCARD_OPTIONS.items():
                if option in entry.options:
                    return policy
        return None


def make_line(path: str, priority: int | None, nofail: bool, discard: str) -> str:
    """Our line. priority None leaves it to the kernel."""
    options = ["sw"]
    if priority is not None:
        options.append("pri=%d" % priority)
    if nofail:
        options.append("nofail")
    policy = DISCARD_OPTIONS[discard]
    if policy:
        options.append(policy)
    return "%s none swap %s 0 0" % (encode(path), ",".join(options))


def _meaning(entry: Entry) -> tuple[str, str, frozenset[str]]:
    return entry.spec, entry.file, frozenset(entry.options) - _MEANINGLESS


def _folded(spec: str) -> str:
    """A UUID counts in any case, a label or path as it is written."""
    return spec.lower() if spec.upper().startswith("UUID=") else spec
