# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot artefact on the host: the file that the init system runs a job from, its link, what is left of old ones.

What it says is a job (job.py) in the words of the host's init system (systemd.py, openrc.py). Files of ours are known
by their name and their header, so that they go without a record, whichever version or init system they are from.
"""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core import openrc, systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import OPENRC, SYSTEMD, init_system
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import Job, Moment, is_ours
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import Place
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

_INITS: dict[str, ModuleType] = {SYSTEMD: systemd, OPENRC: openrc}


class File(NamedTuple):
    """A file that the boot runs, of ours.

    init:  the init system that it is for.
    text:  None where there is no such file.
    links: what makes the boot run it, wherever that stands.
    stop:  steps to be taken before it goes.
    """

    init: str
    path: str
    text: Optional[str]
    links: tuple[str, ...]
    stop: Plan = ()

    @property
    def mode(self) -> int:
        """The permission bits of a new one."""
        mode: int = _INITS[self.init].MODE
        return mode


class Artefact(NamedTuple):
    """What the next boot does for one object.

    init:    SYSTEMD or OPENRC; None where the host boots by neither, and nothing can be written.
    running: the init system that runs and has to be told of changes, None for none.
    file:    where it belongs on this host.
    link:    what makes the boot run it; None where the file alone does.
    others:  further files of ours for the same object: of the other init system, of a former version, timers.
    """

    init: Optional[str]
    running: Optional[str]
    file: File
    link: Optional[str]
    others: tuple[File, ...]

    @property
    def path(self) -> str:
        """The artefact's file."""
        return self.file.path

    @property
    def text(self) -> str | None:
        """What it says, None where there is none."""
        return self.file.text

    @property
    def enabled(self) -> bool:
        """Whether the boot runs it."""
        return self.file.text is not None and (self.link is None or self.link in self.file.links)

    def render(self, job: Job) -> str:
        """A job in the words of this host's init system."""
        text: str = _INITS[self.file.init].text(job)
        return text

    def install(self, job: Job) -> Install:
        """The action that writes the file."""
        return Install(self.path, self.render(job), self.file.mode)


def observe_artefact(host: Host, name: str, moment: Moment, next_boot: bool = False) -> Artefact:
    """Read what is there for the object of that name (``highwater-zram0``); next_boot: see init_system()."""
    init = init_system(host, next_boot)
    place: Place = _INITS[init or SYSTEMD].place(host, name, moment)
    found = files_of_ours(host, name)
    there = [file for file in found if file.path == place.path]
    # By its name it is ours, even where somebody has taken the header out.
    own = there[0] if there else _file(host, init or SYSTEMD, place.path)
    others = tuple(file for file in found if file.path != place.path)
    return Artefact(init, init_system(host), own, place.link, others)


def objects_of_ours(host: Host, prefix: str) -> tuple[str, ...]:
    """The names of all objects with an artefact of ours: what follows the prefix (``highwater-``), up to a dash."""
    files = files_of_ours(host, prefix.rstrip("-"))
    return tuple(sorted({re.split(r"[-.]", _name(file)[len(prefix) :])[0] for file in files}))


def files_of_ours(host: Host, prefix: str) -> tuple[File, ...]:
    """All files of this collection that an init system reads, whose names are the prefix, or go on with a dash."""
    found = []
    for init, language in _INITS.items():
        for folder in language.FOLDERS:
            for entry in host.listdir(folder):
                if entry.partition(".")[0] == prefix or entry.startswith(prefix + "-"):
                    file = _file(host, init, "%s/%s" % (folder, entry))
                    if file.text is not None and is_ours(file.text):
                        found.append(file)
    return tuple(found)


def _file(host: Host, init: str, path: str) -> File:
    language = _INITS[init]
    there = host.readlink(path) is None  # a link (a mask) is none of ours
    stop = language.stop_steps(host, path)
    return File(init, path, host.read(path) if there else None, language.links(host, path), stop)


# -- steps ---------------------------------------------------------------------------------------


class Link(NamedTuple):
    """The action that makes a symbolic link."""

    path: str
    target: str

    def perform(self, host: Host) -> None:
        host.link(self.path, self.target)


class Unlink(NamedTuple):
    """The action that removes a link, and a folder of systemd's that it leaves empty."""

    path: str

    def perform(self, host: Host) -> None:
        host.remove(self.path)
        host.remove_empty_folders(self.path.rpartition("/")[0], above=systemd.UNITS)


def enable_steps(artefact: Artefact, install: Any, right: bool, why: str) -> Plan:
    """Steps to an artefact that is there and enabled: none where it is.

    install: the action that writes the text; right: whether the text that is there will do.
    """
    file, steps = artefact.file, []
    if not right:
        does = "write %s" % file.path if file.text is None else "rewrite %s" % file.path
        undo = Remove(file.path) if file.text is None else Install(file.path, file.text)
        steps.append(Step(does, why if file.text is None else "its text is not what was asked for", install, (undo,)))
    for link in file.links:
        if link != artefact.link:
            why = "it belongs to another moment of the boot"
            steps.append(Step("disable %s" % _name(file), why, Unlink(link), (Link(link, file.path),)))
    if artefact.link and artefact.link not in file.links:
        does = "enable %s" % _name(file)
        puller = artefact.link.split("/")[-2].partition(".wants")[0]
        why = "so that %s pulls it in at boot" % puller
        steps.append(Step(does, why, Link(artefact.link, file.path), (Unlink(artefact.link),)))
    # The same object for another init system would be a second opinion, should the host ever boot by that.
    old = [other for other in artefact.others if _name(other).partition(".")[0] == _name(file).partition(".")[0]]
    removal = _removal_steps(old, "this host boots by %s" % artefact.init)
    paths = tuple(other.path for other in old) + ((file.path,) if steps else ())
    return tuple(steps) + removal + _reload_steps(artefact, paths)


def disable_steps(artefact: Artefact, why: str) -> Plan:
    """Steps to no artefact at all, of any version of ours: none where there is none."""
    files = [artefact.file] if artefact.text is not None or artefact.file.links else []
    files += artefact.others
    return _removal_steps(files, why) + _reload_steps(artefact, tuple(file.path for file in files))


def _removal_steps(files: list[File], why: str) -> Plan:
    steps: Plan = ()
    for file in files:
        steps += tuple(step._replace(why=step.why or why) for step in file.stop)
        for link in file.links:
            steps += (Step("disable %s" % _name(file), why, Unlink(link), (Link(link, file.path),)),)
        if file.text is not None:
            undo = (Install(file.path, file.text, file.mode),)
            steps += (Step("remove %s" % file.path, why, Remove(file.path), undo),)
    return steps


def _reload_steps(artefact: Artefact, paths: tuple[str, ...]) -> Plan:
    steps: Plan = _INITS[artefact.running].reload_steps(paths) if artefact.running else ()
    return steps


def _name(file: File) -> str:
    return file.path.rpartition("/")[2]
