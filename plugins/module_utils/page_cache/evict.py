# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files out of the page cache, one after the other, with what was counted before and after."""

from __future__ import annotations

import collections
import ctypes
import os
import time
from typing import Any, Callable, Iterator, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.counting import MINCORE, PAGE, Count, Counter
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import Request, shown

WAIT_BEFORE, WRITE, WAIT_AFTER = 1, 2, 4  # sync_file_range(2), linux/fs.h
DONTNEED = os.POSIX_FADV_DONTNEED
FOLIO = 2**21  # the kernel drops pages of a file by folios, of at most a huge page, or not at all
WINDOW = 2**28  # bytes of a large file that are dealt with at once, so that it can be put down in between
DIRTY_WINDOW = 2**25  # the same of one that has to be written first, for which a slow disk takes seconds
WRITING, WRITING_BYTES = 64, 2**24  # files that are being written at the same time, and what is cached of them
ERRORS = 100  # that are named; the rest is counted


Pause = Callable[[int, float, float], None]


class Totals:
    """What was found and done so far; bytes, where nothing else is said.

    files:     that were looked at.
    before:    cached when we came; after: when we left (in check mode: would be).
    dirty:     of after, not written; stuck: of it, mapped by a program or locked.
    undivided: files counted without the kernel saying what of them is dirty: what is left of these is in stuck.
    uncounted: files that could not be counted at all, whether they were dropped or left alone.
    errors:    the first of them, each ``{path, why}``; failed: how many.
    how:       by what was counted.
    """

    NUMBERS = ("files", "before", "after", "dirty", "stuck", "undivided", "uncounted", "failed")

    def __init__(self) -> None:
        self.files = self.before = self.after = self.dirty = self.stuck = 0
        self.undivided = self.uncounted = self.failed = 0
        self.how: Optional[str] = None
        self.errors: list[dict[str, str]] = []

    def complain(self, path: str, error: OSError) -> None:
        self.failed += 1
        if len(self.errors) < ERRORS:
            self.errors.append({"path": shown(path), "why": error.strerror or str(error)})

    def add(self, other: dict[str, Any]) -> None:
        """Add what another process, or an earlier call, has found: as_dict() of it."""
        for name in self.NUMBERS:
            setattr(self, name, getattr(self, name) + other[name])
        self.errors = (self.errors + other["errors"])[:ERRORS]
        self.how = MINCORE if MINCORE in (self.how, other["how"]) else self.how or other["how"]

    @property
    def evicted(self) -> int:
        return self.before - self.after

    def as_dict(self) -> dict[str, Any]:
        return dict({name: getattr(self, name) for name in self.NUMBERS}, errors=self.errors, how=self.how)


class _Writing(NamedTuple):
    """A file whose dirty pages are on their way to the disk; before: bytes of it that were cached."""

    fd: int
    before: int


