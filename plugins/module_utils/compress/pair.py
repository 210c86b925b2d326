# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An original and the part file beside it, open; nothing here follows a link or waits for a FIFO."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import zlib
from typing import Iterator, Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.compress.behind import PAGE, is_torn
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import (
    Member,
    Stamp,
    pieces,
    read_chain,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.extents import is_blank

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}
LONGEST_NAME = 255  # bytes; NAME_MAX of every filesystem that can punch holes


class Pair(NamedTuple):
    """Where one file is worked on.

    path:     of the original, as errors name it.
    folder:   its folder, open; name: its name in there.
    original: the file, open for reading only.
    """

    path: str
    folder: int
    name: str
    original: int

    @property
    def part_name(self) -> str:
        """The file that grows while the original shrinks."""
        return part_name(self.name)

    @property
    def result_name(self) -> str:
        """What it is called in the end."""
        return self.name + ".gz"


def part_name(name: str) -> str:
    """The name of the part file in the folder of the original."""
    return ".%s.highwater" % name


@contextlib.contextmanager
def opened(path: str) -> Iterator[Pair]:
    """The original at path, open. Raises HighwaterError for what is no regular file of one name."""
    folder_path, name = os.path.split(path)
    if len(os.fsencode(part_name(name))) > LONGEST_NAME:
        raise HighwaterError(
            "%s: its name has %d bytes, and the part file's would have more than %d: rename it first"
            % (path, len(os.fsencode(name)), LONGEST_NAME),
            reason="name",
        )
    try:
        folder = os.open(folder_path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    try:
        original = open_regular(folder, name, os.O_RDONLY, path)
        try:
            yield Pair(path, folder, name, original)
        finally:
            os.close(original)
    finally:
        os.close(folder)


def open_regular(folder: int, name: str, mode: int, path: str, links: int = 1) -> int:
    """Open a regular file of at most so many names, no link followed. Raises HighwaterError with path in it."""
    try:
        _refuse_kind(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode, path)
        fd = os.open(name, mode | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise _missing(path) from None
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):  # put there since
        os.close(fd)
        _refuse_kind(found.st_mode, path)
    if found.st_nlink > links:
        os.close(fd)
        raise HighwaterError(
            "%s has %d names (hard links), which would go apart: remove the others first" % (path, found.st_nlink),
            reason="hard_links",
        )
    return fd


def _refuse_kind(mode: int, path: str) -> None:
    """Raise HighwaterError for all but a regular file: a device is not even opened, some do things then."""
    if stat.S_ISLNK(mode):
        raise HighwaterError("%s is a symbolic link: name the file that it points to" % path, reason="symlink")
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "something else")
        raise HighwaterError("%s is %s: name a regular file" % (path, kind), reason="not_a_file")


def _missing(path: str) -> HighwaterError:
    return HighwaterError("%s does not exist: name a file or folder that does" % path, reason="missing")


def open_part(pair: Pair) -> Optional[int]:
    """The part file, open and locked; None where there is none.

    Raises HighwaterError where something else stands there, or another run works on it.
    """
    try:
        fd = open_regular(pair.folder, pair.part_name, os.O_RDWR, part_path(pair), links=2)  # two at the end
    except HighwaterError as error:
        if error.reason == "missing":
            return None
        raise
    return _locked(pair, fd)


def make_part(pair: Pair) -> int:
    """A new part file, 0600, open and locked. Raises OSError (EEXIST where one is there)."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return _locked(pair, os.open(pair.part_name, flags, 0o600, dir_fd=pair.folder))


def lock(pair: Pair) -> None:
    """Keep other runs away from an original until it is closed: one that is about to take a name away would meet one
    that has just given it. Raises HighwaterError where another is there.
    """
    try:
        fcntl.flock(pair.original, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _locked_by_others(pair) from None
    except OSError:  # a network's filesystem, which locks what is open for writing only
        pass


def _locked_by_others(pair: Pair) -> HighwaterError:
    return HighwaterError("%s: another run works on it: wait for it to end" % pair.path, reason="lock")


def _locked(pair: Pair, fd: int) -> int:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_uid != os.geteuid():
            raise HighwaterError("%s belongs to somebody else: move it away" % part_path(pair), reason="not_ours")
    except BlockingIOError:
        os.close(fd)
        raise _locked_by_others(pair) from None
    except HighwaterError:
        os.close(fd)
        raise
    return fd


def part_path(pair: Pair) -> str:
    """The part file's path, for messages."""
    return os.path.join(os.path.dirname(pair.path), pair.part_name)


