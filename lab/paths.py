# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Where things are, and how they come and go without leaving halves behind."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Callable, Iterator, Optional

from lab.waiting import pause


def cache() -> Path:
    """What can be made again: keys, images, snapshots."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return folder(Path(base) / "highwater-lab")


def machines() -> Path:
    """The state of the machines that exist now."""
    chosen = os.environ.get("HIGHWATER_LAB_DIR")
    if not chosen:
        return folder(cache() / "machines")
    here = folder(Path(chosen).absolute())
    # A trace in the cache, so that no lab's images are taken for unused ones.
    trace = folder(cache() / "labs") / hashlib.sha256(bytes(here)).hexdigest()[:16]
    if not trace.is_symlink():
        with contextlib.suppress(FileExistsError):
            trace.symlink_to(here)
    return here


def all_labs() -> list[Path]:
    """The machines' folders of every lab that uses the cache."""
    traces = sorted(folder(cache() / "labs").iterdir())
    others = {trace.resolve() for trace in traces if trace.is_dir()}
    return sorted(others | {(cache() / "machines").resolve()})


def folder(path: Path) -> Path:
    """The folder, made when it is not there; only its owner may look into it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(name: str, within: Path, busy: Optional[Callable[[], None]] = None) -> Iterator[None]:
    """Keeps two commands of the lab, or two threads of one, from doing the same thing at once.

    `busy` is called when there is somebody to wait for.
    """
    path = folder(within / "locks") / f"{name}.lock"
    with path.open("w") as lock:
        while not try_lock(lock):
            if busy:
                busy()
            pause(0.1)
        yield


def try_lock(lock: IO[str]) -> bool:
    """Takes a lock unless another has it; closing the file gives it back."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder to make something in, on the file system of the cache, gone at the end whatever happens.

    A lock is held on it. When we are killed without a chance to clean up, the lock is free, and the next command
    knows by this that the folder is a left-over (`leftovers`).
    """
    path = Path(tempfile.mkdtemp(dir=folder(cache() / "work")))
    with (path / "owner.lock").open("w") as lock:
        try_lock(lock)
        try:
            yield path
        finally:
            remove(path)


def leftovers() -> Iterator[Path]:
    """Scratch folders whose owner was killed."""
    for path in sorted(folder(cache() / "work").iterdir()):
        try:
            with (path / "owner.lock").open("r+") as lock:
                if try_lock(lock):
                    yield path
        except FileNotFoundError:
            continue


def remove(path: Path) -> None:
    """Removes a folder of ours, and never what is mounted in it."""
    for mounted in reversed(mounts_below(path)):
        subprocess.run(["umount", "--lazy", mounted], check=False, stderr=subprocess.DEVNULL)
    if not mounts_below(path):
        shutil.rmtree(path, ignore_errors=True)
    if path.exists() and os.geteuid() != 0:
        # Files in a root tree belong to the user's subordinate ids.
        subprocess.run([*as_root(), "rm", "-rf", str(path)], check=False, stderr=subprocess.DEVNULL)


def mounts_below(path: Path) -> list[str]:
    """What is mounted in a folder, outermost first."""
    points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return [point for point in points if point.startswith(f"{path}/")]


def as_root() -> list[str]:
    """What to put before a command that makes files of other users: nothing for root, else a user namespace."""
    return [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
