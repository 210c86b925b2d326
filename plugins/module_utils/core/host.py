# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only room with I/O: files below a root, commands without a shell, one lock a host."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Callable, Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS, Slice
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.lock import Lock

COMMAND_TIMEOUT = 120.0

Runner = Callable[[Sequence[str], float], "Completed"]


class Completed(NamedTuple):
    """A command that has ended: exit status and what it said, as text."""

    status: int
    out: str
    err: str


class Host:
    """A machine, seen through the folder that holds its ``proc/ sys/ etc/``.

    root:   the folder; "/" is this machine, a folder of samples is a machine to a test.
    runner: what runs a command, None for command.py; a test gives a stand-in.
    slice:  how long this call may work on it (see progress.py).
    kept:   by name of a setting, why it could not be given back in this pass, which went on without.
    """

    def __init__(self, root: str = "/", runner: Optional[Runner] = None) -> None:
        self.root = root.rstrip("/")
        self.slice = Slice()
        self.kept: dict[str, str] = {}
        self._runner = runner

    def path(self, path: str) -> str:
        """Where an absolute path of the machine is found by this process."""
        return self.root + path

    # -- looking ---------------------------------------------------------------------------------

    def read(self, path: str) -> str | None:
        """The text of a file, or None where there is no such file (the kernel lacks the feature).

        Bytes that are not UTF-8 survive a round trip (surrogateescape); line ends are kept.
        Raises OSError for everything but a file that is missing.
        """
        data = self.read_bytes(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def read_bytes(self, path: str) -> bytes | None:
        """As read(), without decoding."""
        try:
            with open(self.path(path), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_start(self, path: str, length: int) -> bytes | None:
        """The first bytes of a file or block device, fewer where it is shorter; None where it is missing."""
        try:
            with open(self.path(path), "rb", buffering=0) as file:
                return file.read(length)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def must_read(self, path: str) -> str:
        """The text of a file that every Linux has; HighwaterError where it is missing."""
        text = self.read(path)
        if text is None:
            raise HighwaterError("%s is not readable on this host: is /proc mounted?" % path, reason="container")
        return text

    def lstat(self, path: str) -> os.stat_result | None:
        """What stands at path, links not followed; None where nothing does."""
        try:
            return os.lstat(self.path(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, path: str) -> bool:
        """Whether anything, a dangling link too, stands at path."""
        return self.lstat(path) is not None

    def listdir(self, path: str) -> list[str]:
        """The names in a folder, sorted; empty where there is no such folder."""
        try:
            return sorted(os.listdir(self.path(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def subfolders(self, path: str) -> list[str]:
        """The names of the folders in a folder, links not followed, sorted; empty where there is no such folder."""
        try:
            with os.scandir(self.path(path)) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def readlink(self, path: str) -> str | None:
        """Where a symbolic link points to; None where path is not one."""
        try:
            return os.readlink(self.path(path))
        except OSError:
            return None

    def run(self, *argv: str, check: bool = True, timeout: float = COMMAND_TIMEOUT, may_end: bool = False) -> Completed:
        """Run a command; with check, HighwaterError where it exits with anything but 0, with what it said.

        may_end: a signal ends it, instead of waiting for it.
        """
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.core import command

        SIGNALS.ends_command = may_end
        done = (self._runner or command.run_command)(argv, timeout)
        if check:
            command.refuse_failure(argv, done)
        return done

    # -- changing --------------------------------------------------------------------------------

    def write_kernel(self, path: str, text: str) -> None:
        """Write a value to a file of /proc or /sys in a single write(2), as the kernel wants it.

        Raises OSError (EINVAL, EBUSY ...) as the kernel gives it; never creates a file.
        """
        fd = os.open(self.path(path), os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC)
        try:
            os.write(fd, text.encode("utf-8", "surrogateescape"))
        finally:
            os.close(fd)

    def install(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file in place atomically, its folders made where missing; links at path are refused.

        mode is that of a new file; one that is there keeps its mode, owner, label and ACLs.
        """
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.core.replace import replace_file

        self.make_folder(os.path.dirname(path))
        replace_file(self.path(path), text.encode("utf-8", "surrogateescape"), mode)

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        """A folder and those above it, 0755 but for the last."""
        if path in ("", "/") or self.lstat(path) is not None:
            return
        self.make_folder(os.path.dirname(path))
        try:
            os.mkdir(self.path(path), mode)
        except FileExistsError:  # made in this very moment by a module that does not wait for our lock
            return
        os.chmod(self.path(path), mode)  # the umask of a remote session is not ours to choose

    def link(self, path: str, target: str) -> None:
        """A symbolic link at path, replaced atomically; its folder made where missing.

        Raises HighwaterError where something that is no link stands there.
        """
        old = self.lstat(path)
        if old is not None and not stat.S_ISLNK(old.st_mode):
            raise HighwaterError("%s is not a symbolic link: move it away" % path, reason="not_a_link")
        self.make_folder(os.path.dirname(path))
        temporary = "%s.highwater.%d" % (self.path(path), os.getpid())
        os.symlink(target, temporary)
        os.rename(temporary, self.path(path))

    def remove(self, path: str) -> None:
        """Unlink a file; nothing where it is not there. A power cut does not bring it back."""
        try:
            os.unlink(self.path(path))
        except FileNotFoundError:
            return
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.core.replace import sync_folder

        try:
            sync_folder(os.path.dirname(self.path(path)))
        except OSError:  # it is away; a disk that cannot even note that says so to whoever writes next
            pass

    def remove_empty_folders(self, path: str, above: str) -> None:
        """Remove a folder and those over it, up to but not with ``above``, as long as they are empty."""
        while path != "/" and path.startswith(above.rstrip("/") + "/"):
            try:
                os.rmdir(self.path(path))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise
                if error.errno != errno.ENOENT:
                    return
            path = os.path.dirname(path)

    def lock(self, timeout: float | None = None) -> Lock:
        """The lock that keeps two runs on one host apart (a context manager); timeout: seconds, None for the usual."""
        # Start-up is most of what a module costs, and what only reads takes no lock.
        from ansible_collections.highwater.memory.plugins.module_utils.core.lock import LOCK_TIMEOUT, Lock

        return Lock(self, LOCK_TIMEOUT if timeout is None else timeout, self.slice.run)
