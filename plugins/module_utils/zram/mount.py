# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps to a filesystem that is mounted, and back; the device below it is device.py's."""

from __future__ import annotations

import os

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import constant
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, Remember, noting
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount, is_whole
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import Reset
from ansible_collections.highwater.memory.plugins.module_utils.zram.filesystem import KINDS, Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.zram.mount_point import Made
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND, Device, State, mounted_with, node
from ansible_collections.highwater.memory.plugins.module_utils.zram.unmount import Unmount, some

MADE_MODE = 0o755  # of the root folder as every mkfs makes it, which belongs to root
# Options that every mount shows when they are on, so that one set by hand is seen; and what turns them off.
SHOWN = {
    "ro": "rw",
    "nosuid": "suid",
    "nodev": "dev",
    "noexec": "exec",
    "noatime": "relatime",
    "nodiratime": "diratime",
}
# Options of any mount; all others are the filesystem's own, which it may take when it is mounted and not later.
GENERAL = set(SHOWN) | set(SHOWN.values()) | {"defaults", "atime", "strictatime", "lazytime", "nolazytime"}


class Folder(NamedTuple):
    """Make a folder to mount at, and those above it."""

    path: str

    def perform(self, host: Host) -> None:
        host.make_folder(self.path)

    def boot_commands(self) -> tuple[str, ...]:
        return ("umask 022 && mkdir -p %s" % constant(self.path),)


class RemoveFolder(NamedTuple):
    """Remove a folder that we have made, and those above it up to ``uppermost``, as long as they are empty."""

    path: str
    uppermost: str

    def perform(self, host: Host) -> None:
        host.remove_empty_folders(self.path, above=os.path.dirname(self.uppermost))


def is_at(device: Device, wanted: Filesystem) -> bool:
    """Whether the device is mounted where it is to be."""
    return device.main is not None and device.main.point == wanted.mount_point


def is_ours(state: State) -> bool:
    """Whether the filesystem on the device was made by us: all that we make have our label, mounted or not.

    Our record says what is to be there, which with apply: next_boot is not what is there yet.
    """
    return state.device is not None and state.device.ours


def missing_folder(state: State) -> str:
    """The uppermost folder that has to be made to mount at; empty for none."""
    return state.mount_point.missing if state.mount_point else ""


# -- steps ---------------------------------------------------------------------------------------


def make_steps(name: str, wanted: Filesystem, missing: str, why: str = "") -> Plan:
    """From a device that is set up to a filesystem that is mounted; the boot writes this down.

    missing: the uppermost folder that has to be made to mount at; empty for none.
    """
    make = Step("make %s on %s" % (wanted.fstype, node(name)), why, Run(KINDS[wanted.fstype].mkfs + (node(name),)))
    root: Plan = (_owner_step(wanted, ""),) if (wanted.owner, wanted.group) != (0, 0) else ()
    root += (_mode_step(wanted, ""),) if wanted.mode != MADE_MODE else ()
    return (make,) + mount_steps(name, wanted, missing) + root + _label_steps(wanted, "a new filesystem has none")


def _label_steps(wanted: Filesystem, why: str) -> Plan:
    if not wanted.relabel:
        return ()
    does = "give %s SELinux's label of the place" % wanted.mount_point
    return (Step(does, why, Run(("restorecon", wanted.mount_point))),)


def mount_steps(name: str, wanted: Filesystem, missing: str, why: str = "") -> Plan:
    """Mount a filesystem that is there; missing: as above."""
    place, device, options = wanted.mount_point, node(name), ",".join(wanted.options)
    undo = (RemoveFolder(place, missing),)
    make = (Step("make the folder %s" % place, "to mount at", Folder(place), undo),) if missing else ()
    mount = Run(("mount", "-t", wanted.fstype, "-o", options, device, place))
    return make + (Step("mount %s at %s with %s" % (device, place, options), why, mount, (Unmount(place),)),)


