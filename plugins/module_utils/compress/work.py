# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file from its original to its .gz, and back where that was not reached."""

from __future__ import annotations

import os
import time
from typing import Optional, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks
from ansible_collections.highwater.memory.plugins.module_utils.compress.ahead import Source, changed
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import Member, Stamp, read_chain
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import (
    Pair,
    chain,
    lock,
    make_part,
    open_part,
    open_regular,
    part_path,
    refuse_unlike,
    stamp,
)
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter, Slice
from ansible_collections.highwater.memory.plugins.module_utils.core.replace import copy_attributes
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.extents import is_blank


class Request(NamedTuple):
    """How to compress: level 1 to 9, bytes in a block, blocks at once, whether owner, mode, times and xattrs stay."""

    level: int
    block_size: int
    workers: int
    keep_metadata: bool


def compress(pair: Pair, request: Request, guard: Guard, slice_: Slice) -> Stamp:
    """Go on with a file until the result has its name and the original is gone; returns what the original was.

    guard: held. Raises Unfinished where the slice is over, HighwaterError and OSError; whatever happens, nothing is
    lost and the next call goes on from there.
    """
    lock(pair)
    if _held_by_result(pair) != stamp(pair).size:
        _take_second_name(pair)
        _take_name_back(pair)  # of one that the original has outgrown since
        _fill_part(pair, request, guard, slice_)
        _name_result(pair)
    return _remove_original(pair, request, guard)


def has_result(pair: Pair) -> bool:
    """Whether the .gz is there, without a part file, and holds this original from its start: nothing but its name was
    left to be taken away, though it may have grown since. Raises HighwaterError where another file has that name.
    """
    return _held_by_result(pair) is not None


def _held_by_result(pair: Pair) -> Optional[int]:
    """Bytes of the original, from its start, that the .gz holds; None where there is none of its own. Raises
    HighwaterError where another file has that name.
    """
    if _has_both_names(pair):
        return None
    fd = _open_result(pair)
    if fd is None:
        return None
    try:
        return _end(_members_of(pair, fd))
    finally:
        os.close(fd)


def _end(members: Sequence[Member]) -> int:
    """Where what they hold of the original ends."""
    return members[-1].offset + members[-1].length if members else 0


def size_in_the_end(pair: Pair) -> Optional[int]:
    """Bytes that the .gz of a run that was cut off will have, by what it has of the original; None where that is
    nothing yet. Raises HighwaterError where the run could not be gone on with.
    """
    fd = _open_result(pair) if has_result(pair) else open_part(pair)
    if fd is None:
        return None
    try:
        members = read_chain(fd) if has_result(pair) else chain(pair, fd)
    finally:
        os.close(fd)
    return (members[-1].at + members[-1].packed) * stamp(pair).size // _end(members) if members else None


def _open_result(pair: Pair) -> Optional[int]:
    """The .gz, open; None where there is no file of that name."""
    try:
        return open_regular(pair.folder, pair.result_name, os.O_RDONLY, pair.path + ".gz")
    except HighwaterError as error:
        if error.reason == "missing":
            return None
        raise


def _members_of(pair: Pair, result: int) -> tuple[Member, ...]:
    """The members of the .gz. Raises HighwaterError where it does not hold this original, at least its start, or is of
    somebody who has nothing to do with it.
    """
    members, now = read_chain(result), stamp(pair)
    ours = os.fstat(result).st_uid in (os.geteuid(), os.fstat(pair.original).st_uid)
    if ours and members and members[0].stamp.inode == now.inode and _end(members) <= now.size:
        try:
            refuse_unlike(pair, result, members)
            return members
        except Stopped:
            raise
        except HighwaterError:  # the original has bytes that are not in it
            pass
    raise HighwaterError("%s.gz is there already: move it away, or name another file" % pair.path, reason="exists")


def _has_both_names(pair: Pair) -> bool:
    """Whether a run was cut off when the part file had the name of the result beside its own."""
    part, result = _identity(pair, pair.part_name), _identity(pair, pair.result_name)
    return part is not None and part == result


