# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""emergency_swap for the runner: a swapfile for tonight where there is the most room, a note that says so, and a list
of what the next boot removes.

All that is about the file itself is the resource of module swapfile; what is decided here is whether, where and how
large.
"""

from __future__ import annotations

import time
from shlex import quote
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import cpus, runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Quantity
from ansible_collections.highwater.memory.plugins.module_utils.core.record import remembered
from ansible_collections.highwater.memory.plugins.module_utils.core.size import (
    format_size,
    machine_names,
    size_in_bytes,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory, observe_memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.disk.filesystems import Filesystem, filesystems
from ansible_collections.highwater.memory.plugins.module_utils.emergency.farewell import (
    LIST,
    NAME,
    NOTE,
    farewell,
    notes_away,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource as swapfile
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import ABILITIES, ability
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import refuse_folders
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND, draft_path

IN_MEMORY = ("/dev/zram", "/dev/ram")  # devices that are memory themselves, whatever filesystem is on them
DEFAULT_SIZE = "min(max(ram / 2, 1GiB), disk_free * 50%)"
DEFAULT_ONLY_BELOW = "ram * 10%"


class State(NamedTuple):
    """What the decision depends on.

    filesystems: that could hold the file, by their kind; first the one that it is for, then by room.
    paths:       emergency swapfiles that are there, or of which our record knows.
    files:       swapfiles as swapfile.observe() has them; empty where none is there and none is wanted.
    note:        the text that people see; None where there is none.
    list:        what the next boot removes (farewell.py); None where there is no such list.
    systemd:     whether the host boots by systemd, which reads that list.
    """

    memory: Memory
    cpus: int
    filesystems: tuple[Filesystem, ...]
    paths: tuple[str, ...]
    files: tuple[Any, ...]
    note: Optional[str]
    list: Optional[str]
    systemd: bool

    @property
    def active(self) -> Optional[str]:
        """The emergency swapfile that is on."""
        return next((path for path in self.paths if self.memory.area(path)), None)


class Spec(NamedTuple):
    """wanted: whether there is to be emergency swap; below: whether memory has fallen below only_below (bytes)."""

    wanted: bool
    below: bool
    only_below: int
    files: tuple[Any, ...]


def observe(host: Host, params: dict[str, Any]) -> State:
    """The memory, the disks, and what emergency swap there is.

    What the call before this one has begun is gone on with, where it was begun: meanwhile memory may be more and room
    less.
    """
    suitable = sorted(filter(_suits, filesystems(host)), key=lambda one: (not _is_begun(host, one), -one.free))
    paths = _paths(host, suitable)
    texts = host.read(NOTE), host.read(LIST)
    bare = State(observe_memory(host), cpus(host), tuple(suitable), paths, (), *texts, runs_systemd(host))
    begun = bool(suitable) and _is_begun(host, suitable[0])
    if params["state"] == "present" and not bare.active and not begun and not _is_below(params, bare):
        return bare
    return _with_files(host, params, bare)


def _with_files(host: Host, params: dict[str, Any], bare: State) -> State:
    """The files that are to be there or to go. A new one is put where there is the most room of where it can be: a disk
    of data often belongs to its program.
    """
    tries = [bare]
    if params["state"] == "present" and not bare.active:
        rest = bare.filesystems
        tries += [bare._replace(filesystems=(one, *(each for each in rest if each != one))) for one in rest[1:]]
    found = []
    for state in tries:
        files = tuple(file for one in _options(params, state) for file in swapfile.observe(host, one))
        found.append(state._replace(files=files))
        if all(map(_can_hold, files)):
            return found[-1]
    return found[0]  # which says why not


def _can_hold(file: Any) -> bool:
    """Whether swapfile takes its filesystem and its folder."""
    try:
        if file.filesystem is not None:
            ability(file.filesystem, file.path)
        refuse_folders(file)
    except HighwaterError:
        return False
    return True


def _is_begun(host: Host, one: Filesystem) -> bool:
    """Whether a part of the file is written, not yet under its name, since this machine has booted."""
    return host.exists(NOTE) and host.exists(draft_path(_path(one)))


def _suits(one: Filesystem) -> bool:
    return one.writable and one.kind in ABILITIES and not one.source.startswith(IN_MEMORY)


def _paths(host: Host, suitable: list[Filesystem]) -> tuple[str, ...]:
    """By their name, so that one is found after a reboot too, and without any record."""
    there = [_path(one) for one in suitable if host.exists(_path(one))]
    known = [path for path in remembered(host, KIND) if path.endswith("/" + NAME)]
    return tuple(dict.fromkeys(there + known))


def _path(filesystem: Filesystem) -> str:
    return "%s/%s" % (filesystem.mount_point.rstrip("/"), NAME)


def _options(params: dict[str, Any], state: State) -> list[dict[str, Any]]:
    """Those of module swapfile, for each file that is to be there or to go."""
    options = {
        "state": params["state"],
        "size": params["size"],
        "method": "auto",
        # None is below all that is on: swap that nobody gave a priority has one below 0, each lower than the last.
        "priority": None,
        "discard": "none",
        "nofail": True,
        "label": None,
        "encrypted": False,
        "keep_free": params["keep_free"],
        "headroom": params["headroom"],
        "persistent": False,
        "apply": "now",
        "on_unsupported": params["on_unsupported"],
    }
    if params["state"] == "absent":
        return [dict(options, path=path) for path in state.paths]
    if state.active:
        area = state.memory.area(state.active)
        kept = area.priority if area and area.priority >= 0 else None  # another one would mean a swapoff
        return [dict(options, path=state.active, priority=kept)]
    if not state.filesystems:
        raise Unsupported(
            "no filesystem of this host can hold a swapfile: they would have to be mounted for writing and one of %s"
            % ", ".join(sorted(ABILITIES)),
            reason="filesystem",
        )
    return [dict(options, path=_path(state.filesystems[0]))]


def _names(state: State, **more_bytes: int) -> dict[str, Quantity]:
    return machine_names(state.memory.total, state.memory.available, state.cpus, **more_bytes)


def _only_below(params: dict[str, Any], state: State) -> int:
    return size_in_bytes("only_below", params["only_below"], _names(state))


def _check_sizes(params: dict[str, Any], state: State) -> None:
    """Raise HighwaterError for a size that cannot be read, on a host that has enough, too: whoever tries the playbook
    by day wants to know by day.
    """
    free, total = (state.filesystems[0].free, state.filesystems[0].size) if state.filesystems else (0, 0)
    names = _names(state, disk_free=free, disk_total=total)
    for option, percent_of in (("size", "ram"), ("keep_free", "disk_total"), ("headroom", "ram")):
        if (option, str(params[option]).strip()) != ("size", "auto"):
            size_in_bytes(option, params[option], names, percent_of=percent_of, allow_zero=True)


def _is_below(params: dict[str, Any], state: State) -> bool:
    return state.memory.available < _only_below(params, state)


def resolve(params: dict[str, Any], state: State) -> Spec:
    """Raises HighwaterError for bad input, and for what swapfile refuses."""
    only_below, present = _only_below(params, state), params["state"] == "present"
    _check_sizes(params, state)
    files: tuple[Any, ...] = ()
    if state.files:
        pairs = zip(_options(params, state), state.files)
        files = tuple(
            spec
            for options, file in pairs
            for spec in swapfile.resolve(dict(options, size=_size(params, state, file)), (file,))
        )
    return Spec(present and bool(state.files), state.memory.available < only_below, only_below, files)


def _size(params: dict[str, Any], state: State, file: Any) -> str:
    """What is on stays as large as it is while memory suffices: who runs the playbook for other hosts means those."""
    if file.area is None or file.found is None or _is_below(params, state):
        return str(params["size"])
    settled = file.record.get("sizes", {}).get("size")
    return settled["expression"] if settled else "%dB" % file.found.size


def plan(spec: Spec, state: State) -> Plan:
    """The steps of swapfile, with the note and the list: there before the swap is, and as long as it is."""
    steps = swapfile.plan(spec.files, state.files) if spec.files else ()
    if spec.wanted:
        return (*_texts(spec, state), *steps)
    there = (state.note is not None, state.list is not None)
    away = notes_away()
    steps = tuple(step for step in steps if step not in away)  # swapfile does not know whether they are there
    return (*steps, *(step for step, found in zip(away, there) if found))


def _texts(spec: Spec, state: State) -> Plan:
    """Steps to the note, which stays as it was first written for that file, and to the list."""
    file, listed = spec.files[0], _list(spec, state)
    is_of_it = state.note is not None and " on %s, since " % file.path in state.note
    note = state.note if is_of_it else note_text(file.path, file.size, listed is not None)
    texts = (
        (NOTE, state.note, note, "so that people see at login how to take it back"),
        (LIST, state.list, listed, "so that the next boot leaves nothing"),
    )
    return tuple(
        Step("write %s" % path, why, Install(path, text), (Remove(path) if found is None else Install(path, found),))
        for path, found, text, why in texts
        if text is not None and text != found
    )


def _list(spec: Spec, state: State) -> Optional[str]:
    """What the list is to say; None where there is to be none."""
    return farewell(spec.files[0].path) if spec.wanted and state.systemd else None


def note_text(path: str, size: int, listed: bool) -> str:
    """What people see at login."""
    return (
        "Emergency swap: %s on %s, since %s UTC, until the next boot%s.\n"
        "Take it back when memory suffices again: ansible-playbook highwater.memory.emergency_swap"
        " -e emergency_swap_state=absent -l THIS_HOST\n"
        "or, here: %s\n"
        % (
            format_size(size),
            path,
            time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
            "" if listed else " (which leaves the file)",
            " && ".join(take_back(path, listed)),
        )
    )


def take_back(path: str, listed: bool) -> list[str]:
    """Commands that leave nothing; listed: whether the next boot would do the same."""
    return ["swapoff %s" % quote(path), " ".join(["rm -f", quote(path), NOTE, *([LIST] if listed else [])])]


def given_up(state: State) -> Plan:
    """What swapfile takes away of a file that is refused while it is written."""
    return swapfile.given_up(state.files)


def managed(state: State) -> dict[str, Any]:
    """Fields of the files, and whether the note and the list are there."""
    return dict(swapfile.managed(state.files), note=state.note is not None, list=state.list is not None)


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """The same, as they will be."""
    return dict(swapfile.wanted(spec.files, state.files), note=spec.wanted, list=_list(spec, state) is not None)


def result(spec: Spec, state: State) -> dict[str, Any]:
    """What the playbook shows of each host."""
    memory = state.memory
    found = swapfile.result(spec.files, state.files) if spec.wanted else {}
    return {
        "memory": {
            "total": memory.total,
            "available": memory.available,
            "swap_total": sum(area.size for area in memory.areas),
            "swap_free": sum(area.size - area.used for area in memory.areas),
        },
        "only_below": spec.only_below,
        "below": spec.below,
        "swapfile": found.get("swapfile"),
        "take_back": take_back(spec.files[0].path, _list(spec, state) is not None) if spec.wanted else [],
        "note": NOTE if spec.wanted else None,
        "most_room": _most_room(state),
    }


def _most_room(state: State) -> Optional[dict[str, Any]]:
    if not state.filesystems:
        return None
    return {"mount_point": state.filesystems[0].mount_point, "free": state.filesystems[0].free}


def warnings(spec: Spec, state: State) -> list[str]:
    """What swapfile has to say."""
    return swapfile.warnings(spec.files, state.files)