def _mount_again_steps(state: State, wanted: Filesystem, why: str) -> Plan:
    """Mount a filesystem of which only the kernel could say, once it is mounted, whose its root folder is."""
    root = (_owner_step(wanted, ""), _mode_step(wanted, ""))
    label = _label_steps(wanted, "it may have another's")
    return mount_steps(state.name, wanted, missing_folder(state), why) + root + label


def _owner_step(wanted: Filesystem, why: str, old: str = "") -> Step:
    owner = "%d:%d" % (wanted.owner, wanted.group)
    undo = (Run(("chown", old, wanted.mount_point)),) if old else ()
    return Step("give %s to %s" % (wanted.mount_point, owner), why, Run(("chown", owner, wanted.mount_point)), undo)


def _mode_step(wanted: Filesystem, why: str, old: str = "") -> Step:
    undo = (Run(("chmod", old, wanted.mount_point)),) if old else ()
    does = "set the mode of %s to %04o" % (wanted.mount_point, wanted.mode)
    return Step(does, why, Run(("chmod", "%04o" % wanted.mode, wanted.mount_point)), undo)


def note_steps(wanted: Filesystem, state: State, persistent: bool, **more: bool) -> Plan:
    """Noted first, so that a run that is cut off does not leave a folder that nobody takes away, or a filesystem of
    which nobody knows whose it was to be. more: of the record, what is noted at the same time.
    """
    entry = dict(state.record, filesystem=recorded(wanted, state, persistent), **more)
    if entry == state.record:
        return ()
    missing = missing_folder(state)
    does = "note that %s was not there before us" % missing if missing else "note whose %s is" % wanted.mount_point
    undo = noting(KIND, state.name, state.record)
    return (Step(does, "", Remember(KIND, state.name, entry), (undo,)),)


def use_steps(wanted: Filesystem, state: State, persistent: bool) -> Plan:
    """From a device that is set up as asked for to its filesystem, mounted as asked for; empty where it is."""
    device = state.device
    if device is None or state.mount_point is None:
        return ()
    main = device.main
    if main is None:
        refuse_mount_point(state)
        note = note_steps(wanted, state, persistent)
        if device.filesystem == wanted.fstype:
            return note + _mount_again_steps(state, wanted, "it is not mounted")
        return note + make_steps(state.name, wanted, missing_folder(state), "it has no filesystem")
    if not is_at(device, wanted):
        refuse_mount_point(state)
        why = "it is mounted elsewhere"
        left = tuple(made for made in state.made if made.path == main.point)
        leave = unmount_steps(state, (main,), why) + folder_steps(left, why)
        return leave + note_steps(wanted, state, persistent) + _mount_again_steps(state, wanted, "")
    return _remount_steps(wanted, state, device, main) + _root_steps(wanted, state)


def _remount_steps(wanted: Filesystem, state: State, device: Device, mount: Mount) -> Plan:
    had = tuple(mounted_with(state.record)) or wanted.options
    live = {option for option in mount.options if option in SHOWN}
    asked = {option for option in wanted.options if option in SHOWN}
    discards = any(option.startswith("discard") for option in mount.of_filesystem)
    general = live == asked and set(had) & GENERAL == set(wanted.options) & GENERAL
    own = _of_filesystem(had) == _of_filesystem(wanted.options) and discards == _discards(wanted.options)
    if general and own:
        return ()
    why = "it has %s" % ",".join(mount.options + mount.of_filesystem)
    if not own and (not KINDS[wanted.fstype].remounts or _of_filesystem(had) != _of_filesystem(wanted.options)):
        again = mount_steps(state.name, wanted, "") + _bound_again(wanted, device, mount)
        return unmount_steps(state, device.mounts, why) + again
    undo = _remount(state.name, wanted, sorted(live) + [option for option in had if option not in SHOWN], asked - live)
    return (
        Step(
            "mount %s again with %s" % (wanted.mount_point, ",".join(wanted.options)),
            why,
            _remount(state.name, wanted, list(wanted.options), live - asked),
            (undo,),
        ),
    )


