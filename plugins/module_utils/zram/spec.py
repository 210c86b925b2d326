# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted: options checked, sizes evaluated on the host, the algorithm settled where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, kept_size, live, settled
from ansible_collections.highwater.memory.plugins.module_utils.core.size import (
    Quantity,
    format_size,
    is_literal,
    machine_names,
    size_in_bytes,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import (
    Algorithm,
    Recompression,
    choose,
    parse_algorithms,
    parse_recompress,
    refuse_unknown,
    request,
    without_params,
    without_recompression,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import (
    MULTI_COMP,
    PAGE,
    WRITEBACK,
    State,
    node,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import refuse_backing, without_writeback

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.timer import Wanted

DEFAULT_SIZE = "min(ram / 2, 4GiB)"
DEFAULT_PRIORITY = 100
HIGHEST_PRIORITY = 32767  # swapon(2), SWAP_FLAG_PRIO_MASK
SMALLEST = 2**20  # mkswap(8) wants ten pages, which are 640 KiB where a page has 64 KiB
TABLE = 256  # the kernel's table for a device takes a 256th of its size at once, whatever it holds
LIMIT_ROOM = (5, 4)  # mem_limit is at least 1.25 times what the device uses now


class Present(NamedTuple):
    """A device as it is asked for; sizes in bytes, rounded up to a page as the kernel does it.

    algorithms: in order of preference; those that this kernel has where that can be known, else all.
    offered:    whether the kernel could be asked which ones it has.
    settled:    the one that an earlier run of the same request has settled on, or that the device has and keeps.
    keep:       whether the algorithm that the device has will do.
    sizes:      what the record keeps of how the sizes came about.
    recompress: algorithms for a second pass, by priority.
    writeback_device: path of the disk behind it, as it was asked for; empty for none.
    filesystem: None for swap.
    timers:     what is to recur on it.
    take_over:  whether who else sets it up is to be switched off.
    package:    what was installed to have the kernel module; empty for nothing.
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
    recompress: tuple[Recompression, ...] = ()
    writeback_device: str = ""
    filesystem: Optional[Filesystem] = None
    timers: tuple[Wanted, ...] = ()
    take_over: bool = False
    package: str = ""


class Absent(NamedTuple):
    """Devices that are to be gone; headroom in bytes. packages: what nobody needs any more once they are gone."""

    headroom: int
    now: bool
    packages: tuple[str, ...] = ()


def resolve_absent(params: dict[str, Any], states: tuple[State, ...]) -> Absent:
    """Raises HighwaterError for a headroom that is no size."""
    headroom = size_in_bytes("headroom", params["headroom"], names(states[0]), allow_zero=True) if states else 0
    now = params["apply"] == "now"
    return Absent(headroom, now, states[0].packages if now and states and are_the_last(states) else ())


def are_the_last(states: tuple[State, ...]) -> bool:
    """Whether nobody has a device any more once these are gone."""
    names = [state.name for state in states] + [state.temporary.name for state in states if state.temporary]
    theirs = any(state.theirs and state.device and state.device.size for state in states)
    return not theirs and all(other in names for state in states for other in state.others)


def resolve_present(params: dict[str, Any], state: State) -> Present:
    """Raises HighwaterError for input that cannot be, Unsupported where the kernel lacks what is asked for."""
    now = params["apply"] == "now"
    kept: Entry = {}
    size = _size("size", DEFAULT_SIZE if params["size"] is None else params["size"], state, kept)
    if size < SMALLEST:
        raise HighwaterError("size: %s is %s: a device has at least 1MiB" % (params["size"], format_size(size)))
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
        recompress=parse_recompress(params["recompress"]),
        writeback_device=params["writeback_device"] or "",
        filesystem=_filesystem(params, state, size),
        timers=_timers(params, state, kept),
        take_over=params["take_over"],
        package=params["package"] or "",
    )
    if now:
        _refuse_without_kernel(state)
    _refuse_without_init(params, state)
    if state.offered is not None:
        spec = spec._replace(algorithms=choose(requested, state.offered))
        if spec.algorithms[0].params and state.device and not state.device.params:
            raise without_params("algorithm", spec.algorithms[0])
        refuse_unknown(spec.recompress, state.offered)
    _refuse_without_features(spec, state)
    if state.backing:
        refuse_backing(state.backing, now)
    return _settle(spec, state)


def _timers(params: dict[str, Any], state: State, kept: dict[str, Any]) -> tuple[Wanted, ...]:
    if not state.timers:
        return ()  # that is asked for where there is any, or any is asked for
    from ansible_collections.highwater.memory.plugins.module_utils.zram.maintenance import resolve_maintenance

    return resolve_maintenance(
        params, state.name, state.unit.init, lambda option: _size(option, params[option], state, kept)
    )


def _filesystem(params: dict[str, Any], state: State, size: int) -> Filesystem | None:
    if state.mount_point is None or state.tools is None:
        return None
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_options import resolve_filesystem

    place = state.mount_point
    return resolve_filesystem(params, size, state.record, place, state.tools, state.users, state.groups)


def names(state: State) -> dict[str, Quantity]:
    """What a SIZE may refer to."""
    return machine_names(state.memory.total, state.memory.available, state.cpus)


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


# -- the algorithm that is settled ----------------------------------------------------------------


def _settle(spec: Present, state: State) -> Present:
    """What was settled once stays: a device made from the same request keeps its algorithm, whichever it was.

    A device of somebody else's making keeps its own where it has what would be chosen now.
    """
    device = state.device
    if device is not None and device.size:
        # The record may be about the next boot, which the device that is there settles nothing for.
        had, recorded = _recorded(live(state.record), spec)
        found = _named(spec.algorithms, device.algorithm)
        first = spec.algorithms[0]
        same = had == request(spec.requested) and recorded in (None, device.algorithm)
        alike = first is found and list(first.params) == dict(had).get(first.name, [])
        if found and (same or alike):
            return spec._replace(settled=found, keep=True)
    settled = _named(spec.algorithms, _recorded(state.record, spec)[1])
    if settled is None:
        return spec
    others = tuple(algorithm for algorithm in spec.algorithms if algorithm != settled)
    return spec._replace(settled=settled, algorithms=(settled,) + others)


def _recorded(entry: Entry, spec: Present) -> tuple[list[Any], str | None]:
    """The algorithms that were asked for, and the one that was settled where these are asked for again."""
    had = entry.get("algorithms", [])
    return had, entry.get("algorithm") if had == request(spec.requested) else None


def _named(algorithms: tuple[Algorithm, ...], name: str | None) -> Algorithm | None:
    return next((algorithm for algorithm in algorithms if algorithm.name == name), None)


# -- what the host must have ---------------------------------------------------------------------


def _refuse_without_kernel(state: State) -> None:
    """Raise Unsupported where the kernel has no zram at all."""
    if not state.available:
        raise Unsupported(
            "%s needs the kernel module zram, which the kernel that runs does not have: install the "
            "package with the rest of its modules, or a kernel with CONFIG_ZRAM" % state.name,
            reason="kernel_module_missing",
        )


def _refuse_without_init(params: dict[str, Any], state: State) -> None:
    if params["persistent"] and not state.unit.init:
        raise Unsupported(
            "persistent: true needs systemd or OpenRC, and neither runs on this host: write persistent: false "
            "to have %s until the next boot only" % state.name,
            reason="init",
        )


def _refuse_without_features(spec: Present, state: State) -> None:
    if spec.recompress and MULTI_COMP in state.lacks:
        raise without_recompression()
    for each in spec.recompress:
        if each.params and state.device and not state.device.params:
            raise without_params("recompress", each)
    if spec.writeback_device and WRITEBACK in state.lacks:
        raise without_writeback()


def refuse_tight_limit(spec: Present, used: int, says: str = "%s uses now", room: tuple[int, int] = LIMIT_ROOM) -> None:
    """Raise HighwaterError where mem_limit leaves the device too little room. used: the RAM that it needs, what for
    is said with its name; room: how much more than that the limit has to be, as times and of.
    """
    times, of = room
    if not spec.mem_limit or spec.mem_limit * of >= used * times:
        return
    raise HighwaterError(
        "mem_limit: %s is less than %sthe %s that %s: write at least %dKiB, or 0B for no limit"
        % (
            format_size(spec.mem_limit),
            "%g times " % (times / of) if times != of else "",
            format_size(used),
            says % spec.name,
            -(-used * times // of // 1024),
        ),
        reason="mem_limit",
    )


def refuse_large_table(spec: Present, state: State) -> None:
    """Raise HighwaterError where the kernel's own table for the device would not fit in RAM.

    Not where an earlier call has begun to move the pages of the device, which has asked before it did: nothing is left
    to say for a while then, and to stop there would leave the device without its swap.
    """
    if state.memory.leaving == node(spec.name) or (state.temporary and state.temporary.area):
        return
    table = spec.size // TABLE
    more = table - (state.device.size // TABLE if state.device else 0)
    # Whether headroom is there is for others to judge: memory may be short already, and no table make it worse.
    if more > max(state.memory.available - spec.headroom, state.memory.available // 2):
        raise HighwaterError(
            "size: %s would take %s of RAM for the device's table alone, where %s are available: "
            "write a smaller size, twice the RAM at most"
            % (format_size(spec.size), format_size(table), format_size(state.memory.available)),
            reason="headroom",
        )
