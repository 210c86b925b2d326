# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace a file in one instant: whoever reads it sees the old text or the new one, after a power cut too."""

from __future__ import annotations

import errno
import os
import stat

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError


def replace_file(path: str, data: bytes, mode: int) -> None:
    """Give path the content data; a new file gets mode, one that is there keeps all its attributes.

    Raises HighwaterError where path is a symbolic link or not a regular file, OSError as the kernel gives it.
    """
    old = _regular_or_none(path)
    temporary = _write_beside(path, data, mode if old is None else stat.S_IMODE(old.st_mode))
    try:
        if old is not None:
            _copy_attributes(path, old, temporary)
        os.rename(temporary, path)
    except OSError as error:
        os.unlink(temporary)
        if error.errno != errno.EBUSY:
            raise
        _write_in_place(path, data)  # a bind-mounted file, as containers have them, cannot be renamed over
        return
    sync_folder(os.path.dirname(path))


def _regular_or_none(path: str) -> os.stat_result | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise HighwaterError(
            "%s is a symbolic link to %s: make it a file, or manage what it points to" % (path, os.readlink(path)),
            reason="symlink",
        )
    if not stat.S_ISREG(found.st_mode):
        raise HighwaterError("%s is not a regular file: move it away" % path, reason="not_a_file")
    return found


def _write_beside(path: str, data: bytes, mode: int) -> str:
    """A complete temporary file in the same folder: O_EXCL so that nobody's file or link is taken."""
    temporary = os.path.join(os.path.dirname(path), ".%s.highwater.%d" % (os.path.basename(path), os.getpid()))
    try:
        os.unlink(temporary)  # left by a process of the same number that was cut off
    except FileNotFoundError:
        pass
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
        os.fchmod(fd, mode)
        os.fsync(fd)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    return temporary


def _copy_attributes(path: str, old: os.stat_result, temporary: str) -> None:
    """Owner, then extended attributes, which hold the SELinux label and the ACLs."""
    os.chown(temporary, old.st_uid, old.st_gid)
    os.chmod(temporary, stat.S_IMODE(old.st_mode))  # chown clears set-id bits
    try:
        names = os.listxattr(path)
    except OSError:  # a filesystem without extended attributes
        return
    for name in names:
        os.setxattr(temporary, name, os.getxattr(path, name))


def _write_in_place(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        write_all(fd, data)
        os.ftruncate(fd, len(data))
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """write(2) until everything is written; a short write is not an error."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(path: str) -> None:
    """A rename is only sure once its folder is on disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
