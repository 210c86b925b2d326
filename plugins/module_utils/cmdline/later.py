# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files in /etc/default/grub.d that GRUB reads after ours: shell code, so what they come to is GRUB's program to say,
but for a plain line that throws away all that was set before it."""

from __future__ import annotations

import os.path
import re
from typing import Iterator, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.cmdline.words import value_of
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

NAME = "GRUB_CMDLINE_LINUX_DEFAULT"
_SETS = re.compile(r"(\s*)(?:export\s+)?%s(\+?)=(.*)" % NAME)
_PLAIN = re.compile(r"""("[^"\\$`]*"|'[^']*'|[^\s"'\\$`;&|]*)\s*(#.*)?""")


class Line(NamedTuple):
    """A line that sets the words after ours; words: None where it adds to those before it, or only a shell can tell."""

    path: str
    number: int
    ours: str
    words: Optional[str]

    def where(self) -> str:
        return "%s, line %d, sets %s after ours: take the line out, or give the file a name that comes before %s" % (
            self.path,
            self.number,
            NAME,
            self.ours,
        )


def lines_after(host: Host, ours: str) -> Iterator[Line]:
    """In the order in which GRUB reads the files; ours: the path of our own."""
    folder, name = os.path.split(ours)
    for other in host.listdir(folder):
        if other > name and other.endswith(".cfg"):
            path = "%s/%s" % (folder, other)
            for number, text in enumerate((host.read(path) or "").splitlines(), 1):
                match = _SETS.match(text)
                if match:
                    yield Line(path, number, name, _words(*match.groups()))


def _words(indent: str, plus: str, value: str) -> str | None:
    match = _PLAIN.fullmatch(value)
    if indent or plus or not match:  # indented, it may stand below a condition
        return None
    return match.group(1).strip("\"'")


def refuse_lost(lines: tuple[Line, ...], kept: Mapping[str, str], now: str) -> None:
    """Raise HighwaterError where words (by name) will not be on the line, whatever GRUB's program makes of the rest.

    now: the line as it is. What counts there already may come from another variable, such as GRUB_CMDLINE_LINUX.
    """
    resets = [index for index, line in enumerate(lines) if line.words is not None]
    if not resets or resets[-1] != len(lines) - 1:  # one that adds may add them
        return
    last = lines[-1]
    lost = [word for name, word in kept.items() if word not in (value_of(last.words or "", name), value_of(now, name))]
    if lost:
        raise HighwaterError("%s would not be on the line: %s" % (" ".join(lost), last.where()), reason="overridden")
