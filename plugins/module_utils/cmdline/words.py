# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of a kernel command line: ``name``, ``name=value``. Source: the kernel's kernel-parameters.rst."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
# Nothing in which the kernel, a shell or a boot loader would see more than itself.
_VALUE = re.compile(r"[A-Za-z0-9_.,:/@%+=-]+\Z")
# What a machine boots by: a mistake in one of these is a machine that does not come back.
_NOT_OURS = ("root", "rootfstype", "rootflags", "ro", "rw", "init", "rdinit", "initrd", "BOOT_IMAGE")


def words(parameters: Mapping[str, Any]) -> dict[str, str]:
    """By name, each parameter as it stands on the command line. Raises HighwaterError for what cannot stand there."""
    _refuse_twice([str(name) for name in parameters])
    return {str(name): _word(str(name), value) for name, value in parameters.items()}


def plain(name: str) -> str:
    """To the kernel, dashes and underscores in a name are the same (kernel-parameters.rst)."""
    return name.replace("-", "_")


def _refuse_twice(names: list[str]) -> None:
    for number, name in enumerate(names):
        twins = sorted({one for one in names[number + 1 :] if plain(one) == plain(name)} - {name})
        if twins:
            raise HighwaterError(
                "parameters: %s are the same to the kernel: name it once" % " and ".join(sorted([name, *twins]))
            )


def _word(name: str, value: Any) -> str:
    if not _NAME.match(name):
        raise HighwaterError(
            "parameters: %r is no name of a kernel parameter: write for instance transparent_hugepage" % name
        )
    if name in _NOT_OURS:
        raise HighwaterError(
            "parameters: %s is what the machine boots by, and is set where the boot loader is" % name, reason="guard"
        )
    if value is None:
        return name
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if not _VALUE.match(text):
        raise HighwaterError(
            "parameters: %s: %r cannot stand on a command line: use letters, digits and _.,:/@%%+=- only"
            % (name, value)
        )
    return "%s=%s" % (name, text)


def value_of(line: str, name: str) -> str | None:
    """The word that counts for that name on a command line, the last one; None where there is none."""
    found = [word for word in line.split() if plain(word.partition("=")[0]) == plain(name)]
    return found[-1] if found else None


def missing(line: str, more: Mapping[str, str]) -> list[str]:
    """The words that a line lacks at its end, where they count. Those that count already stay where they are."""
    return [word for name, word in more.items() if value_of(line, name) != word]


def without(line: str, gone: tuple[str, ...]) -> str:
    """The line without the last occurrence of each of these words."""
    kept = line.split()
    for word in gone:
        if word in kept:
            del kept[len(kept) - 1 - kept[::-1].index(word)]
    return " ".join(kept)