def _bind(whole: str, mount: Mount) -> Run:
    """Mount it again from where the whole filesystem is."""
    return Run(("mount", "--bind", whole + mount.root.rstrip("/"), mount.point))


def _bound_again(wanted: Filesystem, device: Device, main: Mount) -> Plan:
    """What somebody has bound of it elsewhere, and had to be unmounted with it."""
    others = tuple(mount for mount in device.mounts if mount != main)
    return tuple(
        Step(
            "bind %s again" % mount.point,
            "it was bound there",
            _bind(wanted.mount_point, mount),
            (Unmount(mount.point),),
        )
        for mount in others
    )


def _of_filesystem(options: tuple[str, ...]) -> set[str]:
    return {option for option in options if option not in GENERAL and option not in ("discard", "nodiscard")}


def _discards(options: tuple[str, ...]) -> bool:
    return any(option.split("=")[0] == "discard" for option in options)


def _remount(name: str, wanted: Filesystem, options: list[str], off: set[str]) -> Run:
    """Remount with these options; what is to go off has to be said, or the kernel keeps it."""
    words = ["remount"] + [SHOWN[option] for option in sorted(off)] + options
    return Run(("mount", "-o", ",".join(words), node(name), wanted.mount_point))


def _root_steps(wanted: Filesystem, state: State) -> Plan:
    place, steps = state.mount_point, []
    if place is None or place.owner is None or place.group is None or place.mode is None:
        return ()
    if (place.owner, place.group) != (wanted.owner, wanted.group):
        owner = "%d:%d" % (place.owner, place.group)
        steps.append(_owner_step(wanted, "it belongs to %s" % owner, owner))
    if place.mode != wanted.mode:
        mode = "%04o" % place.mode
        steps.append(_mode_step(wanted, "it is %s" % mode, mode))
    return tuple(steps)


def unmount_steps(state: State, mounts: tuple[Mount, ...], why: str) -> Plan:
    """Unmount these, last first, with the way back."""
    steps = zip(mounts, _as_mounted(state, mounts))
    return tuple(Step("unmount %s" % mount.point, why, Unmount(mount.point), (back,)) for mount, back in steps)[::-1]


def _as_mounted(state: State, mounts: tuple[Mount, ...]) -> tuple[Run, ...]:
    """Actions that mount all again as it was. Parts are bound from the whole: after it, and not without it."""
    whole = next((mount for mount in mounts if is_whole(mount)), None)
    if whole is None:
        return ()
    options = ",".join(mounted_with(state.record)) or "defaults"
    return tuple(
        Run(("mount", "-t", mount.fstype, "-o", options, node(state.name), mount.point))
        if is_whole(mount)
        else _bind(whole.point, mount)
        for mount in mounts
    )


def _root_as_it_was(state: State, device: Device) -> tuple[Run, ...]:
    """Actions that give the root folder of a filesystem that was made again to whom the one before it belonged: as it
    is seen where that is what was looked at, else as our record has it."""
    place, had = state.mount_point, state.record.get("filesystem") or {}
    if place and place.seen in device.mounts:
        had = dict(place._asdict(), mount_point=place.path)
    point = str(had.get("mount_point"))
    if all(mount.point != point for mount in device.mounts) or had["mode"] is None:
        return ()
    return (
        Run(("chown", "%d:%d" % (had["owner"], had["group"]), point)),
        Run(("chmod", "%04o" % had["mode"], point)),
    )


class ThrowAway(NamedTuple):
    """Unmount and reset in one go: cut off in between, a run would leave a filesystem of which the next one could not
    know whether there is something in it."""

    unmounts: tuple[Unmount, ...]
    reset: Reset
    again: tuple[Run, ...]

    def perform(self, host: Host) -> None:
        for unmount in self.unmounts:
            unmount.perform(host)
        try:
            self.reset.perform(host)
        except (HighwaterError, OSError):
            for mount in self.again:
                mount.perform(host)
            raise


