# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs on a machine of the lab: a disk on which, from some moment of a run of compress_in_place on, no block can be
written any more that was not written before.

    compress_bad_disk.py FOLDER FILESYSTEM MOMENTS SEED

The filesystem is in an image in memory, of which most is yet to be allocated, and the memory (a tmpfs in FOLDER) is
full from that moment on: the part file cannot grow (EIO, or ENOSPC as the loop device may have it), while the
filesystem's own records, and the holes of the original, still reach the disk. A moment is a call by which the run
changes anything. Then the disk is mended, the filesystem mounted again, the bytes are looked for, and the run is gone
on with. The first of the MOMENTS is one of the first half, in which there is always something left to be written.

Prints a line of JSON for each moment.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from compress_cut import FILESYSTEMS, IMAGE, compress, lay, names, stopping, there
from compress_killed import part_of, readable

MEMORY = 160 << 20  # what the image may take


def main(folder: str, filesystem: str, moments: int, seed: int) -> None:
    calls = went_bad(folder, filesystem, None)["calls"]
    chosen = random.Random(seed).sample(range(calls), min(moments, calls))
    for moment in (chosen[0] % (calls // 2), *chosen[1:]):
        print(json.dumps(dict(went_bad(folder, filesystem, moment), moment=moment)), flush=True)


def went_bad(folder: str, filesystem: str, moment: int | None) -> dict[str, Any]:
    """One run, from a new filesystem on; moment: None where the disk is to stay good."""
    mkfs, options, free = FILESYSTEMS[filesystem]
    with in_memory(folder) as memory:
        image, mounted = memory + "/image", folder + "/mounted"
        os.makedirs(mounted, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(IMAGE)
        subprocess.run([*mkfs, image], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        path = mounted + "/app.log"
        with there(image, mounted, options):
            expected = lay(folder + "/kept", path, free, fresh=False)
            found = run(path, memory + "/ballast", moment)
        with there(image, mounted, options):
            found.update(names=names(path), recoverable=readable(path) == expected)
            if os.path.exists(path):
                compress(path)
            return dict(found, whole=readable(path) == expected, left=names(path))


@contextlib.contextmanager
def in_memory(folder: str) -> Iterator[str]:
    memory = folder + "/memory"
    os.makedirs(memory, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEMORY}", "none", memory], check=True)
    try:
        yield memory
    finally:
        subprocess.run(["umount", memory], check=True)


def run(path: str, ballast: str, moment: int | None) -> dict[str, Any]:
    """Compress it, on a disk that goes bad at the moment and is mended when the run has ended."""
    pid, calls, part = os.fork(), 0, 0
    if pid == 0:
        os._exit(stopping(compress, path))
    while os.WIFSTOPPED(status := os.waitpid(pid, os.WUNTRACED)[1]):
        if calls == moment:
            fill(ballast)
        if os.path.exists(part_of(path)):
            part = max(part, os.path.getsize(part_of(path)))
        calls += 1
        os.kill(pid, signal.SIGCONT)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(ballast)
    return {"calls": calls, "failed": os.WEXITSTATUS(status) != 0, "part": part}


def fill(ballast: str) -> None:
    with open(ballast, "wb", buffering=0) as file:
        for size in (2**20, 4096):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
