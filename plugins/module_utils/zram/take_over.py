# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a device over from who sets it up else, and giving it back.

Their stop command is never run: it would swap off without a guard, and reset what is ours by then. So first their unit
loses it for as long as this boot lasts, then the boot loses the unit; swap goes off by our own steps, where it must.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Mapping, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Link, Unlink
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import MADE_BY
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import (
    Entry,
    Forget,
    Remember,
    noting,
    recall,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import UNITS
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import (
    GENERATOR,
    GENERATOR_OFF,
    HAND,
    LINES,
    SCRIPT,
    UNIT,
    Owner,
    generator_file,
    generator_unit,
    is_about,
    logical_lines,
    refuse_owners,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import KIND, Taken

RUNTIME = "/run/systemd/system"
COMMENT = "# %s is taken over by highwater.memory: "
RELOAD = Step("reload systemd", "its units have changed", Run(("systemctl", "daemon-reload")))

QUIET = (
    """\
%s.zram_device, until the next boot: what its stop command would swap off is ours.
[Service]
ExecStop=
ExecStopPost=
"""
    % MADE_BY
)
OFF = """\
%s.zram_device, with take_over: true: %%s is set up by highwater-%%s instead.
[%%s]
%s = 0
""" % (MADE_BY, GENERATOR_OFF)


Heirs = Mapping[str, Tuple[str, Entry]]  # by unit or script: another device, and what was taken over for that


# -- taking over ---------------------------------------------------------------------------------


def take_over_steps(name: str, owners: tuple[Owner, ...], taken: Taken, systemd: bool, now: bool) -> Plan:
    """Steps after which the boot leaves the device to us.

    systemd: whether it runs; now: whether the device becomes ours already in this boot.

    Raises HighwaterError for an owner that only a person can switch off.
    """
    late = now and taken.runs
    if not owners and not late:
        return ()
    refuse_owners(tuple(owner for owner in owners if owner.way == HAND), name)
    record: Entry = {key: list(value) for key, value in taken.record.items() if not (late and key == "runs")}
    before = _quiet_late(name, taken, record, systemd) if late else ()
    steps: Plan = ()
    for owner in owners:
        if now:
            steps += _quiet(owner, record, systemd)
        elif owner.way != LINES:
            _add(record, "runs", taken.boot)
        steps += _WAYS[owner.way](name, owner, record)
    undo = (noting(KIND, name, taken.record),)
    files = ", ".join(owner.file for owner in owners) or "what still runs"
    note = Step("note how %s was set up (%s)" % (name, files), "for state: absent", Remember(KIND, name, record), undo)
    # The note says that this is done: a run that is cut off before it does it again.
    return before + (note,) + steps + ((RELOAD,) if systemd and owners else ())


def for_one_boot(name: str, owners: tuple[Owner, ...]) -> HighwaterError:
    """The error where a device is asked for until the next boot only, from which on nobody would set it up."""
    if not owners:
        return HighwaterError(
            "persistent: false would leave %s to nobody from the next boot on, since who set it up was switched off by "
            "take_over: run state: absent first, which gives the boot back, or leave persistent: false out" % name,
            reason="owner",
        )
    owner = owners[0]
    return HighwaterError(
        "take_over: %s (%s) would be switched off for all boots to come, and %s be there for this one only: leave "
        "persistent: false out, or switch that one off first (%s)"
        % (owner.program, owner.file, name, owner.switch_off),
        reason="owner",
        owner=owner.program,
        file=owner.file,
    )


def _generator(name: str, owner: Owner, record: Entry) -> Plan:
    path = generator_file(name)
    _add(record, "files", path)
    step = Step("write %s" % path, _why(name, owner), Install(path, OFF % (name, name, name)), (RemoveFile(path),))
    return (step,)


def _unit(name: str, owner: Owner, record: Entry) -> Plan:
    steps = _disable(name, owner, record)
    if owner.vendor:  # a link that is not ours to take away
        mask = "%s/%s" % (UNITS, owner.name)
        _add(record, "masks", mask)
        steps += (Step("mask %s" % owner.name, _why(name, owner), Link(mask, "/dev/null"), (Unlink(mask),)),)
    return steps


def _disable(name: str, owner: Owner, record: Entry) -> Plan:
    steps: Plan = ()
    for link, target in owner.links:
        _add(record, "links", [link, target])
        steps += (Step("disable %s" % owner.name, _why(name, owner), Unlink(link), (Link(link, target),)),)
    return steps


def _lines(name: str, owner: Owner, record: Entry) -> Plan:
    _add(record, "lines", owner.file)
    lines = [_commented(line, name) if is_about(owner.file, line, name) else line for line in logical_lines(owner.text)]
    does = "put the lines that name %s in %s into comments" % (name, owner.file)
    return (Step(does, _why(name, owner), Install(owner.file, "".join(lines)), (Install(owner.file, owner.text),)),)


_WAYS = {GENERATOR: _generator, UNIT: _unit, SCRIPT: _disable, LINES: _lines}


def _quiet(owner: Owner, record: Entry, systemd: bool) -> Plan:
    """What is there to be stopped in this boot cannot be any more."""
    if owner.started:
        return (_as_stopped(owner.name),)
    return _without_stop(owner.name, record) if systemd and owner.way in (UNIT, GENERATOR) else ()


def _quiet_late(name: str, taken: Taken, record: Entry, systemd: bool) -> Plan:
    """The same of what an earlier run in this boot has switched off for the next one only."""
    steps: Plan = tuple(map(_as_stopped, taken.started))
    paths = record.get("masks", []) + [link for link, _target in record.get("links", [])]
    units = {_file(path) for path in paths if path.startswith(UNITS + "/")}
    units.update(generator_unit(name) for path in record.get("files", []) if path == generator_file(name))
    for unit in sorted(units) if systemd else ():
        steps += _without_stop(unit, record)
    return steps


def _as_stopped(script: str) -> Step:
    does = "have OpenRC forget that %s is started" % script
    return Step(does, "its stop would swap off what is ours", Run(("rc-service", script, "zap")))


def _without_stop(unit: str, record: Entry) -> Plan:
    path = "%s/%s.d/highwater.conf" % (RUNTIME, unit)
    _add(record, "quiet", path)
    does = "take its stop command from %s, until the next boot" % unit
    return (Step(does, "it would swap off what is ours", Install(path, QUIET), (RemoveFile(path),)), RELOAD)


def _why(name: str, owner: Owner) -> str:
    return "%s would set up %s as well" % (owner.program, name)


def _add(record: Entry, key: str, value: object) -> None:
    values = record.setdefault(key, [])
    if value not in values:
        values.append(value)


def _commented(lines: str, name: str) -> str:
    return re.sub(r"(?m)^(?=.)", COMMENT % name, lines)


# -- giving back ---------------------------------------------------------------------------------


def hand_back_steps(name: str, taken: Taken, systemd: bool, heirs: Heirs = MappingProxyType({})) -> Plan:
    """Steps after which the boot does again what it did before us; the program itself is not started now.

    heirs: what is not to come back yet, since it would set up another device of ours as well: with that one it does.
    """
    record, texts = taken.record, dict(taken.texts)
    if not record:
        return ()
    why = "it was so before"
    steps = _leave_steps(record, heirs)
    for path in record.get("files", []) + record.get("quiet", []):
        text = texts.get(path)
        if text is not None and _of_drop_in(path) not in heirs:
            steps += (Step("remove %s" % path, why, RemoveFile(path), (Install(path, text),)),)
    for path in record.get("lines", []):
        text = texts.get(path)
        if text is not None and COMMENT % name in text:
            does = "take what names %s in %s out of comments" % (name, path)
            steps += (Step(does, why, Install(path, text.replace(COMMENT % name, "")), (Install(path, text),)),)
    for path in taken.masks:
        if _file(path) not in heirs:
            steps += (Step("unmask %s" % _file(path), why, Unlink(path), (Link(path, "/dev/null"),)),)
    for link, target in record.get("links", []):
        if _file(link) not in heirs:
            steps += (Step("enable %s" % _file(link), why, Link(link, target), (Unlink(link),)),)
    forget = Step("forget how %s was set up" % name, "", Forget(KIND, name), (Remember(KIND, name, record),))
    return steps + ((RELOAD,) if systemd else ()) + (forget,)


def _leave_steps(record: Entry, heirs: Heirs) -> Plan:
    """What stays switched off is noted as taken over for the other device."""
    steps: Plan = ()
    for owner, (device, had) in sorted(heirs.items()):
        links = [link for link in record.get("links", []) if _file(link[0]) == owner]
        masks = [path for path in record.get("masks", []) if _file(path) == owner]
        quiet = [path for path in record.get("quiet", []) if _of_drop_in(path) == owner]
        if links or masks or quiet:
            does, action = "leave %s switched off, for %s" % (owner, device), Inherit(device, links, masks, quiet)
            steps += (Step(does, "which it would set up as well", action, (noting(KIND, device, had),)),)
    return steps


class Inherit(NamedTuple):
    """Write into our record that these links, masks and files were taken over for the device."""

    device: str
    links: list[list[str]]
    masks: list[str]
    quiet: list[str]

    def perform(self, host: Host) -> None:
        record = recall(host, KIND, self.device)
        for key, values in (("links", self.links), ("masks", self.masks), ("quiet", self.quiet)):
            for value in values:
                _add(record, key, value)
        Remember(KIND, self.device, record).perform(host)


class RemoveFile(NamedTuple):
    """A file of ours in a folder of theirs: the folder goes with it where it is empty then."""

    path: str

    def perform(self, host: Host) -> None:
        Remove(self.path).perform(host)
        for above in (RUNTIME, "/etc/systemd"):
            host.remove_empty_folders(_folder(self.path), above=above)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _of_drop_in(path: str) -> str:
    """The unit that a file below ``UNIT.d`` is about."""
    folder = _file(_folder(path))
    return folder[:-2] if folder.endswith(".d") else ""
