# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan for a swapfile can do, as values with perform(host); each leaves nothing behind where it fails."""

from __future__ import annotations

import errno
import mmap
import os
from typing import Any, NamedTuple, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.replace import sync_folder
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import extents, filesystem, header
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND

_BUFFER = 4 * 2**20  # what one write(2) of zeros takes: large enough for a disk, small enough for any machine
_FORMAT_TIMEOUT = 600.0  # fallocate and mkswap take seconds; a loaded disk may take longer


class Create(NamedTuple):
    """A file of size bytes, formatted as swap, at a path where nothing stands; 0600 and root's from its first byte.

    method: as the option. uuid, label: None leaves them to mkswap.
    """

    path: str
    size: int
    method: str
    ability: filesystem.Ability
    uuid: Optional[str] = None
    label: Optional[str] = None

    def perform(self, host: Host) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(host.path(self.path), flags, 0o600)
        try:
            os.fchmod(fd, 0o600)
            os.fchown(fd, 0, 0)  # a set-id folder would give its own group
            if self.ability.nocow:
                filesystem.set_nocow(fd)
            self._fill(host, fd)
            Format(self.path, self.uuid, self.label).perform(host)
            os.fsync(fd)
        except BaseException:  # an interrupt too must not leave gigabytes behind
            os.unlink(host.path(self.path))
            raise
        finally:
            os.close(fd)

    def _fill(self, host: Host, fd: int) -> None:
        if self.method != "dd" and (self.ability.fallocate or self.method == "fallocate"):
            refusal = self._allocate(host, fd)
            if refusal is None:
                return
            if self.method == "fallocate":
                raise HighwaterError(
                    "method: fallocate does not make a swapfile on this filesystem (%s): use auto or dd" % refusal,
                    reason="filesystem",
                )
            os.ftruncate(fd, 0)
        write_zeros(fd, host.path(self.path), self.size)
        flaw = extents.flaw_of(fd)
        if flaw is not None:
            raise HighwaterError(
                "%s cannot become swap: %s, although zeros were written" % (self.path, flaw), reason="filesystem"
            )

    def _allocate(self, host: Host, fd: int) -> str | None:
        """Allocate by fallocate(1), which unlike Python's posix_fallocate never emulates; why not, where it cannot."""
        path = host.path(self.path)
        done = host.run("fallocate", "--length", str(self.size), path, check=False, timeout=_FORMAT_TIMEOUT)
        if done.status == 0:
            return extents.flaw_of(fd)
        if "not supported" not in done.err:  # a full disk is full for zeros as well
            raise HighwaterError("%s: %s" % (self.path, done.err.strip() or "fallocate failed"), reason="disk")
        return "not supported"


def write_zeros(fd: int, path: str, size: int) -> None:
    """Write size bytes (whole pages) of zeros past the page cache: O_DIRECT, or where the filesystem does not take it
    with the cache dropped behind each piece.
    """
    try:
        direct = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        direct = -1
    with mmap.mmap(-1, _BUFFER) as zeros:  # anonymous memory begins at a page, as O_DIRECT wants it
        try:
            at = 0
            while at < size:
                at += _write_piece(fd, direct, zeros, at, min(_BUFFER, size - at))
        finally:
            if direct >= 0:
                os.close(direct)
    os.fsync(fd)


def _write_piece(fd: int, direct: int, zeros: mmap.mmap, at: int, length: int) -> int:
    with memoryview(zeros) as view, view[:length] as piece:
        if direct >= 0:
            try:
                return os.pwrite(direct, piece, at)
            except OSError as error:
                if error.errno != errno.EINVAL:  # this filesystem wants another alignment
                    raise
        written = os.pwrite(fd, piece, at)
    os.fdatasync(fd)
    os.posix_fadvise(fd, at, written, os.POSIX_FADV_DONTNEED)
    return written


