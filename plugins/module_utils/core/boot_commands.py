# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts with commands that somebody has the boot run: rc.local, OpenRC's local.d, and units of systemd."""

from __future__ import annotations

import re
from typing import Iterator

from ansible_collections.highwater.memory.plugins.module_utils.core.dropins import real_path, texts_with
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

RC_LOCAL = ("/etc/rc.local", "/etc/rc.d/rc.local")
LOCAL_D = "/etc/local.d"  # run by OpenRC's service "local"
RUNLEVELS = "/etc/runlevels"
UNITS = "/etc/systemd/system"
# ``echo 1 > `` and ``echo 1 | tee ``; a path comes next.
ECHO = r"\becho\s+(?:-n\s+)?[\"']?(?P<value>[\w+-]+)[\"']?\s*(?:>|\|\s*(?:\S*/)?tee)\s*[\"']?"

# Such lines of a unit; each goes on in the next one after a backslash (systemd.syntax(7)).
_NOT_AT_START = r"(?m)^[ \t]*(?:ExecStop|ExecStopPost|ExecReload|Description|Documentation)[ \t]*=(?:.*\\\n)*.*"


def texts(host: Host, mark: str) -> Iterator[tuple[str, str, str]]:
    """Path, text, and what runs it, of those that have a mark at all, in the order in which a boot comes to them."""
    for path in (*RC_LOCAL, *_local_d(host)):
        stat = host.lstat(path)
        if stat and stat.st_mode & 0o100:  # else it is not run
            yield path, _read(host, path), "run at boot"
    for path, text in _units(host, mark):
        yield path, _at_start(text), "a unit of systemd"


def _read(host: Host, path: str) -> str:
    try:
        return host.read(path) or ""
    except OSError:  # a folder by that name, or a filesystem that fails: somebody else's, and not ours to complain of
        return ""


def _at_start(text: str) -> str:
    """The text of a unit without what it only says, or runs when it stops or reloads; its lines keep their numbers."""
    return re.sub(_NOT_AT_START, lambda found: "\n" * found.group().count("\n"), text)


def _local_d(host: Host) -> list[str]:
    names = [name for name in host.listdir(LOCAL_D) if name.endswith(".start")]
    runs = names and any(host.exists("%s/%s/local" % (RUNLEVELS, level)) for level in host.listdir(RUNLEVELS))
    return ["%s/%s" % (LOCAL_D, name) for name in names] if runs else []


def _units(host: Host, mark: str) -> Iterator[tuple[str, str]]:
    """Those that somebody has written, and of a package's those that are enabled: not the hundreds that are not."""
    links = _links(host)
    for path, text in texts_with(host, (UNITS,), ".service", mark):
        if _may_run(host, path, text, links):
            yield path, text
    for path in sorted({real_path(host, link) or "" for link in links if not _stands_in(host, link)}):
        if path.endswith(".service") and not path.startswith(UNITS + "/") and not _stands_in(host, path):
            text = _read(host, path)
            if mark in text:
                yield path, text


def _stands_in(host: Host, path: str) -> bool:
    """Whether somebody has masked a unit of a package's, or has one of their own in its place: the link to it stays."""
    return host.exists("%s/%s" % (UNITS, path.rpartition("/")[2]))


def _links(host: Host) -> list[str]:
    """By which targets and other units pull units in."""
    folders = [UNITS + "/" + name for name in host.listdir(UNITS) if name.endswith((".wants", ".requires"))]
    return ["%s/%s" % (folder, name) for folder in folders for name in host.listdir(folder)]


def _may_run(host: Host, path: str, text: str, links: list[str]) -> bool:
    """Whether a unit may be started at boot: not where it waits to be enabled, by a link or by a unit of its name."""
    name = path.rpartition("/")[2]
    if "[Install]" not in text or "@." in path or any(link.endswith("/" + name) for link in links):
        return True
    stem = path.rpartition(".")[0]
    return any(host.exists(stem + kind) for kind in (".timer", ".path"))
