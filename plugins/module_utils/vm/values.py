# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and values as users and files write them, brought to one form: ``page-cluster``, ``"60"``.

A value in its one form is the text that the kernel prints: decimal digits, several of them separated by one blank.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, NoReturn, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.size import (
    Quantity,
    is_literal,
    plain_number,
    size_in_bytes,
)
from ansible_collections.highwater.memory.plugins.module_utils.vm import settings_table
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import PLAIN, Setting, Version

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_DIGITS = re.compile(r"-?[0-9]+")


class Value(NamedTuple):
    """number: in the kernel's unit, in its one form; expression: what it was computed from, None for digits."""

    number: str
    expression: Optional[str] = None


def setting_name(key: str) -> str:
    """``vm.page_cluster``, ``vm/page-cluster`` and ``page_cluster`` are ``page-cluster``.

    Raises HighwaterError for what is no name of a vm setting.
    """
    text = str(key).strip()
    name = text[3:] if text[:3] in ("vm.", "vm/") else text
    if _NAME.fullmatch(name):
        return settings_table.spelled(name)
    if re.fullmatch(r"[a-z0-9_]+([./][\w.*-]+)+", text):
        raise HighwaterError(
            "settings: %s is not a vm setting, and this module sets no other: use ansible.posix.sysctl for it" % text,
            reason="not_vm",
        )
    raise HighwaterError(
        "settings: %r is not the name of a vm setting: write for instance vm.swappiness or swappiness" % text,
        reason="not_vm",
    )


def canonical(text: str) -> str:
    """The one form of what the kernel prints or a file says; text that is no number stays as it is.

    Numbers are read as the kernel reads them: 0x3c and 074 are 60.
    """
    return " ".join(_decimal(word) for word in text.split())


def _decimal(word: str) -> str:
    for pattern, base in ((r"-?0[xX][0-9a-fA-F]+", 16), (r"-?0[0-7]+", 8), (r"-?[0-9]+", 10)):
        if re.fullmatch(pattern, word):
            return str(int(word, base))
    return word


def understand(row: Setting, value: object, names: Mapping[str, Quantity], page_size: int) -> Value:
    """What a user's value is in the kernel's unit.

    names: what an expression may refer to. page_size in bytes. Raises HighwaterError for what is no value of row.
    """
    option = "settings: vm.%s" % row.name
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        _refuse(row, option, value)
    text = " ".join(str(value).split())
    if row.several:
        if not re.fullmatch(r"[0-9]+( [0-9]+)*", text):
            _refuse(row, option, value)
        return Value(canonical(text))
    if _DIGITS.fullmatch(text):
        if re.fullmatch(r"-?0[0-9]+", text):
            raise HighwaterError(
                "%s: %s begins with a zero, which the kernel would read as octal: write it without" % (option, text)
            )
        return Value(str(int(text)))
    if row.unit == PLAIN:
        return Value(str(plain_number(option, text, names)), text)
    size = size_in_bytes(option, text, names, allow_zero=True)
    return Value(str(size // row.bytes_per_unit(page_size)), text)


def _refuse(row: Setting, option: str, value: object) -> NoReturn:
    wanted = "digits"
    if row.several:
        wanted = "digits separated by blanks, in quotes"
    elif row.unit != PLAIN:
        wanted = "digits (%s), or a size such as 64MiB or ram * 1%%" % row.unit
    elif isinstance(value, bool):
        wanted = "digits, 1 for on and 0 for off"
    raise HighwaterError("%s: %r is no value for it: write %s" % (option, value, wanted))


def is_exact(value: Value) -> bool:
    """Whether a value depends on nothing of the host: digits, or a size without a name."""
    return value.expression is None or is_literal(value.expression)


def refuse_out_of_range(row: Setting, value: Value, kernel: Version) -> None:
    """Raise HighwaterError where a kernel of that version does not take the value."""
    bounds = row.range(kernel)
    for word in value.number.split():
        number = int(word)
        if row.zero and number == 0:
            continue
        if number < bounds.low or (bounds.high is not None and number > bounds.high):
            raise HighwaterError(_out_of_range(row, value, kernel), reason="guard")


def _out_of_range(row: Setting, value: Value, kernel: Version) -> str:
    bounds = row.range(kernel)
    takes = (
        "%d or more" % bounds.low
        if bounds.high in (None, settings_table.INT_MAX)
        else "%d to %d" % (bounds.low, bounds.high or 0)
    )
    said = "vm.%s: %s%s is outside what the kernel takes: %s%s" % (
        row.name,
        value.number,
        " (from %s)" % value.expression if value.expression else "",
        takes,
        ", or 0" if row.zero else "",
    )
    later = [one for one in row.ranges if one.since > kernel]
    if later:
        said += " (%d to %s since Linux %d.%d, and this one is %d.%d)" % (
            (later[-1].low, later[-1].high) + later[-1].since + kernel
        )
    if row.partner and value.number == "0":
        said += "; to turn it off, set vm.%s instead" % row.partner
    return said


def kernel_version(release: str) -> Version:
    """``6.12.9-amd64`` is (6, 12)."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match.group(1)), int(match.group(2))) if match else (99, 0)
