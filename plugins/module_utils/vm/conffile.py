# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of our file in sysctl.d: for people to read, and for this module to know again.

Each setting stands below a comment that says where its number comes from and what stood there before us. What
``absent`` gives back comes from our record; from the comments where that is lost.
"""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import is_number
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import parse as parse_assignments
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full, group

FIRST_LINE = "# Made by Ansible, module highwater.memory.vm_sysctl: changes made here by hand are lost."
HEADER = FIRST_LINE + "\n# Above each setting: where the number comes from, and what stood there before.\n"
_BEFORE = "; before: "


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
            if self.before is not None:
                return "# our record of it was lost" + _BEFORE + self.before
            return "# not written by this module"
        origin = "%s, %s" % (self.expression, self.source) if self.expression else self.source
        return "# %s%s%s" % (origin, _BEFORE, "not known" if self.before is None else self.before)


class Content(NamedTuple):
    """Our file, read.

    values:  its vm settings by name.
    before:  by name what its comments say was there before us, of a pair both.
    foreign: the lines of somebody's that are no vm setting.
    ours:    whether it begins as ours does.
    """

    values: Mapping[str, str]
    before: Mapping[str, str]
    foreign: tuple[str, ...]
    ours: bool


def render(lines: Mapping[str, Line], foreign: tuple[str, ...] = ()) -> str | None:
    """The text for settings by name; None where nothing is left that a file would be for."""
    if not lines and not foreign:
        return None
    body = "".join("\n%s\n%s = %s\n" % (lines[name].comment(), full(name), lines[name].value) for name in sorted(lines))
    kept = "\n# not vm settings, and not written by this module\n%s\n" % "\n".join(foreign) if foreign else ""
    return HEADER + body + kept


def parse(file: str, text: str) -> Content:
    """What a file holds; of a setting that stands there twice the last line counts."""
    assignments = [found for found in parse_assignments(file, text) if found.value is not None and not found.is_glob]
    lines = text.splitlines()
    understood = {found.line for found in assignments}
    foreign = tuple(
        line.strip()
        for number, line in enumerate(lines, 1)
        if number not in understood and line.strip() and line.strip()[0] not in "#;"
    )
    before: dict[str, str] = {}
    for found in assignments:
        before.update(_said_before(found.name, lines[: (found.line or 1) - 1]))
    return Content({found.name: found.value or "" for found in assignments}, before, foreign, lines[:1] == [FIRST_LINE])


def _said_before(name: str, above: Sequence[str]) -> Mapping[str, str]:
    """What the comment right above a setting says was there before us, of a pair both; empty where it says nothing."""
    _origin, mark, said = (above[-1] if above else "").rpartition(_BEFORE)
    partners = group(name)[1:]
    counted = next((one for one in partners if said.startswith(one + " ")), name)
    number = said if counted == name else said[len(counted) + 1 :]
    if not mark or not all(map(is_number, number.split(" "))):
        return {}
    return dict(dict.fromkeys(group(name), "0"), **{counted: number})


def listed(names: Iterable[str]) -> str:
    """``vm.a, vm.b``."""
    return ", ".join(full(name) for name in names)
