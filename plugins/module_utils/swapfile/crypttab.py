# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our one line of crypttab(5), for a swapfile that gets a new key at each boot."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.crypttab import Entry, parse_crypttab
from ansible_collections.highwater.memory.plugins.module_utils.parse.lines import (
    Before,
    lines_before,
    plain_path,
    replace_lines,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import (
    CIPHER,
    KEY,
    KEY_BITS,
    SECTOR,
    mapping_name,
)

PATH = "/etc/crypttab"
MODE = 0o600  # what other lines may say of keys is nobody's business


class Table(NamedTuple):
    """crypttab as one swapfile sees it. text: None where there is no such file."""

    text: Optional[str]
    path: str

    def _entries(self) -> tuple[Entry, ...]:
        lines = parse_crypttab(self.text or "")
        return tuple(line.entry for line in lines if line.entry is not None and self._names(line.entry))

    def _found(self) -> list[int]:
        lines = parse_crypttab(self.text or "")
        return [n for n, line in enumerate(lines) if line.entry is not None and self._is_about(line.entry)]

    def is_of_file(self, entry: Entry) -> bool:
        """Whether its device is made of our file."""
        return plain_path(entry.source) == self.path

    def _names(self, entry: Entry) -> bool:
        """Whether it has our file or our device's name, for whatever purpose."""
        return self.is_of_file(entry) or entry.name == mapping_name(self.path)

    def _is_about(self, entry: Entry) -> bool:
        """Whether it is swap's too: by its options, or as a line of ours whose options somebody changed."""
        ours = self.is_of_file(entry) and (entry.name, entry.key) == (mapping_name(self.path), KEY)
        return self._names(entry) and ("swap" in entry.options or (ours and "tmp" not in entry.options))

    def entries(self) -> tuple[Entry, ...]:
        """The entries about this swapfile."""
        return tuple(entry for entry in self._entries() if self._is_about(entry))

    def others(self) -> tuple[Entry, ...]:
        """The entries that have our file or our name for something that is not swap."""
        return tuple(entry for entry in self._entries() if not self._is_about(entry))

    def vouches(self) -> bool:
        """Whether the file itself is swap by an entry, whatever is in it: each boot writes over that."""
        return any(self.is_of_file(entry) for entry in self.entries())

    def raw(self) -> tuple[str, ...]:
        """The same as they stand in the file, without line ends."""
        lines = parse_crypttab(self.text or "")
        return tuple(lines[n].raw.rstrip("\r\n") for n in self._found())

    def names(self) -> tuple[str, ...]:
        """What the swapfile's device is or may be called."""
        found = (entry.name for entry in self.entries())
        return tuple(dict.fromkeys((mapping_name(self.path), *found)))

    def with_line(self, line: str | None) -> str | None:
        """The text in which line is the only one about this swapfile (None: no line is); the text itself where it
        says so already.
        """
        if line is not None and self._says(line):
            return self.text
        if line is None and not self._found():
            return self.text
        return replace_lines(self._raws(), self._found(), line)

    def before(self) -> Before:
        """What given_back() needs to know of the text as it is."""
        return lines_before(self._raws(), self._found(), self.text is None)

    def given_back(self, before: Before, lines_too: bool) -> str | None:
        """The text as it was before us, as far as it is about this swapfile: see lines_given_back()."""
        # Imported here because most runs give nothing back.
        from ansible_collections.highwater.memory.plugins.module_utils.parse.given_back import lines_given_back

        return lines_given_back(self._raws(), self._found(), before, lines_too)

    def _raws(self) -> list[str]:
        return [line.raw for line in parse_crypttab(self.text or "")]

    def _says(self, line: str) -> bool:
        wanted = parse_crypttab(line)[0].entry
        return wanted is not None and [_meaning(found) for found in self.entries()] == [_meaning(wanted)]


def make_line(path: str, nofail: bool) -> str:
    """Our line. ``swap`` has it formatted at each boot; ``plain`` tells Debian's scripts what systemd implies by it."""
    options = ["swap", "plain", "cipher=" + CIPHER, "size=%d" % KEY_BITS, "sector-size=%d" % SECTOR]
    if nofail:
        options.append("nofail")
    return "%s %s %s %s" % (mapping_name(path), path, KEY, ",".join(options))


def _meaning(entry: Entry) -> tuple[str, str, str, frozenset[str]]:
    return entry.name, entry.source, entry.key, frozenset(entry.options)