def _identity(pair: Pair, name: str) -> Optional[tuple[int, int]]:
    try:
        found = os.stat(name, dir_fd=pair.folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _take_second_name(pair: Pair) -> None:
    """Of a part file that has the result's name as well: its own stays, whatever came to the original since."""
    if _has_both_names(pair):
        os.unlink(pair.result_name, dir_fd=pair.folder)
        os.fsync(pair.folder)


def _fill_part(pair: Pair, request: Request, guard: Guard, slice_: Slice) -> None:
    part = _begin(pair)
    try:
        _settle(pair, part)
        members = chain(pair, part)
        first = members[0].stamp if members else stamp(pair)
        source = Source(pair.path, pair.original, first, request.level, request.block_size, request.workers)
        work = blocks.Work(pair, part, source, guard)
        meter = Meter(slice_, "compressing %s" % pair.path, _end(members), stamp(pair).size)
        _refuse_written_to(pair, blocks.go_on(work, members, meter.reached))
        os.fsync(part)
    finally:
        try:
            if os.fstat(part).st_size == 0:
                os.unlink(pair.part_name, dir_fd=pair.folder)
        finally:
            os.close(part)


def _settle(pair: Pair, part: int) -> None:
    """Before anything is punched, all is on the disk that it rests on: the part file's name, the bytes of the original
    that are not compressed yet, and the last member of a run that was cut off. That one is asked of the disk: one of
    which the writing failed can still be in memory as if it were whole, and the kernel tells of the error only once.
    """
    os.fsync(pair.folder)
    os.fsync(pair.original)
    os.fsync(part)
    os.posix_fadvise(part, 0, 0, os.POSIX_FADV_DONTNEED)


def _begin(pair: Pair) -> int:
    part = open_part(pair)
    if part is None:
        blocks.refuse_without_room(pair)
        part = make_part(pair)
    return part


def _refuse_written_to(pair: Pair, done: int) -> None:
    """Raise HighwaterError where somebody wrote into a hole or to the end, in a moment in which the lease was not ours.

    done: bytes that are in members.
    """
    if not is_blank(pair.original, done):
        raise HighwaterError(
            "%s was written to while it was compressed: zcat %s has what was there, put them together by hand"
            % (pair.path, part_path(pair)),
            reason="changed",
        )
    if stamp(pair).size != done:
        raise changed(pair.path)


def _name_result(pair: Pair) -> None:
    """link(2) and not rename(2), since it replaces nothing that has come there meanwhile."""
    try:
        os.link(pair.part_name, pair.result_name, src_dir_fd=pair.folder, dst_dir_fd=pair.folder, follow_symlinks=False)
    except FileExistsError:
        raise HighwaterError("%s.gz is there already: move it away" % pair.path, reason="exists") from None
    os.fsync(pair.folder)


def _remove_original(pair: Pair, request: Request, guard: Guard) -> Stamp:
    """The part file's name first: where a run is cut off between the two, the original's is what tells the next.

    Returns what the original was. Raises HighwaterError where somebody waits to write to it: that would go to a file
    without a name, and be lost.
    """
    _refuse_another(pair)
    try:
        os.unlink(pair.part_name, dir_fd=pair.folder)
    except FileNotFoundError:
        pass
    os.fsync(pair.folder)
    result = _open_result(pair)
    if result is None:
        raise HighwaterError("%s.gz was taken away meanwhile: put it back" % pair.path, reason="changed")
    try:
        members = _members_of(pair, result)
        if _end(members) != stamp(pair).size:
            raise changed(pair.path)
        if request.keep_metadata:
            _give_metadata(pair, result, members[0].stamp)
        os.fsync(result)
        try:
            guard.refuse_waiting()
        except HighwaterError:
            _make_part_of(pair, result)
            raise
        _refuse_another(pair)
    finally:
        os.close(result)
    os.unlink(pair.name, dir_fd=pair.folder)
    os.fsync(pair.folder)
    return members[0].stamp


def _refuse_another(pair: Pair) -> None:
    """Raise HighwaterError where the name belongs to another file by now, as that of a log that was rotated."""
    found = os.fstat(pair.original)
    if _identity(pair, pair.name) != (found.st_dev, found.st_ino):
        raise HighwaterError(
            "%s is another file since, and was left alone: zcat %s.gz, or %s, has what the first one held"
            % (pair.path, pair.path, part_path(pair)),
            reason="changed",
        )


def _give_metadata(pair: Pair, result: int, first: Stamp) -> None:
    """Not before it is the result, and the only name of the file: a part file belongs to us alone, so that one which
    somebody else has made is never taken for ours.
    """
    copy_attributes(pair.original, result)
    now = os.fstat(pair.original)
    os.utime(result, ns=(now.st_atime_ns, first.mtime_ns if now.st_size == first.size else time.time_ns()))


# -- and back ------------------------------------------------------------------------------------


def restore(pair: Pair, guard: Guard, slice_: Slice) -> bool:
    """Give an original that was compressed in part its bytes back, last block first; arguments as for compress().

    Returns whether there was a run to undo. Needs the room that was won.
    """
    lock(pair)
    _take_second_name(pair)
    _take_name_back(pair)
    part = open_part(pair)
    if part is None:
        return False
    try:
        members = chain(pair, part)
        meter = Meter(slice_, "restoring %s" % pair.path, 0, _end(members))
        blocks.go_back(pair, part, members, guard, meter.reached)
        os.unlink(pair.part_name, dir_fd=pair.folder)
        os.fsync(pair.folder)
    finally:
        os.close(part)
    return True


def _take_name_back(pair: Pair) -> None:
    """Where a run was cut off when the result had its name and the original was still there: a part file again."""
    if _identity(pair, pair.part_name):
        return
    try:
        result = _open_result(pair)
    except Stopped:
        raise
    except HighwaterError:  # something that is no file
        return
    if result is None:
        return
    try:
        _members_of(pair, result)
    except Stopped:
        raise
    except HighwaterError:  # a .gz of somebody else's
        return
    else:
        _make_part_of(pair, result)
    finally:
        os.close(result)


def _make_part_of(pair: Pair, result: int) -> None:
    """The result, open, as the part file that it was: ours, and closed to others."""
    os.chown(result, os.geteuid(), os.getegid())
    os.chmod(result, 0o600)
    os.fsync(result)
    os.link(pair.result_name, pair.part_name, src_dir_fd=pair.folder, dst_dir_fd=pair.folder, follow_symlinks=False)
    os.fsync(pair.folder)
    os.unlink(pair.result_name, dir_fd=pair.folder)
    os.fsync(pair.folder)