def stamp(pair: Pair) -> Stamp:
    """What tells this original from another, now."""
    found = os.fstat(pair.original)
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_blocks * 512)


def chain(pair: Pair, part: int) -> tuple[Member, ...]:
    """What the part file holds of this original. Raises HighwaterError where it is of another, or does not fit."""
    members = read_chain(part)
    if not is_torn(pair.original, part, members):
        raise _not_torn(pair, part, members)
    if not members:
        return members
    now, end = stamp(pair), members[-1].offset + members[-1].length
    if members[0].stamp.inode != now.inode:
        raise HighwaterError(
            "%s belongs to a file that stood at %s before this one: move it away, it can be read with zcat"
            % (part_path(pair), pair.path),
            reason="other_file",
        )
    if now.size < end:
        raise HighwaterError(
            "%s was cut to %d bytes since a run compressed the first %d: these can be read with zcat %s"
            % (pair.path, now.size, end, part_path(pair)),
            reason="changed",
        )
    refuse_unlike(pair, part, members[:-1])  # the last one may well be whole; who goes on looks at it
    return members


def unpunched(pair: Pair, members: Sequence[Member]) -> list[Member]:
    """Those whose blocks are no holes in the original: after a power cut some are back that were punched. fsync of the
    part file is no promise about the original; btrfs writes a log for each file by itself.
    """
    if not members or is_blank(pair.original, members[-1].offset + members[-1].length):  # one look at one hole
        return []
    return [member for member in members if not is_blank(pair.original, member.offset + member.length, member.offset)]


def refuse_unlike(pair: Pair, part: int, members: Sequence[Member]) -> None:
    """Raise HighwaterError where the original has other bytes in the place of a member than its own, or a hole."""
    for member in unpunched(pair, members):
        try:
            refuse_changed(pair, part, member)
        except zlib.error:
            raise damaged(pair, member.offset) from None


def refuse_changed(pair: Pair, part: int, member: Member) -> None:
    """Raise HighwaterError where the block of a member holds what is neither its own nor a hole: a run may have
    been cut off while it was punched, or written back.
    """
    at = member.offset
    for piece in pieces(part, member):
        there = os.pread(pair.original, len(piece), at)
        for start in range(0, len(piece), PAGE):
            if not _is_partly(there[start : start + PAGE], piece[start : start + PAGE]):
                raise HighwaterError(
                    "%s was written to at byte %d, which is compressed already: zcat %s has what was there"
                    % (pair.path, at + start, part_path(pair)),
                    reason="changed",
                )
        at += len(piece)


def _is_partly(there: bytes, wanted: bytes) -> bool:
    """Whether each byte that is there is the one wanted, or zero: as one that was punched, or is not written yet."""
    if there == wanted or there.count(0) == len(there):
        return True
    return len(there) == len(wanted) and all(one in (0, other) for one, other in zip(there, wanted))


def _not_torn(pair: Pair, part: int, members: Sequence[Member]) -> HighwaterError:
    """What is raised where there is something else behind the members than a run leaves."""
    if not members and not is_blank(pair.original, PAGE):
        return HighwaterError("%s is not a part file of ours: move it away" % part_path(pair), reason="not_ours")
    return damaged(pair, members[-1].offset + members[-1].length if members else 0)


def damaged(pair: Pair, offset: int) -> HighwaterError:
    """What is raised where the disk has other bytes in the member of this offset than were written."""
    return HighwaterError(
        "%s: what holds its bytes from %d on is damaged on the disk, and was left as it is: zcat %s has those before, "
        "and the kernel's log may say why" % (pair.path, offset, part_path(pair)),
        reason="verify",
    )
