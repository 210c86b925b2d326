# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of our file in sysctl.d: for people to read, and for this module to know again.

Each setting stands below a comment that says where its number comes from and what stood there before us. The comments
are for people; what ``absent`` gives back comes from our record.
"""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import parse as parse_assignments

FIRST_LINE = "# Made by Ansible, module highwater.memory.vm_sysctl: changes made here by hand are lost."
HEADER = FIRST_LINE + "\n# Above each setting: where the number comes from, and what stood there before.\n"


class Line(NamedTuple):
    """A setting in our file.

    value:      in its one form.
    expression: what the value was computed from, None for digits.
    source:     ``settings`` or ``profile NAME``; None for a line that we did not write.
    before:     the value before us, None where it is not known.
    """

    value: str
    expression: Optional[str] = None
    source: Optional[str] = None
    before: Optional[str] = None

    def comment(self) -> str:
        if self.source is None:
            return "# not written by this module"
        origin = "%s, %s" % (self.expression, self.source) if self.expression else self.source
        return "# %s; before: %s" % (origin, "not known" if self.before is None else self.before)


class Content(NamedTuple):
    """Our file, read: its vm settings by name, and the lines of somebody's that are no vm setting."""

    values: Mapping[str, str]
    foreign: tuple[str, ...]
    ours: bool  # begins as ours does


def render(lines: Mapping[str, Line], foreign: tuple[str, ...] = ()) -> str | None:
    """The text for settings by name; None where nothing is left that a file would be for."""
    if not lines and not foreign:
        return None
    body = "".join("\n%s\nvm.%s = %s\n" % (lines[name].comment(), name, lines[name].value) for name in sorted(lines))
    kept = "\n# not vm settings, and not written by this module\n%s\n" % "\n".join(foreign) if foreign else ""
    return HEADER + body + kept


def parse(file: str, text: str) -> Content:
    """What a file holds; of a setting that stands there twice the last line counts."""
    assignments = [found for found in parse_assignments(file, text) if found.value is not None and not found.is_glob]
    understood = {found.line for found in assignments}
    foreign = tuple(
        line.strip()
        for number, line in enumerate(text.splitlines(), 1)
        if number not in understood and line.strip() and line.strip()[0] not in "#;"
    )
    return Content(
        {found.key: found.value or "" for found in assignments}, foreign, text.splitlines()[:1] == [FIRST_LINE]
    )


def listed(names: Iterable[str]) -> str:
    """``vm.a, vm.b``."""
    return ", ".join("vm." + name for name in names)
