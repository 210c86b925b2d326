# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's side of a plan: steps to a device that is set up as asked for, and swapped on.

Pure: everything comes from Spec and State. In a kernel without the device nobody can say yet which algorithms
it has; there the plan says "the first of", and the action settles it when the device exists.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.core.record import (
    Entry,
    Forget,
    Remember,
    live,
    noting,
    recall,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import (
    Add,
    Load,
    Reset,
    SetUp,
    Unload,
    remove,
    swap_on,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import (
    Algorithm,
    Recompression,
    recorded_recompress,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import KINDS, Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import another
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import (
    Present,
    refuse_large_table,
    refuse_tight_limit,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import (
    KIND,
    MODULE,
    MODULE_KIND,
    Device,
    State,
    attribute,
    node,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import kept

# -- the device ----------------------------------------------------------------------------------


def device_steps(spec: Present, state: State) -> Plan:
    """From any state of the device to one in use as asked for; empty where it is. HighwaterError where that would do
    harm."""
    device = state.device
    if device is None:
        return _from_nothing(spec, state)
    wrong = _wrong(spec, state, device)
    if wrong:
        return _anew(spec, state, device, wrong)
    use = _filesystem_steps(spec.filesystem, spec, state, device) if spec.filesystem else _swap_steps(spec, state)
    return _limit_steps(spec, state) + use


# What follows imports mount.py where it is needed, which is not on a host that has what is asked for.


def _from_nothing(spec: Present, state: State) -> Plan:
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import (
        missing_folder,
        note_steps,
        refuse_mount_point,
    )

    refuse_mount_point(state)
    refuse_large_table(spec, state)
    note: Plan = (_note(state, {"created": True}),) + (() if state.loaded else (NOTE_LOADED,))
    if spec.filesystem:
        note += note_steps(spec.filesystem, state, spec.persistent, created=True)
    return note + fresh_steps(spec, state.loaded, missing_folder(state))


def _anew(spec: Present, state: State, device: Device, wrong: str) -> Plan:
    """A device that has to be reset. wrong: why."""
    from ansible_collections.highwater.memory.plugins.module_utils.zram import mount
    from ansible_collections.highwater.memory.plugins.module_utils.zram.let_go import let_go_steps

    refuse_foreign_data(state)
    mount.refuse_loss(state, wrong)
    moves = spec.filesystem is not None and not mount.is_at(device, spec.filesystem)
    if moves:
        mount.refuse_mount_point(state)
    refuse_large_table(spec, state)
    reset = reset_steps(state, device, wrong) if device.size else let_go_steps(state.name, device)
    # A reset forgets the limit; one that was set on a device without a size is still there.
    limit = 0 if reset else device.stat.mem_limit
    reset += mount.folder_steps(mount.in_use(state.made), wrong)
    if spec.filesystem and moves:
        reset += mount.note_steps(spec.filesystem, state, spec.persistent)
    if not state.record:  # only once it is empty: until then it is not ours
        created = state.loaded_by_us
        reset += (_note(state, {"created": created, **({} if created else {"had": device.algorithm})}),)
    return reset + _set_up_steps(spec, wrong, limit) + _first_use_steps(spec, mount.missing_folder(state))


def _filesystem_steps(wanted: Filesystem, spec: Present, state: State, device: Device) -> Plan:
    """A device that is set up as asked for gets its filesystem, mounted as asked for."""
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import is_at, use_steps

    # One of a cut-off run's, as asked for, has our label. One that we remember was taken before that was asked of it.
    if not (is_at(device, wanted) and state.record):
        refuse_foreign_data(state)
    return use_steps(wanted, state, spec.persistent)


def _wrong(spec: Present, state: State, device: Device) -> str:
    """Why the device has to be set up anew; empty where it has not."""
    if not device.size:
        return "it has no size yet"
    if device.size != spec.size:
        return "its size is %s" % format_size(device.size)
    if not spec.keep:
        return "its algorithm is %s" % device.algorithm
    if _recompression(spec.recompress) != (device.recompress or ()):
        again = ", ".join("%s at %d" % (name, number) for number, name in device.recompress or ())
        return "its recompression is %s" % (again or "none")
    if spec.recompress and recorded_recompress(live(state.record)) != spec.recompress:
        return "the parameters of its recompression are not known to be these"
    if (state.backing.path if state.backing else "") != (device.writeback_device or ""):
        return "the device behind it is %s" % (device.writeback_device or "none")
    if spec.filesystem is None and device.filesystem and state.area is None:
        return "it has a filesystem (%s)" % device.filesystem
    if spec.filesystem and (state.area or (device.swap and not device.filesystem)):
        return "it is swap"
    if spec.filesystem and device.filesystem not in (None, spec.filesystem.fstype):
        return "its filesystem is %s" % device.filesystem
    return ""


def _recompression(recompress: tuple[Recompression, ...]) -> tuple[tuple[int, str], ...]:
    return tuple((each.priority, each.name) for each in recompress)


NOTE_LOADED = Step(
    "note that the kernel module zram was not loaded before us",
    "",
    Remember(MODULE_KIND, MODULE, {"loaded": True}),
    (Forget(MODULE_KIND, MODULE),),
)


class NoteBefore(NamedTuple):
    """Write into our record what the device was before us, beside what this run has noted there so far."""

    name: str
    before: Entry

    def perform(self, host: Host) -> None:
        Remember(KIND, self.name, dict(kept(recall(host, KIND, self.name), host), **self.before)).perform(host)


def _note(state: State, before: Entry) -> Step:
    """Noted first, so that a run that is cut off does not leave a device that nobody takes away."""
    does = "note that %s was %s before us" % (state.name, "not there" if before["created"] else "there")
    return Step(does, "", NoteBefore(state.name, before), (noting(KIND, state.name, state.record),))


def fresh_steps(spec: Present, loaded: bool, missing: str) -> Plan:
    """From no device at all to one in use; this is the plan that the boot artefact writes down.

    loaded: whether the kernel's zram is there already; missing: the folder to be made, see mount.py.
    """
    number = int(spec.name[len("zram") :])
    load = () if loaded else (Step("load the kernel module zram", "it is not loaded", Load(), (Unload(),)),)
    # On the way back the module takes its devices along, so only one that was added alone is removed alone.
    undo = (remove(number),) if loaded else ()
    make = Step("make the device %s" % spec.name, "it does not exist", Add(number), undo)
    return load + (make,) + _set_up_steps(spec, "it is new", 0) + _first_use_steps(spec, missing)


def _set_up_steps(spec: Present, why: str, limit: int) -> Plan:
    """Order of the kernel: what the size seals comes before it."""
    reset = Reset(spec.name)
    what = "set up %s with %s, compressed by %s" % (spec.name, format_size(spec.size), _first(spec))
    if spec.recompress:
        what += ", again by %s" % ", ".join(each.words() for each in spec.recompress)
    if spec.writeback_device:
        what += ", %s behind it" % spec.writeback_device
    set_up = SetUp(spec.name, spec.algorithms, spec.size, spec.recompress, spec.writeback_device)
    return (_limit_step(spec, limit) if spec.mem_limit != limit else ()) + (Step(what, why, set_up, (reset,)),)


def _first_use_steps(spec: Present, missing: str) -> Plan:
    """From a device that has just been set up to one in use; missing: as above."""
    if spec.filesystem:
        from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import make_steps

        return make_steps(spec.name, spec.filesystem, missing)
    return (Step("format %s as swap" % node(spec.name), "", Run(("mkswap", node(spec.name)))),) + _swap_on_steps(spec)


def _first(spec: Present) -> str:
    words = [algorithm.words() for algorithm in spec.algorithms]
    return words[0] if spec.offered or len(words) == 1 else "the first of %s that this kernel has" % ", ".join(words)


def _limit_steps(spec: Present, state: State) -> Plan:
    device = state.device
    if device is None or device.stat.mem_limit == spec.mem_limit:
        return ()
    refuse_tight_limit(spec, device.stat.mem_used_total)
    return _limit_step(spec, device.stat.mem_limit)


def _limit_step(spec: Present, old: int) -> Plan:
    path = attribute(spec.name, "mem_limit")
    does = "limit %s to %s of RAM" % (spec.name, format_size(spec.mem_limit))
    if not spec.mem_limit:
        does = "lift the limit of %s" % spec.name
    return (
        Step(
            does,
            "it is %s" % (format_size(old) if old else "unlimited"),
            Write(path, str(spec.mem_limit)),
            (Write(path, str(old)),),
        ),
    )


# -- swap ----------------------------------------------------------------------------------------


def _swap_steps(spec: Present, state: State) -> Plan:
    """A device that is set up as asked for gets swapped on, with the priority asked for."""
    device, area = state.device, state.area
    if area is None:
        refuse_foreign_data(state)
        swap = device is not None and device.swap
        header = (
            ()
            if swap
            else (
                Step("format %s as swap" % node(spec.name), "it has no swap header", Run(("mkswap", node(spec.name)))),
            )
        )
        return header + _swap_on_steps(spec)
    if area.priority != spec.priority:
        return swap_off_steps(state, "its priority is %d" % area.priority) + _swap_on_steps(spec)
    if live(state.record).get("discard", spec.discard) != spec.discard:
        return swap_off_steps(state, "discard is %s" % ("off" if spec.discard else "on")) + _swap_on_steps(spec)
    return ()


def _swap_on_steps(spec: Present) -> Plan:
    path = node(spec.name)
    return (
        Step(
            "swap on %s with priority %d" % (path, spec.priority),
            "",
            swap_on(path, spec.priority, spec.discard),
            (SwapOff(path),),
        ),
    )


def swap_off_steps(state: State, why: str) -> Plan:
    """Swap the device off, where it is on. Where its pages go, and whether they may, is up to who plans with this:
    detour.py and removal.py.
    """
    area = state.area
    if area is None:
        return ()
    # A priority below 0 is the kernel's own choice, and swapon takes none such.
    again = (
        swap_on(area.path, area.priority, bool(live(state.record).get("discard")))
        if area.priority >= 0
        else Run(("swapon", area.path))
    )
    return (Step("swap off %s" % area.path, why, SwapOff(area.path), (again,)),)


def reset_steps(state: State, device: Device, why: str) -> Plan:
    """Out of use (swapped off, unmounted) and reset, with the way back: everything set again as it was, empty."""
    name = state.name
    back: tuple[object, ...] = ()
    if device.algorithm:
        limit = (Write(attribute(name, "mem_limit"), str(device.stat.mem_limit)),) if device.stat.mem_limit else ()
        back = limit + (as_it_was(state, device),)
        back += (Run(("mkswap", node(name))),) if device.swap else ()
        if device.filesystem:
            back += (Run(KINDS[device.filesystem].mkfs + (node(name),)),)
    reset = Reset(name)
    if device.mounts:
        from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import throw_away_steps

        return throw_away_steps(state, device, reset, why, back)
    return swap_off_steps(state, why) + (Step("reset %s" % name, why, reset, back),)


def as_it_was(state: State, device: Device) -> SetUp:
    """The action that sets a device up again as it is; parameters cannot be read, so they are those of our record."""
    had = {each.priority: each for each in recorded_recompress(live(state.record))}
    return SetUp(
        state.name,
        (_as_recorded(state, device.algorithm or ""),),
        device.size,
        tuple(had.get(number, Recompression(name, number)) for number, name in device.recompress or ()),
        device.writeback_device or "",
    )


def _as_recorded(state: State, name: str) -> Algorithm:
    had = {algorithm: tuple(params) for algorithm, params in live(state.record).get("algorithms", [])}
    return Algorithm(name, had.get(name, ()))


def refuse_foreign_data(state: State, going: bool = False) -> None:
    """Raise HighwaterError where the device holds something that is not swap and not ours: a reset would lose it.

    going: whether it is to be gone, for which no other will do.
    """
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mount import is_ours

    device = state.device
    if device is None or state.area is not None or is_ours(state):
        return
    instead = "" if going else "choose another device such as %s, or " % another(state.name)
    if device.used_by:
        raise HighwaterError(
            "name: %s %s: %sgive that one up first" % (node(state.name), device.used_by, instead),
            reason="in_use",
        )
    if not device.swap and device.stat.orig_data_size:
        raise HighwaterError(
            "name: %s holds %s of data that is not swap: %sthrow them away first (zramctl --reset %s)"
            % (node(state.name), format_size(device.stat.orig_data_size), instead, node(state.name)),
            reason="in_use",
        )
