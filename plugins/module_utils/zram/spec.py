# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted: options checked, sizes evaluated on the host, the algorithm settled where it can be."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, kept_size, settled
from ansible_collections.highwater.memory.plugins.module_utils.core.size import (
    BYTES,
    PLAIN,
    Quantity,
    format_size,
    is_literal,
    size_in_bytes,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import PAGE, State, refuse_without_kernel

DEFAULT_SIZE = "min(ram / 2, 4GiB)"
DEFAULT_ALGORITHM = ("zstd", "lzo-rle", "lz4", "lzo")
DEFAULT_PRIORITY = 100
HIGHEST_PRIORITY = 32767  # swapon(2), SWAP_FLAG_PRIO_MASK
SMALLEST = 2**20  # mkswap(8) wants ten pages, which are 640 KiB where a page has 64 KiB
TABLE = 256  # the kernel's table for a device takes a 256th of its size at once, whatever it holds
LIMIT_ROOM = (5, 4)  # mem_limit is at least 1.25 times what the device uses now


class Algorithm(NamedTuple):
    """One item of ``algorithm``: the kernel's name of it, and parameters as ``level=3`` in order of name."""

    name: str
    params: tuple[str, ...] = ()

    def words(self) -> str:
        return " ".join((self.name,) + self.params)


class Present(NamedTuple):
    """A device as it is asked for; sizes in bytes, rounded up to a page as the kernel does it.

    algorithms: in order of preference; those that this kernel has where that can be known, else all.
    offered:    whether the kernel could be asked which ones it has.
    settled:    the one that an earlier run of the same request has settled on, or that the device has and keeps.
    keep:       whether the algorithm that the device has will do.
    sizes:      what the record keeps of how the sizes came about.
    """

    name: str
    size: int
    algorithms: tuple[Algorithm, ...]
    requested: tuple[Algorithm, ...]
    offered: bool
    settled: Optional[Algorithm]
    keep: bool
    mem_limit: int
    priority: int
    discard: bool
    headroom: int
    persistent: bool
    now: bool
    sizes: Entry


class Absent(NamedTuple):
    """Devices that are to be gone; headroom in bytes."""

    headroom: int
    now: bool


def resolve_absent(params: dict[str, Any], states: tuple[State, ...]) -> Absent:
    """Raises HighwaterError for a headroom that is no size."""
    headroom = size_in_bytes("headroom", params["headroom"], names(states[0]), allow_zero=True) if states else 0
    return Absent(headroom, params["apply"] == "now")


def resolve_present(params: dict[str, Any], state: State) -> Present:
    """Raises HighwaterError for input that cannot be, Unsupported where the kernel lacks what is asked for."""
    now = params["apply"] == "now"
    kept: Entry = {}
    size = _size("size", DEFAULT_SIZE if params["size"] is None else params["size"], state, kept)
    if size < SMALLEST:
        raise HighwaterError("size: %s is %s: a swap device has at least 1MiB" % (params["size"], format_size(size)))
    limit = _size("mem_limit", params["mem_limit"], state, kept) if params["mem_limit"] is not None else 0
    requested = parse_algorithms(params["algorithm"])
    spec = Present(
        name=state.name,
        size=size,
        algorithms=requested,
        requested=requested,
        offered=state.offered is not None,
        settled=None,
        keep=False,
        mem_limit=limit,
        priority=_priority(params["priority"]),
        discard=params["discard"],
        headroom=size_in_bytes("headroom", params["headroom"], names(state), allow_zero=True),
        persistent=params["persistent"],
        now=now,
        sizes=kept,
    )
    if now:
        refuse_without_kernel(state)
    _refuse_without_init(params, state)
    if state.offered is not None:
        spec = spec._replace(algorithms=choose(requested, state.offered))
        _refuse_params(spec.algorithms[0], state)
    return _settle(spec, state)


def names(state: State) -> dict[str, Quantity]:
    """What a SIZE may refer to."""
    return {
        "ram": Quantity(state.memory.total, BYTES),
        "available": Quantity(state.memory.available, BYTES),
        "cpus": Quantity(state.cpus, PLAIN),
    }


def _size(option: str, expression: str, state: State, kept: Entry) -> int:
    """The bytes of an option, as settled by an earlier run where that still counts; noted in ``kept``."""
    ram = 0 if is_literal(expression) else state.memory.total  # a literal is exact, whatever the RAM
    size = kept_size(state.record, option, expression, ram)
    if size is None:
        size = size_in_bytes(option, expression, names(state), allow_zero=option == "mem_limit")
        size = -(-size // PAGE) * PAGE
        kept[option] = settled(expression, ram, size)
    else:
        kept[option] = state.record["sizes"][option]
    return size


def _priority(priority: int | None) -> int:
    if priority is None:
        return DEFAULT_PRIORITY
    if not 0 <= priority <= HIGHEST_PRIORITY:
        raise HighwaterError(
            "priority: %d is out of range: write a number from 0 to %d, the higher is used first"
            % (priority, HIGHEST_PRIORITY)
        )
    return priority


# -- algorithms ----------------------------------------------------------------------------------


def parse_algorithms(items: list[Any] | None) -> tuple[Algorithm, ...]:
    """The option ``algorithm``: names, or dicts of name and params. Raises HighwaterError."""
    if items is None:
        return tuple(Algorithm(name) for name in DEFAULT_ALGORITHM)
    if not items:
        raise HighwaterError("algorithm: the list is empty: write at least one, such as [zstd, lzo-rle]")
    return tuple(_algorithm(item) for item in items)


def _algorithm(item: Any) -> Algorithm:
    entry = item if isinstance(item, dict) else {"name": item}
    name, params = entry.get("name"), entry.get("params") or {}
    if not isinstance(name, str) or not re.match(r"[a-z0-9][a-z0-9_-]*\Z", name) or set(entry) - {"name", "params"}:
        raise HighwaterError(
            "algorithm: %r is no algorithm: write a name such as zstd, or {name: zstd, params: {level: 3}}" % (item,)
        )
    if not isinstance(params, dict):
        raise HighwaterError("algorithm: the params of %s are %r: write a dict such as {level: 3}" % (name, params))
    return Algorithm(name, tuple(_parameter(name, key, params[key]) for key in sorted(params)))


def _parameter(name: str, key: Any, value: Any) -> str:
    text = "%s=%s" % (key, value)
    if not re.match(r"(level=-?\d+|dict=/[\w./+-]+|[a-z]+\.[a-z_]+=-?\d+)\Z", text, re.ASCII):
        raise HighwaterError("algorithm: params of %s have %s: write level: NUMBER or dict: /a/path" % (name, text))
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


def _refuse_params(algorithm: Algorithm, state: State) -> None:
    if algorithm.params and state.device and not state.device.params:
        raise without_params(algorithm)


def without_params(algorithm: Algorithm) -> Unsupported:
    """The error for a kernel that takes no parameters."""
    return Unsupported(
        "algorithm: this kernel takes no parameters for %s (%s): leave params out, or run Linux 6.12 or "
        "later" % (algorithm.name, ", ".join(algorithm.params)),
        reason="feature",
    )


def request(algorithms: tuple[Algorithm, ...]) -> list[list[Any]]:
    """A request as the record keeps it, in JSON's own types."""
    return [[algorithm.name, list(algorithm.params)] for algorithm in algorithms]


def _settle(spec: Present, state: State) -> Present:
    """What was settled once stays: a device made from the same request keeps its algorithm, whichever it was.

    A device of somebody else's making keeps its own where it has what would be chosen now.
    """
    device, had = state.device, state.record.get("algorithms", [])
    recorded = state.record.get("algorithm") if had == request(spec.requested) else None
    if device is not None and device.size:
        found = _named(spec.algorithms, device.algorithm)
        first = spec.algorithms[0]
        same = had == request(spec.requested) and recorded in (None, device.algorithm)
        alike = first is found and list(first.params) == dict(had).get(first.name, [])
        if found and (same or alike):
            return spec._replace(settled=found, keep=True)
    settled = _named(spec.algorithms, recorded)
    if settled is None:
        return spec
    others = tuple(algorithm for algorithm in spec.algorithms if algorithm != settled)
    return spec._replace(settled=settled, algorithms=(settled,) + others)


def _named(algorithms: tuple[Algorithm, ...], name: str | None) -> Algorithm | None:
    return next((algorithm for algorithm in algorithms if algorithm.name == name), None)


# -- what the host must have ---------------------------------------------------------------------


def _refuse_without_init(params: dict[str, Any], state: State) -> None:
    if params["persistent"] and not state.bootable:
        raise Unsupported(
            "persistent: true needs systemd, which does not run on this host: write persistent: false "
            "to have %s until the next boot only" % state.name,
            reason="init",
        )


def refuse_tight_limit(spec: Present, state: State) -> None:
    """Raise HighwaterError where mem_limit leaves the device as it is now too little room."""
    used = state.device.stat.mem_used_total if state.device else 0
    times, of = LIMIT_ROOM
    if spec.mem_limit and spec.mem_limit * of < used * times:
        raise HighwaterError(
            "mem_limit: %s is less than 1.25 times the %s that %s uses now: write at least %dKiB, "
            "or 0B for no limit"
            % (format_size(spec.mem_limit), format_size(used), spec.name, -(-used * times // of // 1024)),
            reason="mem_limit",
        )


def refuse_large_table(spec: Present, state: State) -> None:
    """Raise HighwaterError where the kernel's own table for the device would not fit in RAM."""
    table = spec.size // TABLE
    if table > state.memory.available - spec.headroom:
        raise HighwaterError(
            "size: %s would take %s of RAM for the device's table alone, where %s are available: "
            "write a smaller size, twice the RAM at most"
            % (format_size(spec.size), format_size(table), format_size(state.memory.available)),
            reason="headroom",
        )
