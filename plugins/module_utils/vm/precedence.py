# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which file has the last word on a ``vm.*`` setting at boot, by sysctl.d(5) and sysctl(8) --system.

A name in an earlier folder hides the same name in the later ones, a link to /dev/null masks it, and what is left is
read by name, as text: ``100-x.conf`` comes before ``90-x.conf``.
"""

from __future__ import annotations

import fnmatch
import os.path
from typing import Iterable, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import group
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import canonical

FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SYSCTL_CONF = "/etc/sysctl.conf"
SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
_MOST_LINKS = 8


class Assignment(NamedTuple):
    """A line of a file.

    file, line: where; for a link in sysctl.d the file that it leads to.
    key:        below ``vm``, or a glob over such names.
    value:      in its one form; None for ``-key`` without a value, which takes earlier lines back.
    """

    file: str
    line: int
    key: str
    value: Optional[str]

    @property
    def is_glob(self) -> bool:
        return any(mark in self.key for mark in "*?[")

    def where(self) -> str:
        return "%s, line %d" % (self.file, self.line)


class Files(NamedTuple):
    """What other files say of vm settings, in the order in which they are read: before ours, and after it."""

    before: tuple[Assignment, ...] = ()
    after: tuple[Assignment, ...] = ()
    read_at_boot: bool = True  # whether ours is, by its folder and name


def observe(host: Host, file: str) -> Files:
    """Read all files but ours; nothing that stands in one is an error, since others own them."""
    ours = os.path.basename(file)
    before: list[Assignment] = []
    after: list[Assignment] = []
    winner = None
    for name, path in sorted(_by_name(host).items()):
        if name == ours:
            winner = path
        else:
            (before if name < ours else after).extend(_assignments(host, path))
    if not any(host.exists(path) for path in SYSTEMD_SYSCTL):
        after.extend(_assignments(host, SYSCTL_CONF))  # procps reads it last; systemd-sysctl only where a link leads
    readable = os.path.dirname(file) in FOLDERS and file.endswith(".conf") and winner in (None, file)
    return Files(tuple(before), tuple(after), readable)


def _by_name(host: Host) -> dict[str, str]:
    """Of each name the path that counts."""
    found: dict[str, str] = {}
    for folder in FOLDERS:
        for name in host.listdir(folder):
            if name.endswith(".conf"):
                found.setdefault(name, folder + "/" + name)
    return found


def _assignments(host: Host, path: str) -> tuple[Assignment, ...]:
    real = _real_path(host, path)
    if real is None or real == "/dev/null":
        return ()
    try:
        text = host.read(real)
    except OSError:  # a folder by that name, or a filesystem that fails: neither is read at boot
        return ()
    return parse(real, text or "")


def _real_path(host: Host, path: str) -> str | None:
    """Follow links within the host's root."""
    for _turn in range(_MOST_LINKS):
        target = host.readlink(path)
        if target is None:
            return path
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return None


def parse(file: str, text: str) -> tuple[Assignment, ...]:
    """The lines on vm settings; comments, other settings and what cannot be read are left out."""
    if "vm" not in text and "*" not in text:  # most files
        return ()
    lines = (_line(file, number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return tuple(found for found in lines if found)


def _line(file: str, number: int, line: str) -> Assignment | None:
    if not line or line[0] in "#;":
        return None
    key, equals, value = line.partition("=")
    key = key.strip()
    negated = key.startswith("-")
    if not equals and not negated:
        return None
    parts = _parts(key.lstrip("-"))
    if len(parts) != 2 or not parts[1] or not fnmatch.fnmatchcase("vm", parts[0]):
        return None
    return Assignment(file, number, parts[1], canonical(value) if equals else None)


def _parts(key: str) -> list[str]:
    """``vm.x`` and ``vm/x`` are the same; whichever mark comes first separates, the other is part of a name."""
    for mark in key:
        if mark in "./":
            return key.split(mark)
    return [key]


def override(files: Files, key: str, value: str) -> Assignment | None:
    """The line that takes a setting of our file away again at boot; None where it stays.

    A line on the setting that excludes ours counts too. Where two do, the last one has its way.
    """
    last = None
    for found in files.after:
        if found.key in group(key) or any(_glob_sets(files, found, partner) for partner in group(key)[1:]):
            last = found
    if last is None or (last.key == key and last.value == value):
        return None
    return last


def _glob_sets(files: Files, glob: Assignment, key: str) -> bool:
    """A glob leaves alone what any file names in full."""
    named = any(other.key == key for other in files.before + files.after)
    return glob.is_glob and glob.value is not None and not named and fnmatch.fnmatchcase(key, glob.key)


def second_owners(files: Files, key: str, folder: str) -> Iterable[Assignment]:
    """Lines of earlier files in our own folder that set the same: ours wins, but somebody may not know."""
    return (
        found
        for found in files.before
        if found.key == key and found.value is not None and (os.path.dirname(found.file) == folder)
    )