class Evictor:
    """Purges open files as a request says, and adds up what it finds.

    pause: called between two parts of a large file with the offset reached, how much of the file is behind it (0 to 1),
    and the seconds that the rest will take; may raise, which puts it down.
    """

    def __init__(self, request: Request, counter: Counter, totals: Totals, pause: Pause = lambda *_where: None) -> None:
        self._request = request
        self._counter = counter
        self._totals = totals
        self._pause = pause
        self._now = time.time()
        self._looks = bool(request.min_size or request.min_cached or request.older_than)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
        self._writing: collections.deque[_Writing] = collections.deque()
        self._writing_bytes = 0

    def file(self, fd: int, start: int = 0) -> None:
        """One file, from an offset on; closes it, at once or once it is written. Its errors are counted."""
        done = True
        try:
            done = self._is_done(fd, start)
        except OSError as error:
            self._totals.complain(_path_of(fd), error)
        finally:
            if done:
                os.close(fd)

    def finish(self) -> None:
        """Wait for what is still being written, and drop it."""
        while self._writing:
            self._drop_written()

    # -- one file --------------------------------------------------------------------------------

    def _is_done(self, fd: int, start: int) -> bool:
        """Purge a file; False where it is being written, and dealt with later."""
        if self._looks and not start and self._is_left_alone(fd):
            return True
        before = self._counter.count(fd)
        step = self._step(before)
        if not start:
            self._totals.files += 1
            self._totals.uncounted += before is None
            if before is not None and not before[0]:
                return True
            if not self._request.keep_tail and (before is None or before[0] <= step):
                return self._is_done_at_once(fd, before)
        self._parts(fd, start, step)
        return True

    def _step(self, count: Count | None) -> int:
        """Bytes of a file that are dealt with at once. Where nobody knows what is dirty, all may be."""
        writes = self._request.sync and self._request.evict and (count is None or count[1] != 0)
        return min(DIRTY_WINDOW, WINDOW) if writes else WINDOW

    def _is_left_alone(self, fd: int) -> bool:
        """Whether a file is too small, too new, or too little of it is cached."""
        request, found = self._request, os.fstat(fd)
        if found.st_size < request.min_size:
            return True
        if request.older_than is not None and self._now - found.st_mtime < request.older_than:
            return True
        if request.min_cached:
            count = self._counter.count(fd)
            if count is None:  # nobody knows whether it is enough
                self._totals.files += 1
                self._totals.uncounted += 1
            return count is None or count[0] < request.min_cached
        return False

    def _is_done_at_once(self, fd: int, before: Count | None) -> bool:
        """Purge the whole of a file that is not large; False where it is being written."""
        if before is not None and before[1] and self._request.sync and self._request.evict:
            self._write(fd, before[0])
            return False
        self._part(fd, 0, 0, before)
        return True

    def _parts(self, fd: int, start: int, step: int) -> None:
        """Purge a file that is large, or of which the end is to stay."""
        size = os.fstat(fd).st_size
        end = size if not self._request.keep_tail else max(0, size - self._request.keep_tail) // PAGE * PAGE
        if end < size and not start:
            self._left(self._counter.count(fd, end))
        began = time.monotonic()
        for offset, length in _parts_of(start, end, size, step):
            if offset > start:
                left = (time.monotonic() - began) * (end - offset) / (offset - start)
                self._pause(offset, offset / end, left)
            self._part(fd, offset, length, self._counter.count(fd, offset, length))
        if end < size:
            self._forgive(fd, end)

    def _part(self, fd: int, offset: int, length: int, before: Count | None) -> None:
        if before is None:
            return self._blindly(fd, offset, length)
        cached, dirty = before
        if not self._request.evict:
            self._would(cached, dirty)
        elif cached:
            self._drop(fd, offset, length, cached, written=dirty == 0)

    def _forgive(self, fd: int, end: int) -> None:
        """Do not blame programs for what is left right before the tail, which may be of a folio that both are in."""
        edge = max(0, end - FOLIO)
        cached, dirty = self._counter.count(fd, edge, end - edge) or (0, 0)
        self._totals.stuck -= min(self._totals.stuck, max(cached - (dirty or 0), 0))

    def _left(self, count: Count | None) -> None:
        """Count what is to stay."""
        if count is not None:
            self._totals.before += count[0]
            self._totals.after += count[0]

    def _would(self, cached: int, dirty: Optional[int]) -> None:
        """Count what a purge would have done, as far as can be told without one."""
        stays = 0 if self._request.sync else dirty or 0
        self._totals.undivided += dirty is None
        self._totals.before += cached
        self._totals.after += stays
        self._totals.dirty += stays

    def _blindly(self, fd: int, offset: int, length: int) -> None:
        """Purge what cannot be counted."""
        if self._request.evict:
            if self._request.sync:
                self._sync_range(fd, offset, length, WAIT_BEFORE | WRITE | WAIT_AFTER)
            os.posix_fadvise(fd, offset, length, DONTNEED)

    def _drop(self, fd: int, offset: int, length: int, before: int, written: bool) -> None:
        """Drop a range of which so many bytes are cached; written: whether none of it is dirty."""
        sync, totals = self._request.sync, self._totals
        if sync and not written:
            self._sync_range(fd, offset, length, WAIT_BEFORE | WRITE | WAIT_AFTER)
        os.posix_fadvise(fd, offset, length, DONTNEED)
        after, dirty = self._counter.count(fd, offset, length) or (0, 0)
        if sync and after and dirty != 0:
            # Not every filesystem has written it by then: NFS wants a commit, btrfs compresses in the background.
            os.fdatasync(fd)
            os.posix_fadvise(fd, offset, length, DONTNEED)
            after, dirty = self._counter.count(fd, offset, length) or (0, 0)
        totals.before += before
        totals.undivided += dirty is None
        if after:  # more than before, where the file is being read meanwhile
            totals.before += max(0, after - before)
            totals.after += after
            totals.dirty += min(dirty or 0, after)
            totals.stuck += max(after - (dirty or 0), 0)

    # -- dirty files, several at a time ----------------------------------------------------------

    def _write(self, fd: int, before: int) -> None:
        """Have a file written, and drop the one that has been longest at it where there are many."""
        self._sync_range(fd, 0, 0, WRITE)
        self._writing.append(_Writing(fd, before))
        self._writing_bytes += before
        while len(self._writing) > WRITING or self._writing_bytes > WRITING_BYTES:
            self._drop_written()

    def _drop_written(self) -> None:
        one = self._writing.popleft()
        self._writing_bytes -= one.before
        try:
            self._drop(one.fd, 0, 0, one.before, written=False)
        except OSError as error:
            self._totals.complain(_path_of(one.fd), error)
        finally:
            os.close(one.fd)

    def _sync_range(self, fd: int, offset: int, length: int, how: int) -> None:
        if self._libc.sync_file_range(fd, offset, length, how) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _path_of(fd: int) -> str:
    return os.readlink("/proc/self/fd/%d" % fd)


def _parts_of(start: int, end: int, size: int, step: int) -> Iterator[tuple[int, int]]:
    """Offset and length of the parts of a file, of step bytes; the last one goes up to the file's end (0) where all of
    it is meant, since it may be growing.
    """
    for offset in range(start, end, step):
        if offset + step < end:
            yield offset, step
        else:
            yield offset, end - offset if end < size else 0
