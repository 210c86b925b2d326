# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files to compress in place, on the real filesystem of the temporary folder."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import random
import time
import zlib

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks, work
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import opened
from ansible_collections.highwater.memory.plugins.module_utils.compress.punch import can_punch
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice

BLOCK = 2**16
WHOLE = Slice()
CALLS = ("write", "fdatasync", "fsync", "ftruncate", "link", "unlink", "rename", "utime", "chown", "chmod", "setxattr")
REQUEST = work.Request(level=6, block_size=BLOCK, workers=2, keep_metadata=True)


def log_lines(size, seed=0):
    """Bytes like those of a log: no two lines alike, about 4:1."""
    numbers = random.Random(seed)
    lines, length = [], 0
    while length < size:
        lines.append(b"%d GET /page/%d 200 %d agent\n" % (length, numbers.randrange(10**5), numbers.randrange(10**6)))
        length += len(lines[-1])
    return b"".join(lines)[:size]


def compress(path, request=REQUEST, slice_=WHOLE):
    with opened(str(path)) as pair, Guard(pair, Host()) as guard:
        return work.compress(pair, request, guard, slice_)


def restore(path, slice_=WHOLE):
    with opened(str(path)) as pair, Guard(pair, Host()) as guard:
        return work.restore(pair, guard, slice_)


def readable(path):
    """The original bytes as anybody can put them together from the disk: what gunzip makes of the part file, up to
    where it is torn, then what the original has from there on; or what gunzip makes of the result."""
    path = os.fspath(path)
    result, part = path + ".gz", os.path.join(os.path.dirname(path), ".%s.highwater" % os.path.basename(path))
    if os.path.exists(result) and not os.path.exists(part):
        with gzip.open(result) as file:
            return file.read()
    begun = b""
    if os.path.exists(part):
        try:
            with gzip.open(part) as file:
                for line in iter(lambda: file.read(4096), b""):
                    begun += line
        except (EOFError, OSError, zlib.error):
            begun = begun[: len(begun) // BLOCK * BLOCK]  # what is torn is still in the original
    with open(path, "rb") as file:
        file.seek(len(begun))
        return begun + file.read()


def dying(at, work):
    """Run work() in a process that is killed right before its call number ``at`` of CALLS and punch(); its exit status:
    whether it came that far."""
    pid = os.fork()
    if pid:
        return os.WEXITSTATUS(os.waitpid(pid, 0)[1])
    count = [0]

    def counted(call):
        def or_die(*arguments, **more):
            count[0] += 1
            if count[0] == at:
                os._exit(9)
            return call(*arguments, **more)

        return or_die

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    blocks.punch = counted(blocks.punch)
    try:
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)


def laid(path, like, owner):
    """A copy of the log, of an owner and with an attribute of its own."""
    path.parent.mkdir()
    path.write_bytes(like.read_bytes())
    os.chown(path, owner, -1)
    path.chmod(0o640)
    os.setxattr(path, "user.origin", b"app")
    os.utime(path, ns=(like.stat().st_atime_ns, like.stat().st_mtime_ns))


class Failing:
    """Stands in for calls: the one of number ``at``, of all, fails with this error."""

    def __init__(self, at, number):
        self.at, self.number, self.count = at, number, 0

    def __call__(self, call):
        def or_fail(*arguments, **more):
            self.count += 1
            if self.count == self.at:
                raise OSError(self.number, os.strerror(self.number))
            return call(*arguments, **more)

        return or_fail


class OneBlock(Slice):
    """A slice that is over after each block, whatever the time."""

    def __new__(cls):
        return super().__new__(cls, "run", time.monotonic())

    def is_over(self, left=0.0):
        return left > 0


@pytest.fixture
def log(tmp_path):
    """A file of seven blocks and a bit, of an owner, mode and age of its own."""
    path = tmp_path / "app.log"
    path.write_bytes(log_lines(7 * BLOCK + 12345))
    path.chmod(0o640)
    os.utime(path, ns=(10**18 + 123456789, 10**18 + 987654321))
    if not _punches(path):
        pytest.skip("the filesystem of the temporary folder cannot punch holes")
    return path


def _punches(path):
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with open(path, "rb") as file:
            return can_punch(folder, file.fileno())
    finally:
        os.close(folder)


@pytest.fixture
def last_name_stays(monkeypatch):
    """A context in which a run is cut off when all that is left to do is that the original loses its name."""

    @contextlib.contextmanager
    def patched():
        unlink = os.unlink

        def cut_off(path, **more):
            if path == "app.log":
                raise OSError(errno.EIO, "it ends here")
            unlink(path, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", cut_off)
            with pytest.raises((OSError, HighwaterError), match="it ends here"):
                yield

    return patched
