# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only room with I/O: files below a root, commands without a shell, one lock a host."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import time
from typing import Callable, Iterator, NamedTuple, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.replace import replace_file

# The whole of what a command of ours may find in its environment; LC_ALL so that what it prints can be parsed.
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
COMMAND_TIMEOUT = 120.0
LOCK = "/run/highwater-memory.lock"  # not in /run/lock, where any user may put a file that we then cannot open or lock
LOCK_TIMEOUT = 120.0

Runner = Callable[[Sequence[str], float], "Completed"]


class Completed(NamedTuple):
    """A command that has ended: exit status and what it said, as text."""

    status: int
    out: str
    err: str


def run_command(argv: Sequence[str], timeout: float) -> Completed:
    """Run argv to its end without a shell.

    Raises HighwaterError where the command does not exist or runs longer than timeout seconds.
    """
    try:
        done = subprocess.run(  # pylint: disable=subprocess-run-check,ansible-bad-function
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=ENVIRONMENT,
            timeout=timeout,
        )
    except FileNotFoundError:
        raise HighwaterError(
            "%s is not on this host: install the package that has it (util-linux for swap commands)" % argv[0],
            reason="command_missing",
            command=argv[0],
        ) from None
    except subprocess.TimeoutExpired:
        raise HighwaterError("%s did not end within %d seconds" % (" ".join(argv), timeout), reason="timeout") from None
    return Completed(
        done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")
    )


class Host:
    """A machine, seen through the folder that holds its ``proc/ sys/ etc/``.

    root:   the folder; "/" is this machine, a folder of samples is a machine to a test.
    runner: what runs a command; a test gives a stand-in.
    """

    def __init__(self, root: str = "/", runner: Runner = run_command) -> None:
        self.root = root.rstrip("/")
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

    def readlink(self, path: str) -> str | None:
        """Where a symbolic link points to; None where path is not one."""
        try:
            return os.readlink(self.path(path))
        except OSError:
            return None

    def run(self, *argv: str, check: bool = True, timeout: float = COMMAND_TIMEOUT) -> Completed:
        """Run a command; with check, HighwaterError where it exits with anything but 0, with what it said."""
        done = self._runner(argv, timeout)
        if check and done.status != 0:
            raise HighwaterError(
                "%s: %s" % (" ".join(argv), _last_line(done) or "exit status %d" % done.status),
                reason="command_failed",
                command=" ".join(argv),
            )
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
        self.make_folder(os.path.dirname(path))
        replace_file(self.path(path), text.encode("utf-8", "surrogateescape"), mode)

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        """A folder and those above it, 0755 but for the last."""
        if path in ("", "/") or self.lstat(path) is not None:
            return
        self.make_folder(os.path.dirname(path))
        os.mkdir(self.path(path), mode)
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
        """Unlink a file; nothing where it is not there."""
        try:
            os.unlink(self.path(path))
        except FileNotFoundError:
            pass

    def remove_empty_folders(self, path: str, above: str) -> None:
        """Remove a folder and those over it, up to but not with ``above``, as long as they are empty."""
        while path.startswith(above + "/"):
            try:
                os.rmdir(self.path(path))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise
                if error.errno != errno.ENOENT:
                    return
            path = os.path.dirname(path)

    def lock(self, timeout: float = LOCK_TIMEOUT) -> Lock:
        """The lock that keeps two runs on one host apart (a context manager)."""
        return Lock(self, timeout)


class Lock:
    """An exclusive flock(2) on a file below /run, waited for with a bound; let go when the process ends."""

    def __init__(self, host: Host, timeout: float) -> None:
        self._host = host
        self._timeout = timeout
        self._fd = -1

    def __enter__(self) -> None:
        self._host.make_folder(os.path.dirname(LOCK))
        path = self._host.path(LOCK)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise HighwaterError("%s is not a regular file: remove it" % path, reason="lock")
        for _turn in _until(self._timeout):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
        raise HighwaterError(
            "another run of highwater.memory has worked on this host for %d seconds (%s is locked): "
            "wait for it to end" % (self._timeout, LOCK),
            reason="lock",
        )

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)


def _until(timeout: float) -> Iterator[None]:
    """Turns of a waiting loop, a tenth of a second apart, at least one."""
    end = time.monotonic() + timeout
    yield
    while time.monotonic() < end:
        time.sleep(0.1)
        yield


def _last_line(done: Completed) -> str:
    """The line that says why a command failed: the last one of stderr, else of stdout."""
    for text in (done.err, done.out):
        lines = text.strip().splitlines()
        if lines:
            return lines[-1]
    return ""
