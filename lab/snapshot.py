# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Snapshots: a machine that has booted and settled, kept as a frozen disk and a saved memory.

All machines of one image and shape share both files: each has an overlay of its own on the disk and loads the
memory, so that a new machine costs neither a copy nor a boot.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple, Optional

from lab import paths, qemu, ssh
from lab.build import Built
from lab.errors import LabError, tail
from lab.images import Image, Shape
from lab.monitor import Monitor
from lab.process import Identity, read, run
from lab.progress import Job
from lab.waiting import pause, retried

ATTEMPTS = 3
PROCESS = "process.json"
BOOT_SECONDS = 480  # emulated, on a computer that is busy with other machines
DISK_SECONDS = 120  # to make an empty disk, on one that is busy with writing


class Snapshot(NamedTuple):
    """A snapshot in the cache."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / qemu.DISK

    @property
    def memory(self) -> Path:
        return self.folder / "memory.state"


def outdated(folder: Path) -> bool:
    """Whether a snapshot was taken by another QEMU, or with other hardware, than would be used now."""
    match = re.fullmatch(r"ready-(\d+)m-(\d+)c-(\d+)g-(?:(\d+)x-)?(\w+)", folder.name)
    if not match:
        return True
    *shape, fingerprint = match.groups()
    return fingerprint != qemu.fingerprint(Shape(*(int(number or 0) for number in shape)))


def place(built: Built, shape: Shape) -> Snapshot:
    """Where the snapshot is, or will be."""
    extra = f"{shape.extra}x-" if shape.extra else ""
    name = f"ready-{shape.memory}m-{shape.cpus}c-{shape.disk}g-{extra}{qemu.fingerprint(shape)}"
    return Snapshot(built.folder / name)


def take(image: Image, built: Built, shape: Shape, job: Job) -> Snapshot:
    """The snapshot, made by a first boot when it is not there."""
    snapshot = place(built, shape)
    if snapshot.folder.exists():
        return snapshot
    name = f"{built.folder.name}-{snapshot.folder.name}"
    with paths.locked(name, paths.cache(), lambda: job.stage("waiting for another first boot of it")):
        if not snapshot.folder.exists():
            retried(ATTEMPTS, job.note, lambda attempt: first_boot(image, built, shape, snapshot, job, attempt))
    return snapshot


def first_boot(image: Image, built: Built, shape: Shape, snapshot: Snapshot, job: Job, attempt: int) -> None:
    """Boots a machine, lets it come to rest, and keeps it."""
    suffix = "" if attempt == 1 else f" (attempt {attempt} of {ATTEMPTS})"
    with paths.scratch() as work:
        overlay(built.disk, "raw", work / qemu.DISK, shape)
        extra_disk(work, shape)
        port = qemu.free_port()
        job.stage(f"booting{suffix}")
        process = qemu.start(work, qemu.Hardware(built.folder, shape, safe_disk=False), port)
        try:
            (work / PROCESS).write_text(json.dumps(process))
            settle(image, work, process, port, job, suffix)
            if shape.disk > Shape().disk:
                ssh.checked(port, "resize2fs /dev/vda", 120)
            job.stage(f"taking the snapshot{suffix}")
            # The same caches, empty ones, for every scenario; then rest until the session is gone.
            ssh.checked(port, "sync && echo 3 > /proc/sys/vm/drop_caches", 120)
            pause(2)
            with Monitor(work) as monitor:
                monitor.save_memory(f"cat > {shlex.quote(str(work / 'memory.state'))}")
                monitor.command("quit")
        finally:
            process.end()
        new = paths.folder(work / "ready")
        for name in (qemu.DISK, "memory.state", qemu.CONSOLE):
            (work / name).rename(new / name)
        new.rename(snapshot.folder)


def settle(image: Image, home: Path, process: Identity, port: int, job: Job, suffix: str = "") -> None:
    """Returns when a booting machine lets us in and has started all that it starts by itself."""
    limit = qemu.patience(BOOT_SECONDS)
    ssh.wait(port, limit, lambda: healthy(home, process))
    job.stage(f"settling{suffix}")
    code, output = ssh.run(port, image.settled, limit)
    if code != 0:
        what = f"did not come to rest within {limit:.0f} s" if code is None else "has services that failed"
        raise LabError(f"the machine booted, but {what}", output.strip() or tail(read(home / qemu.CONSOLE)))


def healthy(home: Path, process: Identity) -> None:
    """Raises an error when a machine's boot cannot succeed any more."""
    console = read(home / qemu.CONSOLE)
    if "Kernel panic" in console:
        raise LabError("the machine's kernel panicked", tail(console))
    if not process.alive:
        raise LabError("QEMU ended while the machine was coming up", tail(read(home / qemu.OUTPUT)) or tail(console))


def overlay(base: Path, form: str, disk: Path, shape: Shape) -> None:
    """A disk that is what `base` is, until it is written to."""
    disk.unlink(missing_ok=True)
    line = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", form, str(disk), f"{shape.disk}G"]
    run(line, log=disk.with_suffix(".log"), timeout=DISK_SECONDS)


def extra_disk(home: Path, shape: Shape) -> None:
    """A machine's second disk, where it is to have one: empty each time the machine is new."""
    if shape.extra:
        disk = home / qemu.EXTRA
        run(
            ["qemu-img", "create", "-q", "-f", "qcow2", str(disk), f"{shape.extra}G"],
            log=disk.with_suffix(".log"),
            timeout=DISK_SECONDS,
        )


def process_in(work: Path) -> Optional[Identity]:
    """The machine that a first boot has started in a scratch folder."""
    try:
        return Identity(*json.loads((work / PROCESS).read_text()))
    except (OSError, ValueError, TypeError):
        return None
