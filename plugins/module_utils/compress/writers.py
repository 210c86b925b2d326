# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody else may write to the original while its blocks are moved: the lease, and who stands in its way."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator

from ansible_collections.highwater.memory.plugins.module_utils.compress import lease
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import Pair
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.processes import described
from ansible_collections.highwater.memory.plugins.module_utils.open_files.scan import writers_of

UNSEEN = "somebody who is not seen from here (the kernel itself, where it is swap or a mounted image)"


class Guard:
    """Keeps writers away from an original while it is held (a context manager).

    Where the filesystem has no leases, the processes are asked once, at the start.
    Raises HighwaterError(reason=open) where somebody has the file open for writing, or opens it meanwhile.
    """

    def __init__(self, pair: Pair, host: Host) -> None:
        self._pair = pair
        self._host = host
        self._leased = False

    def __enter__(self) -> Guard:
        given = lease.take(self._pair.original)
        if given is False or (given is None and next(self._writers(), None)):
            raise self._written_to()
        self._leased = bool(given)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._leased:
            lease.give_back(self._pair.original)

    def refuse_waiting(self) -> None:
        """Raise HighwaterError(reason=open) where somebody waits for us to let the file be opened for writing."""
        if self._leased and lease.broken(self._pair.original):
            raise self._written_to()

    @contextlib.contextmanager
    def opened_for_writing(self) -> Iterator[int]:
        """The original open for writing, for the moment that a block is punched.

        A read lease stands against any writer, ourselves too, so it is let go for that moment and taken again.
        """
        self.refuse_waiting()
        if self._leased:
            self._leased = False
            lease.give_back(self._pair.original)
            with self._writable() as fd:
                yield fd
            if lease.take(self._pair.original) is not True:
                raise self._written_to()
            self._leased = True
        else:
            with self._writable() as fd:
                yield fd

    @contextlib.contextmanager
    def _writable(self) -> Iterator[int]:
        fd = os.open("/proc/self/fd/%d" % self._pair.original, os.O_WRONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def _writers(self) -> Iterator[str]:
        found = os.fstat(self._pair.original)
        for writer in writers_of(self._host, found.st_dev, found.st_ino):
            if writer.pid != os.getpid():
                yield described(self._host, writer.pid)

    def _written_to(self) -> HighwaterError:
        return HighwaterError(
            "%s is open for writing by %s: let it close the file first"
            % (self._pair.path, next(self._writers(), UNSEEN)),
            reason="open",
        )
