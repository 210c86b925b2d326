# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace a file in one instant: whoever reads it sees the old text or the new one, after a power cut too."""

from __future__ import annotations

import errno
import os
import stat
import time

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError


def replace_file(path: str, data: bytes, mode: int) -> None:
    """Give path the content data; a new file gets mode, one that is there keeps all its attributes.

    Raises HighwaterError where path is a symbolic link or not a regular file, OSError as the kernel gives it.
    """
    old = _regular_or_none(path)
    temporary = _write_beside(path, data, mode if old is None else stat.S_IMODE(old.st_mode))
    try:
        if old is not None:
            copy_attributes(path, temporary)
        os.rename(temporary, path)
    except BaseException as error:
        _remove(temporary)
        if not isinstance(error, OSError) or error.errno != errno.EBUSY:
            raise
        _write_in_place(path, data)  # a bind-mounted file, as containers have them, cannot be renamed over
        return
    sync_folder(os.path.dirname(path))


def _remove(temporary: str) -> None:
    try:
        os.unlink(temporary)
    except FileNotFoundError:  # the signal came when it was renamed
        pass


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


def remove_leftovers(path: str) -> None:
    """Remove what leftovers() finds."""
    for left in leftovers(path):
        os.unlink(left)


def leftovers(path: str) -> list[str]:
    """What processes that were cut off while they replaced path have left beside it."""
    folder, prefix = os.path.dirname(path), _prefix(path)
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        number = name[len(prefix) :]
        if name.startswith(prefix) and number.isdigit() and _has_ended(int(number), os.path.join(folder, name)):
            found.append(os.path.join(folder, name))
    return found


def _prefix(path: str) -> str:
    """What the name of a temporary file for path begins with; the number of its process is the rest."""
    return ".%s.highwater." % os.path.basename(path)


def _has_ended(pid: int, temporary: str) -> bool:
    """Whether the process that wrote a temporary file is gone, though another of its number may run by now."""
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return pid == os.getpid() or not os.path.exists("/proc/%d" % pid) or os.lstat(temporary).st_mtime < booted


def _write_beside(path: str, data: bytes, mode: int) -> str:
    """A complete temporary file in the same folder: O_EXCL so that nobody's file or link is taken."""
    remove_leftovers(path)
    temporary = os.path.join(os.path.dirname(path), "%s%d" % (_prefix(path), os.getpid()))
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
        os.fchmod(fd, mode)
        os.fsync(fd)
    except BaseException:  # a signal too
        _remove(temporary)
        raise
    finally:
        os.close(fd)
    return temporary


def copy_attributes(source: int | str, target: int | str) -> None:
    """Owner, mode, then extended attributes, which hold the SELinux label and the ACLs; of files that are open or
    named. Raises OSError.
    """
    found = os.stat(source)
    os.chown(target, found.st_uid, found.st_gid)
    os.chmod(target, stat.S_IMODE(found.st_mode))  # chown clears set-id bits
    try:
        names = os.listxattr(source)
    except OSError:  # a filesystem without extended attributes
        return
    for name in names:
        os.setxattr(target, name, os.getxattr(source, name))


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
