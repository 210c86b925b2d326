# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs on a machine of the lab: the power cut before every single call by which compress_in_place changes anything.

    compress_cut.py FOLDER FILESYSTEM WAY MORE SEED

WAY is `forward`; `fresh`, where the log was written a moment ago and is not on the disk yet; or `back`, for a run that
is undone when most of the log is compressed (state: restored).

FOLDER is on a filesystem that can clone files (xfs). A filesystem is made in an image there, all but full, and a log is
compressed in it. Before each of those calls the run is stopped, and the image cloned: what the disk would have if the
power were cut then. That is at least what the run has synced; MORE says what else the filesystem has sent to the disk
by then: `nothing`, the `original` with its holes, or `all` of it, at some of these moments, by SEED. Then each clone is
mounted as after a cut: the bytes are looked for, and the run is gone on with or undone.

Prints a line of JSON for each clone.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks, work
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import opened
from ansible_collections.highwater.memory.plugins.module_utils.compress.punch import punch
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice, Unfinished
from compress_killed import FILLER, fill, make, part_of, readable

CALLS = ("write", "fdatasync", "fsync", "ftruncate", "link", "unlink", "utime", "chown", "chmod", "setxattr")
FICLONE = 0x40049409  # linux/fs.h
IMAGE = 400 << 20
LOG = (5 << 20) + 12345
REQUEST = work.Request(level=6, block_size=2**20, workers=2, keep_metadata=True)
# How each is made and mounted, and with how much room left. A clone has its original's UUID.
FILESYSTEMS = {
    "ext4": (("mkfs.ext4", "-q", "-F", "-m", "0"), (), 2**16),
    "xfs": (("mkfs.xfs", "-q", "-f"), ("nouuid",), 2**20),
    "btrfs": (("mkfs.btrfs", "-q", "-f"), (), 2**24),
}
SETTLED = 3  # calls of a run until all is on the disk that it rests on
OFTEN = 0.4  # of the moments at which more is sent to the disk
UNDO = 2  # of every so many clones
WHOLE = Slice()
Change = Callable[[str], None]


class OneBlock(Slice):
    """A slice that is over after each block, whatever the time."""

    def is_over(self, left: float = 0.0) -> bool:
        return left > 0


def main(folder: str, filesystem: str, way: str, more: str, seed: int) -> None:
    moments = random.Random(seed)
    image, mounted = folder + "/image", folder + "/mounted"
    mkfs, options, free = FILESYSTEMS[filesystem]
    os.makedirs(mounted, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(IMAGE)
    subprocess.run([*mkfs, image], check=True)
    path = mounted + "/app.log"
    with there(image, mounted, options):
        expected = lay(folder + "/kept", path, free, way == "fresh")
        if way == "back":
            begin(path)
        clones = list(cut(restore if way == "back" else compress, path, image, more, moments))
    # What was not on the disk before the run could not be there before the run has synced it.
    for number, clone in enumerate(clones):
        if way != "fresh" or number >= SETTLED:
            with there(clone, mounted, options):
                print(json.dumps(dict(looked_at(path, expected, number % UNDO == 1), moment=number)), flush=True)
        os.unlink(clone)


@contextlib.contextmanager
def there(image: str, mounted: str, options: tuple[str, ...]) -> Iterator[None]:
    subprocess.run(["mount", "-o", ",".join(("loop", *options)), image, mounted], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", mounted], check=True)


def lay(kept: str, path: str, free: int, fresh: bool) -> str:
    """The log at path, with all but so many bytes of its filesystem taken; its sum."""
    make(kept)
    with open(kept, "rb") as file:
        data = file.read(LOG)
    filler = os.path.join(os.path.dirname(path), FILLER)
    fill(os.path.dirname(path))
    os.truncate(filler, os.path.getsize(filler) - LOG - free)
    os.sync()
    with open(path, "wb") as log:
        log.write(data)
    os.chown(path, 65534, 65534)
    if not fresh:
        os.sync()
    return hashlib.sha256(data).hexdigest()


def begin(path: str) -> None:
    """Compress all but the last blocks, and give the room back that undoing it takes."""
    for _block in range(LOG // REQUEST.block_size - 1):
        with contextlib.suppress(Unfinished):
            compress(path, OneBlock("cut", time.monotonic()))
    os.unlink(os.path.join(os.path.dirname(path), FILLER))
    os.sync()


def cut(change: Change, path: str, image: str, more: str, moments: random.Random) -> Iterator[str]:
    """The clones, one for each moment."""
    pid = os.fork()
    if pid == 0:
        os._exit(stopping(change, path))
    while os.WIFSTOPPED(status := os.waitpid(pid, os.WUNTRACED)[1]):
        if moments.random() < OFTEN:
            MORE[more](path)
        clone = "%s.%d" % (image, moments.getrandbits(64))
        with open(image, "rb") as source, open(clone, "wb") as target:
            fcntl.ioctl(target, FICLONE, source.fileno())
        yield clone
        os.kill(pid, signal.SIGCONT)
    assert os.WEXITSTATUS(status) == 0, "the run that was stopped again and again did not end well"


def original_only(path: str) -> None:
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        os.fsync(file.fileno())


MORE: dict[str, Change] = {"nothing": lambda _path: None, "original": original_only, "all": lambda _path: os.sync()}


def stopping(change: Change, path: str) -> int:
    """Compress or restore it, and stop before each call; the exit status."""
    for name in CALLS:
        setattr(os, name, stopped_before(getattr(os, name)))
    setattr(blocks, "punch", stopped_before(punch))  # noqa: B010
    try:
        change(path)
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    os.kill(os.getpid(), signal.SIGSTOP)
    return 0


def stopped_before(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def stopped(*arguments: Any, **more: Any) -> Any:
        os.kill(os.getpid(), signal.SIGSTOP)
        return call(*arguments, **more)

    return stopped


def compress(path: str, slice_: Slice = WHOLE) -> None:
    with opened(path) as pair, Guard(pair, Host()) as guard:
        work.compress(pair, REQUEST, guard, slice_)


def restore(path: str) -> None:
    with opened(path) as pair, Guard(pair, Host()) as guard:
        work.restore(pair, guard, WHOLE)


def looked_at(path: str, expected: str, undo: bool) -> dict[str, Any]:
    """What a clone has, and what comes of it; undone, it gets room first, since it needs what it had and a bit."""
    found: dict[str, Any] = {"names": names(path), "recoverable": readable(path) == expected, "undone": None}
    if undo and os.path.exists(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(os.path.dirname(path), FILLER))
        os.sync()
        restore(path)
        with open(path, "rb") as file:
            same = hashlib.sha256(file.read()).hexdigest() == expected
        found["undone"] = same and not os.path.exists(part_of(path))
    if os.path.exists(path):
        compress(path)
    return dict(found, whole=readable(path) == expected, left=names(path))


def names(path: str) -> list[str]:
    return sorted(set(os.listdir(os.path.dirname(path))) - {"lost+found", FILLER})


if __name__ == "__main__":
    folder, filesystem, way, more, seed = sys.argv[1:]
    main(folder, filesystem, way, more, int(seed))
