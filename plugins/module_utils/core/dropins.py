# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that programs read from several folders at boot, of which the first of a name counts."""

from __future__ import annotations

import os.path
from typing import Iterable

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

TMPFILES_FOLDERS = ("/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d")
_MOST_LINKS = 8


def files_by_name(host: Host, folders: Iterable[str], suffix: str) -> dict[str, str]:
    """Of each name the path that counts: that in the first of the folders, as systemd's programs all have it."""
    found: dict[str, str] = {}
    for folder in folders:
        for name in host.listdir(folder):
            if name.endswith(suffix):
                found.setdefault(name, folder + "/" + name)
    return found


def real_path(host: Host, path: str) -> str | None:
    """Follow links within the host's root; None where they go round."""
    for _turn in range(_MOST_LINKS):
        target = host.readlink(path)
        if target is None:
            return path
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return None


def texts_with(host: Host, folders: tuple[str, ...], suffix: str, mark: str) -> Iterable[tuple[str, str]]:
    """Files in the order in which they are read, of those that have a mark at all."""
    for _name, path in sorted(files_by_name(host, folders, suffix).items()):
        real = real_path(host, path)
        try:
            text = host.read(real) if real else None
        except OSError:  # somebody else's, and not ours to complain of
            continue
        if text and mark in text:
            yield path, text