class Format(NamedTuple):
    """mkswap on a file that is off; uuid and label None leave them to mkswap."""

    path: str
    uuid: Optional[str] = None
    label: Optional[str] = None

    def perform(self, host: Host) -> None:
        argv: tuple[str, ...] = ("mkswap",)
        if self.uuid:
            argv += ("-U", self.uuid)
        if self.label:
            argv += ("-L", self.label)
        host.run(*argv, host.path(self.path), timeout=_FORMAT_TIMEOUT)


class Place(NamedTuple):
    """Rename a finished file to its path, in the place of what was there, and note in our record which file it is."""

    draft: str
    path: str

    def perform(self, host: Host) -> None:
        os.rename(host.path(self.draft), host.path(self.path))
        sync_folder(os.path.dirname(host.path(self.path)))
        note_file(host, self.path)


class Several(NamedTuple):
    """Actions that are one step to a reader; what fails within is taken back by ``clean``."""

    actions: tuple[Any, ...]
    clean: tuple[Any, ...] = ()

    def perform(self, host: Host) -> None:
        try:
            for action in self.actions:
                action.perform(host)
        except BaseException:
            for action in self.clean:
                action.perform(host)
            raise


class Chown(NamedTuple):
    """Owner and mode of a file that is no link."""

    path: str
    uid: int
    gid: int
    mode: int

    def perform(self, host: Host) -> None:
        # O_PATH would not do for fchmod; a swapfile that is on can be opened for reading.
        fd = os.open(host.path(self.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchown(fd, self.uid, self.gid)
            os.fchmod(fd, self.mode)
        finally:
            os.close(fd)


class SwapOn(NamedTuple):
    """swapon(8). priority None or below 0: the kernel's. noted: keep the discard policy, which no file of the kernel
    shows, in our record.
    """

    path: str
    priority: Optional[int] = None
    discard: str = "none"
    noted: bool = True

    def perform(self, host: Host) -> None:
        argv: tuple[str, ...] = ("swapon",)
        if self.priority is not None and self.priority >= 0:
            argv += ("--priority", str(self.priority))
        if self.discard != "none":
            argv += ("--discard" if self.discard == "both" else "--discard=" + self.discard,)
        host.run(*argv, self.path, timeout=_FORMAT_TIMEOUT)
        if self.noted:
            boot_id = (host.read("/proc/sys/kernel/random/boot_id") or "").strip()
            note(host, self.path, on={"boot_id": boot_id, "discard": self.discard})


class BridgeAway(NamedTuple):
    """Swap the bridge off and remove it.

    It never fails: by now the new file is on, and taking that back would be worse than a bridge that stays. The
    runner looks at the host again and says that it is still there.
    """

    path: str

    def perform(self, host: Host) -> None:
        try:
            SwapOff(self.path).perform(host)
            host.remove(self.path)
        except (HighwaterError, OSError):
            pass


class MakeFolders(NamedTuple):
    """Folders, outermost first, root's and 0755."""

    paths: tuple[str, ...]

    def perform(self, host: Host) -> None:
        for path in self.paths:
            host.make_folder(path)


class RemoveFolders(NamedTuple):
    """Folders that we made, outermost first; those that somebody uses by now stay."""

    paths: tuple[str, ...]

    def perform(self, host: Host) -> None:
        for path in reversed(self.paths):
            try:
                os.rmdir(host.path(path))
            except OSError:
                return


def note(host: Host, path: str, **facts: object) -> None:
    """Add to what our record has of a swapfile."""
    Remember(KIND, path, dict(recall(host, KIND, path), **facts)).perform(host)


def note_file(host: Host, path: str) -> None:
    """Note which file stands at path and how it is called, so that it is known again as ours."""
    status = host.lstat(path)
    if status is None:
        raise HighwaterError("%s is gone although it was just put there" % path, reason="kernel")
    with open(host.path(path), "rb") as file:
        found = header.parse_header(file.read(os.sysconf("SC_PAGE_SIZE")))
    note(host, path, inode=status.st_ino, uuid=found.uuid if found else None, label=found.label if found else None)
