# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs on a machine of the lab: compresses a file in place on a full filesystem, and is killed.

    compress_killed.py lay KEPT PATH FREE        the log KEPT at PATH, and the filesystem full but for FREE bytes
    compress_killed.py work PATH                 compress it; says when the work itself begins
    compress_killed.py time PATH                 the same, let be; prints its seconds
    compress_killed.py look PATH                 the sum of its bytes as they can be put together from the disk
    compress_killed.py kill KEPT PATH FREE ROUNDS SEED
                                                 all of these: laid out, killed, looked at, gone on with, unpacked;
                                                 every second time it is undone first

KEPT is made where it is missing. `kill` prints a line of JSON for each kill, until so many ROUNDS of them came midway.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator

from ansible_collections.highwater.memory.plugins.module_utils.compress import work
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import opened
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice

BLOCK = 2**20
MIB = 24  # in the log
TRIES = 3  # kills, at most, for one that comes midway
REQUEST = work.Request(level=6, block_size=BLOCK, workers=2, keep_metadata=True)
FILLER = "filler"


def compress(path: str) -> None:
    with opened(path) as pair, Guard(pair, Host()) as guard:
        print("begun", flush=True)
        work.compress(pair, REQUEST, guard, Slice())


def restore(path: str) -> None:
    with opened(path) as pair, Guard(pair, Host()) as guard:
        work.restore(pair, guard, Slice())


def restored(path: str, free: int) -> int:
    """Undo a run; where that lacks room for what the filesystem keeps of the file's extents, which has to be said, once
    more with as many bytes as it took to begin: returns how many.
    """
    try:
        restore(path)
        return 0
    except HighwaterError as error:
        if error.reason != "disk_full":
            raise
    filler = os.path.join(os.path.dirname(path), FILLER)
    os.truncate(filler, os.path.getsize(filler) - free)
    os.sync()
    restore(path)
    return free


def part_of(path: str) -> str:
    return os.path.join(os.path.dirname(path), ".%s.highwater" % os.path.basename(path))


def readable(path: str) -> str:
    """Sum of the original bytes, without any of our code: what the whole members of the part file unpack to, and what
    the original has from there on; or what gunzip makes of the result."""
    total, at = hashlib.sha256(), 0
    if os.path.exists(path + ".gz") and not os.path.exists(part_of(path)):
        with gzip.open(path + ".gz") as file:
            total.update(file.read())
        return total.hexdigest()
    if os.path.exists(part_of(path)):
        with open(part_of(path), "rb") as file:
            for member in unpacked(file.read()):
                total.update(member)
                at += len(member)
    with open(path, "rb") as file:
        file.seek(at)
        total.update(file.read())
    return total.hexdigest()


def unpacked(packed: bytes) -> Iterator[bytes]:
    """Each member of a gzip up to the first that is torn."""
    while packed:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            whole = member.decompress(packed)
        except zlib.error:
            return
        if not member.eof:
            return
        yield whole
        packed = member.unused_data


def kill_again_and_again(kept: str, path: str, free: int, rounds: int, seed: int) -> None:
    make(kept)
    with open(kept, "rb") as file:
        expected = hashlib.sha256(file.read()).hexdigest()
    moments = random.Random(seed)
    lay(kept, path, free)
    seconds = timed(path)
    number = midway = 0
    while midway < rounds and number < TRIES * rounds:
        lay(kept, path, free)
        after = moments.uniform(0.0, seconds)
        status = killed(path, after)
        if status == 0:  # it was through by then: machines are not as fast at all times
            seconds = after
        begun = os.path.getsize(part_of(path)) if os.path.exists(part_of(path)) else 0
        first = readable(path)
        undone, more = number % 2 == 1 and os.path.exists(path), 0
        if undone:
            more = restored(path, free)
            with open(path, "rb") as file:
                back = hashlib.sha256(file.read()).hexdigest() == expected and not os.path.exists(part_of(path))
        if os.path.exists(path):
            with contextlib.redirect_stdout(sys.stderr):
                compress(path)
        print(
            json.dumps(
                {
                    "round": number,
                    "after": round(after, 3),
                    "killed": status == -signal.SIGKILL,
                    "begun": begun,
                    "recoverable": first == expected,
                    "restored": back if undone else None,
                    "more": more,
                    "whole": readable(path) == expected,
                    "left": sorted(set(os.listdir(os.path.dirname(path))) - {"lost+found", FILLER}),
                }
            ),
            flush=True,
        )
        midway += status == -signal.SIGKILL and begun > 0
        number += 1


def started(path: str) -> subprocess.Popen[bytes]:
    """The work in a process of its own, from the moment that it is through with its imports."""
    process = subprocess.Popen([sys.executable, __file__, "work", path], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"
    return process


def killed(path: str, after: float) -> int:
    with started(path) as process:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        return process.wait()


def timed(path: str) -> float:
    """How long the work takes that is let be."""
    with started(path) as process:
        began = time.monotonic()
        assert process.wait() == 0
        return time.monotonic() - began


def lay(kept: str, path: str, free: int) -> None:
    """The log at path, its filesystem full but for so many bytes."""
    make(kept)
    folder = os.path.dirname(path)
    for name in set(os.listdir(folder)) - {"lost+found"}:
        os.unlink(os.path.join(folder, name))
    shutil.copyfile(kept, path)
    shutil.chown(path, "nobody")  # as logs are: of an owner that the part file must not have too early
    os.sync()
    fill(folder)
    filler = os.path.join(folder, FILLER)
    os.truncate(filler, os.path.getsize(filler) - free)
    os.sync()


def fill(folder: str) -> None:
    """A file that takes all the room there is, to the last block."""
    found = os.statvfs(folder)
    fd = os.open(os.path.join(folder, FILLER), os.O_WRONLY | os.O_CREAT, 0o600)
    step, at = found.f_bfree * found.f_frsize, 0
    while step >= found.f_frsize:
        try:
            os.posix_fallocate(fd, at, step)
            at += step
        except OSError:
            step = step // 2 // found.f_frsize * found.f_frsize
    os.close(fd)


def make(kept: str) -> None:
    """A log that repeats itself no sooner than gzip can see."""
    if os.path.exists(kept):
        return
    numbers = random.Random(4)
    lines = b"".join(
        b"GET /page/%d 200 %d agent\n" % (numbers.randrange(10**5), numbers.randrange(10**6)) for _line in range(40000)
    )
    with open(kept, "wb") as file:
        for block in range(MIB):
            file.write((b"%d " % block + lines)[:BLOCK])


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "lay":
        lay(rest[0], rest[1], int(rest[2]))
    elif command == "work":
        compress(rest[0])
    elif command == "look":
        print(readable(rest[0]))
    elif command == "time":
        print(timed(rest[0]))
    else:
        kill_again_and_again(rest[0], rest[1], int(rest[2]), int(rest[3]), int(rest[4]))
