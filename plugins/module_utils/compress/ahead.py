# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of the original, compressed ahead of their turn by as many threads as there are workers: zlib lets go of the
interpreter's lock.

The first member of each run is unpacked again and compared, before anything is given up: a zlib that is wrong on this
host shows by that. With all of them it would take a tenth more time, and guard against a fault of the processor or the
memory that comes and goes; there zlib is trusted, as by gzip and pigz, which remove a file on its word.
"""

from __future__ import annotations

import collections
import concurrent.futures
import os

from ansible_collections.highwater.memory.plugins.module_utils.compress.member import Stamp, gives, pack
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple


class Source(NamedTuple):
    """What is read and how it is compressed.

    path: for messages; original: open for reading; stamp: what every member repeats.
    level: 1 to 9; block_size: bytes in a block; workers: blocks compressed at once.
    """

    path: str
    original: int
    stamp: Stamp
    level: int
    block_size: int
    workers: int


class Block(NamedTuple):
    """length bytes of the original from offset on, and the member that holds them."""

    offset: int
    length: int
    packed: bytes


class _Coming(NamedTuple):
    offset: int
    length: int
    packed: concurrent.futures.Future[bytes]


class Ahead:
    """A queue of blocks, each beginning where the one before it ends (a context manager)."""

    def __init__(self, source: Source, offset: int) -> None:
        """offset: where the first one begins."""
        self._source = source
        self._pool = concurrent.futures.ThreadPoolExecutor(source.workers)
        self._queue: collections.deque[_Coming] = collections.deque()
        self._first = self._end = offset

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_error: object) -> None:
        for coming in self._queue:
            coming.packed.cancel()
        self._pool.shutdown()

    def fill(self, size: int, length: int) -> None:
        """Keep the workers busy, up to the end of a file of size bytes, with blocks of length bytes.

        A block counts with all its bytes until it is compressed, and with its member's afterwards. All together are
        block_size for each worker, and one more; so where a file compresses well a slow disk stops no worker, and
        where it does not the memory stays small.
        """
        source = self._source
        while self._end < size and len(self._queue) <= 2 * source.workers:
            length = min(length, size - self._end)
            if self._queue and self._held() + length > source.block_size * (source.workers + 1):
                break
            os.posix_fadvise(source.original, self._end, length, os.POSIX_FADV_WILLNEED)
            packed = self._pool.submit(_packed, source, self._end, length, self._end == self._first)
            self._queue.append(_Coming(self._end, length, packed))
            self._end += length

    def next(self) -> Block:
        """The next block, once it is compressed. Raises HighwaterError and OSError."""
        coming = self._queue.popleft()
        return Block(coming.offset, coming.length, coming.packed.result())

    def begin_again(self, offset: int) -> None:
        """Forget all blocks: the next one begins at offset."""
        for coming in self._queue:
            coming.packed.cancel()
        self._queue.clear()
        self._end = offset

    def _held(self) -> int:
        return sum(
            len(coming.packed.result()) if coming.packed.done() and not coming.packed.exception() else coming.length
            for coming in self._queue
        )


def _packed(source: Source, offset: int, length: int, checked: bool) -> bytes:
    data = os.pread(source.original, length, offset)
    if len(data) != length:
        raise changed(source.path)
    packed = pack(source.stamp, offset, data, source.level)
    if checked and not gives(packed, data):
        raise HighwaterError(
            "%s: what zlib made of %d bytes from byte %d on does not unpack to them, so they were left as they are: "
            "have zlib, the memory and the processor looked at" % (source.path, length, offset),
            reason="verify",
        )
    return packed


def changed(path: str) -> HighwaterError:
    """What is raised where somebody writes to the file."""
    return HighwaterError(
        "%s changes while it is being compressed: try again when nobody writes to it" % path, reason="changed"
    )
