# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a swapfile: blocks that the kernel takes, and a header; what fails leaves nothing behind."""

from __future__ import annotations

import errno
import os
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import (
    PAGE_SIZES,
    make_header,
    uuid_bytes,
)
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import extents, filesystem


class Create(NamedTuple):
    """A file of size bytes, formatted as swap, at a path where nothing stands; 0600 and root's from its first byte.

    shown:   the swapfile that it is made for, as users know it.
    method:  as the option. uuid: None for a new one; label: None for none.
    labelled: it gets the type that SELinux wants of a swapfile.
    goes_on: what stands at the path is what an earlier call of it has written.
    beside:  the area that it is to take the place of, or the pages of, is in use meanwhile.
    formatted: it gets a swap header; not where it is to be encrypted.
    """

    path: str
    shown: str
    size: int
    method: str
    ability: filesystem.Ability
    uuid: Optional[str] = None
    label: Optional[str] = None
    labelled: bool = False
    goes_on: bool = False
    beside: bool = False
    formatted: bool = True

    def perform(self, host: Host) -> None:
        # What is half made is taken back by its folder, also where that is no longer mounted at its path.
        folder = os.open(os.path.dirname(host.path(self.path)), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._carry_out(host, folder)
        finally:
            os.close(folder)

    def _carry_out(self, host: Host, folder: int) -> None:
        fd = self._open(host, folder)
        try:
            self._fill(host, fd)
            if self.formatted:
                Format(self.path, self.uuid, self.label).perform(host)
            else:  # f2fs gives blocks as they were left, with the header of an earlier swapfile perhaps
                Wipe(self.path).perform(host)
        except Unfinished:  # the next call goes on with it
            raise
        except BaseException:  # an interrupt too must not leave gigabytes behind
            _discard(folder, self.path)
            raise
        finally:
            os.close(fd)

    def _open(self, host: Host, folder: int) -> int:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        path = host.path(self.path)
        if self.goes_on:
            fd = os.open(path, flags)
            if self.ability.suits(fd):
                return fd
            os.close(fd)
            os.unlink(path)
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.fchmod(fd, 0o600)
            os.fchown(fd, 0, 0)  # a set-id folder would give its own group
            if self.labelled:
                # Imported here because most hosts have no use for it.
                from ansible_collections.highwater.memory.plugins.module_utils.swapfile import selinux

                selinux.label(path)
            self.ability.prepare(fd)
        except BaseException:
            os.close(fd)
            _discard(folder, path)
            raise
        return fd

    def _fill(self, host: Host, fd: int) -> None:
        may_allocate = not self.goes_on and (self.ability.fallocate or self.method == "fallocate")
        if self.method != "dd" and may_allocate:
            refusal = self._allocate(fd)
            if refusal is None:
                return
            if self.method == "fallocate" or not self.ability.zeros:
                raise HighwaterError(
                    "%s cannot be allocated on this filesystem (%s): %s"
                    % (self.shown, refusal, "use method: auto or dd" if self.ability.zeros else "choose another"),
                    reason="filesystem",
                )
            os.ftruncate(fd, 0)
        # Imported here because a converged host has no use for it.
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile.zeros import write_zeros

        meter = Meter(host.slice, "writing zeros to %s" % self.shown, os.fstat(fd).st_size, self.size)
        try:
            write_zeros(fd, host.path(self.path), self.size, meter)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise HighwaterError(
                "the disk became full while it was written (%s): free disk, or write a smaller size"
                % os.strerror(error.errno),
                reason="disk",
            ) from error
        if self.beside:
            meter.look_again()
        flaw = extents.flaw_of(fd)
        if flaw is not None and self.goes_on:  # what was there was not as it seemed
            os.ftruncate(fd, 0)
            return self._replace(goes_on=False)._fill(host, fd)
        if flaw is not None:
            raise HighwaterError(
                "%s cannot become swap: %s, although zeros were written" % (self.shown, flaw), reason="filesystem"
            )

    def _allocate(self, fd: int) -> str | None:
        """Allocate the blocks; why not, where the filesystem cannot."""
        # Imported here because a converged host has no use for it.
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile.calls import allocate

        try:
            allocate(fd, self.size)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
                return "not supported"
            # A full disk is full for zeros as well.
            raise HighwaterError("%s: %s" % (self.shown, os.strerror(error.errno or 0)), reason="disk") from error
        return extents.flaw_of(fd)


def _discard(folder: int, path: str) -> None:
    """Unlink; where the disk is gone there is nothing to unlink, and the first error is the one to show."""
    try:
        os.unlink(os.path.basename(path), dir_fd=folder)
    except OSError:
        pass


class Format(NamedTuple):
    """A swap header on a file that is off, and nothing that another page size would take for one; uuid None: a new one.

    It is all that mkswap(8) does, which would be a process more.
    """

    path: str
    uuid: Optional[str] = None
    label: Optional[str] = None

    def perform(self, host: Host) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        fd = os.open(host.path(self.path), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            header = make_header(os.fstat(fd).st_size, page, uuid_bytes(self.uuid), self.label or "")
            os.pwrite(fd, header + bytes(PAGE_SIZES[-1] - page), 0)
            os.fsync(fd)
        finally:
            os.close(fd)


class Wipe(NamedTuple):
    """Zeros over the header of a file that is off, so that nothing takes it for swap as it is."""

    path: str

    def perform(self, host: Host) -> None:
        fd = os.open(host.path(self.path), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(fd, bytes(PAGE_SIZES[-1]), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
