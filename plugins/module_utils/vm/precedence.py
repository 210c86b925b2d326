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
from typing import Iterable, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.dropins import files_by_name, real_path
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import OUTSIDE_VM, full, group

FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SYSCTL_CONF = "/etc/sysctl.conf"
SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")


class Assignment(NamedTuple):
    """A line of a file.

    file, line: where; for a link in sysctl.d the file that it leads to. No line where a program sets it by itself.
    key:        as in ``vm.swappiness``, or a glob over such names.
    value:      in its one form; None for ``-key`` without a value, which takes earlier lines back.
    who:        what reads the line, where that is not what reads sysctl.d.
    """

    file: str
    line: Optional[int]
    key: str
    value: Optional[str]
    who: str = ""

    @property
    def is_glob(self) -> bool:
        return _is_glob(self.key)

    @property
    def name(self) -> str:
        """The setting's name as in our table."""
        return self.key[3:] if self.key.startswith("vm.") else self.key

    def where(self) -> str:
        return self.file + (", line %d" % self.line if self.line else "") + (" (%s)" % self.who if self.who else "")


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
    for name, path in sorted(files_by_name(host, FOLDERS, ".conf").items()):
        if name == ours:
            winner = path
        else:
            (before if name < ours else after).extend(_assignments(host, path))
    if not any(host.exists(path) for path in SYSTEMD_SYSCTL):
        after.extend(_assignments(host, SYSCTL_CONF))  # procps reads it last; systemd-sysctl only where a link leads
    return Files(tuple(before), tuple(after), _is_read(file, winner))


def _is_read(file: str, winner: str | None) -> bool:
    """Whether our file is read at boot, once it is there; winner: the one that counts now of those with its name."""
    folder = os.path.dirname(file)
    if folder not in FOLDERS or not file.endswith(".conf"):
        return False
    return winner is None or FOLDERS.index(folder) <= FOLDERS.index(os.path.dirname(winner))


def _assignments(host: Host, path: str) -> tuple[Assignment, ...]:
    real = real_path(host, path)
    if real is None or real == "/dev/null":
        return ()
    try:
        text = host.read(real)
    except OSError:  # a folder by that name, or a filesystem that fails: neither is read at boot
        return ()
    return parse(real, text or "")


def parse(file: str, text: str) -> tuple[Assignment, ...]:
    """The lines on settings of our table; comments, other settings and what cannot be read are left out."""
    if "vm" not in text and "*" not in text and "numa" not in text:  # most files
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
    parts = _parts(key[1:].strip() if negated else key)
    if len(parts) != 2 or "." in parts[1] or not _is_ours(parts):
        return None
    return Assignment(file, number, ".".join(parts), canonical(value) if equals else None)


def _parts(key: str) -> list[str]:
    """``vm.x``, ``vm/x`` and ``/vm//x`` are the same.

    Whichever mark comes first separates, the other is part of a name.
    """
    for mark in key:
        if mark in "./":
            return [part for part in key.split(mark) if part]
    return [key]


def _is_glob(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _means(glob: str, name: str) -> bool:
    """As fnmatch, which compiles a pattern for each name in a file, though hardly any is a glob."""
    return fnmatch.fnmatchcase(name, glob) if _is_glob(glob) else glob == name


def _is_ours(parts: list[str]) -> bool:
    return _means(parts[0], "vm") or any(_matches(name, ".".join(parts)) for name in OUTSIDE_VM)


def _matches(key: str, glob: str) -> bool:
    """Whether a glob means a key, folder by folder: its marks never stand for the mark between the two."""
    return all(_means(mark, part) for part, mark in zip(key.split("."), glob.split(".")))


def override(files: Files, name: str, value: str) -> Assignment | None:
    """The line that takes a setting of our file away again at boot; None where it stays.

    A line on the setting that excludes ours counts too, and so do globs over it.
    """
    ours = Assignment("", None, full(name), value)
    options = _options(files.before + (ours,) + files.after)
    own = options[ours.key]
    if own.value is None:
        return own
    keys = [full(member) for member in group(name)]
    last = [found for found in options.values() if any(_sets(found, key, options) for key in keys)][-1]
    return None if last.key == ours.key and last.value == value else last


def at_boot(files: Files) -> Mapping[str, Assignment]:
    """The line on each setting that is named in full which has the last word at boot, by the setting's name.

    Of settings that exclude each other only the one that is written last.
    """
    found: dict[str, Assignment] = {}
    for line in _options(files.before + files.after).values():
        if line.value is not None and not line.is_glob:
            for member in group(line.name):
                found.pop(member, None)
            found[line.name] = line
    return found


def _options(lines: Iterable[Assignment]) -> dict[str, Assignment]:
    """One line a key, in the order in which they are written to the kernel.

    The last line on a key counts, and stands where it stood; but one that says the same as the one before it changes
    nothing, not even the order (systemd's parse_line() in sysctl.c).
    """
    options: dict[str, Assignment] = {}
    for found in lines:
        before = options.get(found.key)
        if before is None or before.value != found.value:
            options.pop(found.key, None)
            options[found.key] = found
    return options


def _sets(found: Assignment, key: str, options: dict[str, Assignment]) -> bool:
    """Whether a line sets a key. A glob leaves alone what any line names in full, be it to take it back."""
    if found.value is None:
        return False
    return found.key == key or (found.is_glob and key not in options and _matches(key, found.key))


def others(files: Files, name: str) -> Iterable[Assignment]:
    """All lines but ours on a setting or on the one that excludes it, in the order in which they are read."""
    keys = [full(member) for member in group(name)]
    for found in files.before + files.after:
        by_glob = found.is_glob and any(_matches(key, found.key) for key in keys)
        if found.value is not None and (by_glob or found.key in keys):
            yield found


def second_owners(lines: Iterable[Assignment], name: str, folder: str) -> Iterable[Assignment]:
    """Those of other files' lines that stand in our own folder and set the same: somebody may not know of ours."""
    return (
        found
        for found in lines
        if found.name == name and found.value is not None and os.path.dirname(found.file) == folder
    )
