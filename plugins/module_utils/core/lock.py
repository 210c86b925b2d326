# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock that keeps two runs on one host apart, in between the calls of one run as well."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from typing import TYPE_CHECKING, Any, Iterator

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

LOCK = "/run/highwater-memory.lock"  # not in /run/lock, where any user may put a file that we then cannot open or lock
LOCK_TIMEOUT = 120.0
# Seconds that the lock is kept for the next call of a run that works in slices: more than a call takes to come.
LEASE = 30.0


class Lock:
    """An exclusive flock(2) on a file below /run, waited for with a bound; let go when the process ends.

    run: the calls of one name belong together. What the file says (``run``, ``until`` in seconds since the boot,
    ``work`` in words) keeps all others out until the next of them, or until that has not come in time.
    """

    def __init__(self, host: Host, timeout: float = LOCK_TIMEOUT, run: str = "") -> None:
        self._host = host
        self._timeout = timeout
        self._run = run
        self._fd = -1
        self._work = ""  # what the run that keeps us out is at, as far as it says

    def __enter__(self) -> Lock:
        self._host.make_folder(os.path.dirname(LOCK))
        path = self._host.path(LOCK)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise HighwaterError("%s is not a regular file: remove it" % path, reason="lock")
        for _turn in _until(self._timeout):
            if self._taken():
                return self
        os.close(self._fd)
        raise HighwaterError(
            "another run of highwater.memory has worked on this host for %d seconds (%s): wait for it to end"
            % (self._timeout, self._work or "%s is locked" % LOCK),
            reason="lock",
        )

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)

    def keep(self, work: str) -> None:
        """Keep other runs out until the next call of this one, with words for them."""
        lease = {"run": self._run, "until": _since_boot() + LEASE, "work": work}
        os.pwrite(self._fd, json.dumps(lease).encode("utf-8"), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return False
        lease = _parsed(os.pread(self._fd, 4096, 0))
        if lease.get("run") != self._run and lease.get("until", 0) > _since_boot():
            self._work = str(lease.get("work", ""))
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            return False
        os.ftruncate(self._fd, 0)
        return True


def _parsed(text: bytes) -> dict[str, Any]:
    """A lease; nothing where there is none, or half of one."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _since_boot() -> float:
    """Seconds since the boot, of suspension too: no change of the clock can make a lease long."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _until(timeout: float) -> Iterator[None]:
    """Turns of a waiting loop, a tenth of a second apart, at least one."""
    end = time.monotonic() + timeout
    yield
    while time.monotonic() < end:
        time.sleep(0.1)
        yield
