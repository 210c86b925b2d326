# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An unmount, and who keeps it from being done."""

from __future__ import annotations

import time

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.processes import (
    described,
    descriptors,
    of_process,
    pids,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.mountinfo import Mount, parse_mountinfo

PATIENCE = 3.0  # seconds that a probing udev, or a program that is just ending, may keep a mount busy


class Unmount(NamedTuple):
    """Unmount what is at path; where somebody holds it, HighwaterError that says who, with nothing changed."""

    path: str
    patience: float = PATIENCE

    def perform(self, host: Host) -> None:
        self._refuse(elsewhere(host, self.path))
        end = time.monotonic() + self.patience
        done = host.run("umount", self.path, check=False)
        while done.status != 0 and time.monotonic() < end:
            time.sleep(0.1)
            done = host.run("umount", self.path, check=False)
        if done.status != 0:
            self._refuse(holders(host, self.path) or ("something that is not to be seen (%s)" % done.err.strip(),))

    def _refuse(self, held: tuple[str, ...]) -> None:
        if held:
            raise HighwaterError(
                "%s is held by %s: end that first, or use apply: next_boot" % (self.path, some(held)), reason="in_use"
            )


def holders(host: Host, path: str) -> tuple[str, ...]:
    """Who keeps a mount from being unmounted: mounts below it, and processes with a file or a folder of it."""
    inside = path.rstrip("/") + "/"
    mounts = parse_mountinfo(host.must_read("/proc/self/mountinfo"))
    found = ["the mount at %s" % mount.point for mount in mounts if mount.point.startswith(inside)]
    for pid in pids(host):
        links = ["cwd", "root", "exe"] + ["fd/%d" % number for number in descriptors(host, pid)]
        targets = [host.readlink("/proc/%d/%s" % (pid, link)) or "" for link in links]
        if any((target + "/").startswith(inside) for target in targets):
            found.append(described(host, pid))
    return tuple(found)


def elsewhere(host: Host, path: str) -> tuple[str, ...]:
    """One process each of the mount namespaces that have a part of this filesystem mounted for themselves, as services
    with PrivateTmp= have of /tmp: unmounting would not reach these, and the device would stay in use."""
    mounts = parse_mountinfo(host.must_read("/proc/self/mountinfo"))
    here = {mount.number for mount in mounts if mount.point == path}
    own = {(mount.number, mount.point, mount.root) for mount in mounts}  # others have these, too, and see them go
    seen, found = {host.readlink("/proc/self/ns/mnt")}, []
    for pid in pids(host):
        namespace = host.readlink("/proc/%d/ns/mnt" % pid)
        if namespace in seen:
            continue
        seen.add(namespace)
        if any(m.number in here and (m.number, m.point, m.root) not in own for m in _mounts(host, pid)):
            found.append(described(host, pid))
    return tuple(found)


def _mounts(host: Host, pid: int) -> tuple[Mount, ...]:
    return parse_mountinfo(of_process(host, pid, "mountinfo"))


def some(names: tuple[str, ...]) -> str:
    """The first three, and how many more there are."""
    more = " and %d more" % (len(names) - 3) if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
