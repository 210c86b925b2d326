# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compression algorithms as the options name them: what is asked for, and what of it this kernel has."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

DEFAULT_ALGORITHM = ("zstd", "lzo-rle", "lz4", "lzo")
PRIORITIES = (1, 2, 3)  # of recompression: the kernel's ZRAM_MAX_COMPS is 4, of which 0 is the algorithm itself


class Algorithm(NamedTuple):
    """One item of ``algorithm``: the kernel's name of it, and parameters as ``level=3`` in order of name."""

    name: str
    params: tuple[str, ...] = ()

    def words(self) -> str:
        return " ".join((self.name,) + self.params)


class Recompression(NamedTuple):
    """One item of ``recompress``: an algorithm for a second pass. Pages go to that of the next higher priority."""

    name: str
    priority: int
    params: tuple[str, ...] = ()

    def words(self) -> str:
        return " ".join((self.name,) + self.params)


def parse_algorithms(items: list[Any] | None) -> tuple[Algorithm, ...]:
    """The option ``algorithm``: names, or dicts of name and params. Raises HighwaterError."""
    if items is None:
        return tuple(Algorithm(name) for name in DEFAULT_ALGORITHM)
    if not items:
        raise HighwaterError("algorithm: the list is empty: write at least one, such as [zstd, lzo-rle]")
    return tuple(_algorithm("algorithm", item, {"name", "params"}) for item in items)


def parse_recompress(items: list[Any] | None) -> tuple[Recompression, ...]:
    """The option ``recompress``, by priority: names, or dicts of name, params and priority; an item without a priority
    comes after the one before it. Raises HighwaterError.
    """
    found: dict[int, Recompression] = {}
    last = 0
    for item in items or []:
        name, params = _algorithm("recompress", item, {"name", "params", "priority"})
        priority = item.get("priority") if isinstance(item, dict) else None
        last = last + 1 if priority is None else priority
        if not isinstance(last, int) or last is True or last not in PRIORITIES or last in found:
            raise HighwaterError("recompress: the priority of %s is %r: write 1, 2 or 3, each once" % (name, last))
        found[last] = Recompression(name, last, params)
    for number, priority in enumerate(sorted(found), 1):
        if number != priority:  # the kernel counts them, and since Linux 6.15 looks no further than to that number
            raise HighwaterError(
                "recompress: %s has priority %d, and none has %d: number them from 1 without a gap"
                % (found[priority].name, priority, number)
            )
    return tuple(found[priority] for priority in sorted(found))


def _algorithm(option: str, item: Any, known: set[str]) -> Algorithm:
    entry = item if isinstance(item, dict) else {"name": item}
    name, params = entry.get("name"), entry.get("params") or {}
    if not isinstance(name, str) or not re.match(r"[a-z0-9][a-z0-9_-]*\Z", name) or set(entry) - known:
        raise HighwaterError(
            "%s: %r is no algorithm: write a name such as zstd, or {name: zstd, params: {level: 3}}" % (option, item)
        )
    if not isinstance(params, dict):
        raise HighwaterError("%s: the params of %s are %r: write a dict such as {level: 3}" % (option, name, params))
    return Algorithm(name, tuple(_parameter(option, name, key, params[key]) for key in sorted(params)))


def _parameter(option: str, name: str, key: Any, value: Any) -> str:
    text = "%s=%s" % (key, value)
    if not re.match(r"(level=-?\d+|dict=/[\w./+-]+|[a-z]+\.[a-z_]+=-?\d+)\Z", text, re.ASCII):
        raise HighwaterError("%s: params of %s have %s: write level: NUMBER or dict: /a/path" % (option, name, text))
    return text


def choose(requested: tuple[Algorithm, ...], offered: tuple[str, ...]) -> tuple[Algorithm, ...]:
    """Those of the request that the kernel offers, in order of preference. HighwaterError where there is none."""
    found = tuple(algorithm for algorithm in requested if algorithm.name in offered)
    if not found:
        raise HighwaterError(
            "algorithm: this kernel has none of %s: choose from %s"
            % (", ".join(algorithm.name for algorithm in requested), ", ".join(offered)),
            algorithms=list(offered),
        )
    return found


def refuse_unknown(recompress: tuple[Recompression, ...], offered: tuple[str, ...]) -> None:
    """Raise HighwaterError where the kernel does not have one of them."""
    unknown = [each.name for each in recompress if each.name not in offered]
    if unknown:
        raise HighwaterError(
            "recompress: this kernel has no %s: choose from %s" % (", ".join(unknown), ", ".join(offered)),
            algorithms=list(offered),
        )


def without_params(option: str, algorithm: Algorithm | Recompression) -> Unsupported:
    """The error for a kernel that takes no parameters."""
    return Unsupported(
        "%s: this kernel takes no parameters for %s (%s): leave params out, or run Linux 6.12 or later"
        % (option, algorithm.name, ", ".join(algorithm.params)),
        reason="feature",
    )


def without_recompression() -> Unsupported:
    """The error for a kernel that cannot recompress."""
    return Unsupported(
        "recompress: this kernel cannot compress a second time: leave recompress out, or run Linux 6.2 or later with "
        "CONFIG_ZRAM_MULTI_COMP",
        reason="feature",
    )


def request(algorithms: tuple[Algorithm, ...]) -> list[list[Any]]:
    """A request as the record keeps it, in JSON's own types."""
    return [[algorithm.name, list(algorithm.params)] for algorithm in algorithms]


def recompress_request(recompress: tuple[Recompression, ...]) -> list[list[Any]]:
    """As request(), for recompress."""
    return [[each.name, each.priority, list(each.params)] for each in recompress]


def recorded_recompress(entry: Entry) -> tuple[Recompression, ...]:
    """What recompress_request() has left in a record."""
    return tuple(Recompression(name, number, tuple(params)) for name, number, params in entry.get("recompress", []))
