# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and values as users and files write them, brought to one form: ``page-cluster``, ``"60"``.

A value in its one form is the text that the kernel prints: decimal digits, several of them separated by one blank.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Mapping, NoReturn, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm import settings_table
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import (
    NEWEST,
    PLAIN,
    Setting,
    Version,
    full,
)

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Quantity

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_DIGITS = re.compile(r"-?[0-9]+")
_LONGEST = 100  # characters of numbers; Python converts no more than some thousand digits
_POWER_OF_TEN = re.compile(r"-?[0-9.]+[eE][+-]?[0-9]+")


class Value(NamedTuple):
    """number: in the kernel's unit, in its one form; expression: what it was computed from, None for digits."""

    number: str
    expression: Optional[str] = None


def setting_name(key: str) -> str:
    """``vm.page_cluster``, ``vm/page-cluster`` and ``page_cluster`` are ``page-cluster``.

    Raises HighwaterError for what is no name of a vm setting, nor one of the others that have a row.
    """
    text = str(key).strip()
    if text.replace("/", ".") in settings_table.TABLE:
        return text.replace("/", ".")
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


def understand(row: Setting, value: object, names: Callable[[], Mapping[str, Quantity]], page_size: int) -> Value:
    """What a user's value is in the kernel's unit.

    names: gives what an expression may refer to. page_size in bytes. Raises HighwaterError for what is no value of row.
    """
    option = "settings: %s" % full(row.name)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        _refuse(row, option, value)
    text = " ".join(str(value).split())
    if len(text) > _LONGEST and re.fullmatch(r"[-0-9 ]+", text):
        _refuse(row, option, "%s..." % text[:_LONGEST])
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
    if _POWER_OF_TEN.fullmatch(text):
        _refuse(row, option, value)
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.core.size import plain_number, size_in_bytes

    if row.unit == PLAIN:
        return Value(str(plain_number(option, text, names())), text)
    size = size_in_bytes(option, text, names(), allow_zero=True)
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
    if value.expression is None:
        return True
    from ansible_collections.highwater.memory.plugins.module_utils.core.size import is_literal  # as in understand()

    return is_literal(value.expression)


def refuse_out_of_range(row: Setting, value: Value, kernel: Version) -> None:
    """Raise HighwaterError where a kernel of that version does not take the value."""
    bounds = row.range(kernel)
    for word in value.number.split():
        number = int(word)
        if row.zero and number == 0:
            continue
        if not bounds.low <= number <= bounds.most:
            from ansible_collections.highwater.memory.plugins.module_utils.vm import refusals  # as in understand()

            raise HighwaterError(refusals.out_of_range(row, value, kernel), reason="guard")


def kernel_version(release: str) -> Version:
    """``6.12.9-amd64`` is (6, 12)."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match.group(1)), int(match.group(2))) if match else NEWEST
