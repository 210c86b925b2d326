# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swapfile is right now, as values: the file, its header, its filesystem, the kernel, fstab and our record."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import Memory
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import SwapHeader
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab, filesystem, fstab, resume
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.owner import Owner

KIND = "swapfile"  # of our record


class Found(NamedTuple):
    """What stands at a path, links not followed. kind: file, link, folder or other; size, allocated: bytes."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    allocated: int
    inode: int


class Folder(NamedTuple):
    """A folder on the way to the file; ``link`` where it is a symbolic link; ``acl`` where the bits of its group are
    the bounds of an access control list, which may name anybody.
    """

    path: str
    mode: int
    uid: int
    gid: int
    link: bool = False
    acl: bool = False


class Machine(NamedTuple):
    """What all swapfiles of a host share. page: bytes; cpus: that are on line; semanage: whether SELinux can be told of
    a file; resumes_from: where hibernation does; mapped: the devices of encrypted swapfiles, whose areas have the
    path of their file in memory; gone: of these paths, those whose file was removed or moved under its device;
    unfinished: what runs that were killed while they replaced a file of ours have left beside it, looked for where a
    swapfile is to go; links: where fstab and crypttab lead, of those that are links; clock: nanoseconds, of the
    time of day.
    """

    memory: Memory
    fstab: Optional[str]
    boot_id: str
    systemd: bool
    page: int
    cpus: int
    selinux: bool = False
    semanage: bool = False
    resumes_from: Optional[resume.Resume] = None
    crypttab: Optional[str] = None
    mapped: Mapping[str, str] = MappingProxyType({})
    gone: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    links: Mapping[str, str] = MappingProxyType({})
    clock: int = 0


class State(NamedTuple):
    """A swapfile as it is.

    found:      None where nothing stands at path.
    header:     None where it is not formatted; hibernated: a hibernated system lies in it.
    flaw:       why the kernel would refuse the file, in words; looked for while it is off only.
    foreign:    the page size that it was formatted for, where that is not this kernel's.
    resumes:    a hibernated system would be woken from it.
    generation: what tells the file from an earlier one of the same inode.
    type:       of its SELinux label; has_rule: the policy is told of it.
    blank:      it holds nothing but zeros; looked for only where nothing else tells whose it is.
    folders:    those from / to the file that are there; missing: those that are not, outermost first.
    filesystem: None where the mounts cannot be read.
    area:       the swap that is on at path; bridge_area: at bridge_path.
    bridge, draft: what a run that was cut off has left beside the file, or the call before this one.
    record:     empty where we have never met it.
    owners:     who else turns it on at boot, beside fstab.
    cloud_init: the file that asks cloud-init to make it once for each instance.
    """

    path: str
    machine: Machine
    record: Entry
    found: Optional[Found] = None
    header: Optional[SwapHeader] = None
    hibernated: bool = False
    flaw: Optional[str] = None
    foreign: Optional[int] = None
    resumes: bool = False
    generation: Optional[int] = None
    type: Optional[str] = None
    has_rule: bool = False
    blank: bool = False
    folders: tuple[Folder, ...] = ()
    missing: tuple[str, ...] = ()
    filesystem: Optional[filesystem.Filesystem] = None
    area: Optional[SwapArea] = None
    bridge: Optional[Found] = None
    bridge_area: Optional[SwapArea] = None
    draft: Optional[Found] = None
    table: fstab.Table = fstab.Table(None, "")
    crypt: crypttab.Table = crypttab.Table(None, "")
    owners: tuple[Owner, ...] = ()
    cloud_init: Optional[str] = None

    @property
    def device(self) -> str | None:
        """The name of the device through which it is encrypted; None where it has none, or is on as it is."""
        return None if self._is_plain else self.machine.mapped.get(self.path)

    @property
    def stray_device(self) -> str | None:
        """The name of a device that is open on it without swap on it. A boot makes one of a file that is on as it is
        where both tables name it; the kernel lets nobody write a header through that.
        """
        return self.machine.mapped.get(self.path) if self.area is None or self._is_plain else None

    @property
    def _is_plain(self) -> bool:
        return self.area is not None and self.area.kind == "file"

    @property
    def is_on(self) -> bool:
        """Whether the file at path is what is on: no other that took its place while the device was open on it."""
        return self.area is not None and (self._is_plain or self.path not in self.machine.gone)

    @property
    def bridge_device(self) -> str | None:
        """The same of the bridge."""
        return self.machine.mapped.get(bridge_path(self.path))

    @property
    def leaving(self) -> bool:
        """Whether an earlier run's swapoff of it is under way: until all of it is back it looks as if it were on."""
        # A block device goes by several names, of which the kernel has one.
        return self.machine.memory.leaving in (self.path, self.area.path if self.area else self.path)

    @property
    def disabled(self) -> bool:
        """Whether our record has it as somebody else's that was put away."""
        return bool(self.record.get("disabled"))

    @property
    def was_on(self) -> bool:
        """Whether our record has it as swap that was on before us."""
        before = self.record.get("before", {})
        return bool(before.get("file") and before.get("active"))

    @property
    def private(self) -> bool:
        """Whether the file is root's, who alone can read it."""
        return self.found is not None and (self.found.mode, self.found.uid, self.found.gid) == (0o600, 0, 0)

    @property
    def lacks_rule(self) -> bool:
        """Whether SELinux has to be told what the file is."""
        return self.machine.selinux and self.machine.semanage and not self.has_rule

    @property
    def made_by_us(self) -> bool:
        """Whether the file at path is the one that this module put there."""
        same = ("inode", self.found.inode if self.found else None), ("generation", self.generation)
        return self.found is not None and all(self.record.get(key) == value for key, value in same)

    @property
    def noise(self) -> bool:
        """Whether it is an encrypted swapfile by crypttab, whatever is in it: not where a file that our record does not
        know has taken the place of the one that the line was written for. Where that was put away, somebody has
        written the line since.
        """
        known = "inode" in self.record and not self.disabled
        return self.crypt.vouches() and not known and self.path not in self.machine.gone

    @property
    def mount_point(self) -> Entry:
        """What our record is to have of where the file is, so that it is not made again on the filesystem below."""
        point = self.filesystem.mount_point if self.filesystem else "/"
        return {} if point == "/" else {"mount_point": point}

    @property
    def own_blocks(self) -> int:
        """Bytes of disk that are free once this swapfile, and what a cut-off run left, are away."""
        left = sum(found.allocated for found in (self.draft, None if self.bridge_area else self.bridge) if found)
        return left + (self.found.allocated if self.found else 0)


def draft_path(path: str) -> str:
    """Where a file is made before it is renamed to path: nothing half made ever stands there."""
    return _beside(path, ".new")


def bridge_path(path: str) -> str:
    """The swapfile that is on while the one at path is made anew."""
    return _beside(path, "")


def _beside(path: str, suffix: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, ".%s.highwater%s" % (name, suffix))