def throw_away_steps(state: State, device: Device, reset: Reset, why: str, back: tuple[object, ...]) -> Plan:
    """Unmount a device and reset it. back: actions that set it up again, with an empty filesystem."""
    points = tuple(mount.point for mount in reversed(device.mounts))
    action = ThrowAway(tuple(Unmount(point) for point in points), reset, _as_mounted(state, device.mounts))
    whole = tuple(mount for mount in device.mounts if is_whole(mount))  # the parts went with what was in it
    undo = back + _as_mounted(state, whole) + _root_as_it_was(state, device)
    return (Step("unmount %s and reset %s" % (", ".join(points), state.name), why, action, undo),)


def folder_steps(folders: tuple[Made, ...], why: str) -> Plan:
    """Remove mount points that are none any more, which we have made."""
    return tuple(
        Step("remove the folder %s" % path, why, RemoveFolder(path, uppermost), (Folder(path),))
        for path, uppermost, _mounted in folders
    )


def unused(folders: tuple[Made, ...]) -> tuple[Made, ...]:
    """Those at which nothing is mounted now."""
    return tuple(made for made in folders if not made.mounted)


def in_use(folders: tuple[Made, ...]) -> tuple[Made, ...]:
    """Those at which the device still is mounted."""
    return tuple(made for made in folders if made.mounted)


# -- our record ------------------------------------------------------------------------------------


def recorded(wanted: Filesystem, state: State, persistent: bool) -> Entry:
    """What we remember of a filesystem, in JSON's own types.

    made: the uppermost folder that was not there before us, empty for none.
    masked: whether we keep a unit from mounting there.
    before: whose the folder was that it covers, which nothing else tells once it is mounted.
    """
    place, had = state.mount_point, state.record.get("filesystem") or {}
    same = had.get("mount_point") == wanted.mount_point
    noted = dict(state.record.get("folders", ()))
    made = had["made"] if same else noted.get(wanted.mount_point, missing_folder(state))
    for folder in state.made:
        if made.startswith(folder.uppermost + "/"):
            made = folder.uppermost  # a move from one folder that we have made to another
    vendor = place is not None and place.vendor is not None
    asked = wanted._asdict()
    del asked["relabel"]  # the host's, not asked for
    before = had.get("before") if same else _covered(state)
    return dict(
        {"before": before, **asked} if before else asked,
        options=list(wanted.options),
        made=made,
        masked=persistent and ((same and had["masked"]) or (vendor and place is not None and not place.masked)),
    )


def _covered(state: State) -> Entry:
    """Whose the folder is that is to be mounted over; empty where it is covered already."""
    place, device = state.mount_point, state.device
    if place is None or (device and place.seen in device.mounts):
        return {}
    return {"owner": place.owner, "group": place.group, "mode": place.mode}


# -- refusals ------------------------------------------------------------------------------------


def refuse_mount_point(state: State) -> None:
    """Raise HighwaterError where what stands at the mount point keeps a filesystem from being mounted there now."""
    place = state.mount_point
    if place is None or not place.content:
        return
    raise HighwaterError(
        "mount_point: %s is not empty (%s), and what is in it would be out of reach below the filesystem: move it "
        "away, or use apply: next_boot, which mounts before anything uses it" % (place.path, some(place.content)),
        reason="mount_point",
    )


def refuse_loss(state: State, why: str) -> None:
    """Raise HighwaterError where the filesystem on the device would be lost with something in it."""
    device = state.device
    if device is None or not device.filesystem:
        return
    if device.main is None:
        part = " as a whole" if device.mounts else ""
        what = "it has a filesystem that is not mounted%s (%s)" % (part, device.filesystem)
    elif device.content:
        what = "%s is not empty (%s)" % (device.main.point, some(device.content))
    else:
        return
    raise HighwaterError(
        "%s has to be set up anew (%s), which would lose its filesystem, and %s: use apply: next_boot, which starts "
        "with an empty one, or empty it first" % (node(state.name), why, what),
        reason="in_use",
    )
