# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Machines: the ones that exist now, each with a folder that holds its record, its disk and its console."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Iterator, Optional

from lab import build, paths, qemu, snapshot, ssh
from lab.errors import LabError
from lab.images import IMAGES, Shape, image_called
from lab.monitor import Monitor
from lab.process import Identity
from lab.progress import Job
from lab.waiting import retried, ticks

RECORD = "machine.json"
ATTEMPTS = 3
COMMAND_SECONDS = 120  # for a command in a machine that may be short of memory and emulated
RESTORE_SECONDS = 240  # emulated, on a computer that is busy with other machines; 2 s on one that is not
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclasses.dataclass
class Machine:
    """One machine, as its record tells."""

    name: str
    image: str
    shape: Shape
    built: str  # the folder of the image it was made from
    port: int
    process: Optional[Identity] = None
    started: float = 0.0  # seconds since the epoch

    @property
    def home(self) -> Path:
        return paths.machines() / self.name

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.alive

    @property
    def kernel(self) -> str:
        try:
            return build.Built(Path(self.built)).kernel
        except (OSError, ValueError):
            return "?"

    def write(self) -> None:
        """Keeps the record; a reader sees the old one or the new one."""
        new = self.home / f"{RECORD}.new"
        new.write_text(json.dumps(dataclasses.asdict(self), indent=1))
        new.rename(self.home / RECORD)

    def start(self, memory: Optional[Path] = None, own_loader: bool = False) -> None:
        """Starts its QEMU on its disk, and writes down which process that is."""
        hardware = qemu.Hardware(Path(self.built), self.shape, own_loader=own_loader)
        for attempt in range(3):
            if not self.port or not qemu.is_free(self.port):
                self.port = qemu.free_port()
            try:
                self.process = qemu.start(self.home, hardware, self.port, memory)
                break
            except LabError as error:
                # Between our look and QEMU's, somebody else may have taken the port.
                if "forwarding" not in error.evidence or attempt == 2:
                    raise
        self.started = time.time()
        self.write()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends its QEMU, if that runs."""
        if self.process:
            self.process.end(number)
        self.process = None

    def healthy(self) -> None:
        if self.process is None:
            raise LabError(f"{self.name} is off; `start {self.name}` boots it, `reset {self.name}` makes it new")
        snapshot.healthy(self.home, self.process)

    def settle(self, job: Job) -> None:
        """Returns when it has booted, started all its services, and lets us in."""
        self.healthy()
        assert self.process is not None
        snapshot.settle(image_called(self.image), self.home, self.process, self.port, job)

    def remove(self) -> None:
        """Ends it and leaves nothing of it."""
        self.end(signal.SIGKILL)
        paths.remove(self.home)


def load(name: str, lab: Optional[Path] = None) -> Optional[Machine]:
    """The machine of that name in this lab or another, when there is one."""
    try:
        raw = json.loads(((lab or paths.machines()) / name / RECORD).read_text())
    except (OSError, ValueError):
        return None
    raw["shape"] = Shape(*raw["shape"])
    raw["process"] = Identity(*raw["process"]) if raw["process"] else None
    return Machine(**raw)


def known(lab: Optional[Path] = None) -> list[Machine]:
    """All machines there are in this lab or another."""
    folders = (path for path in sorted((lab or paths.machines()).iterdir()) if path.is_dir())
    found = (load(path.name, lab) for path in folders)
    return [machine for machine in found if machine]


def existing(name: str) -> Machine:
    """The machine of that name, or an error that names those that there are."""
    machine = load(name)
    if machine is None:
        names = ", ".join(m.name for m in known()) or "none at all"
        raise LabError(f"there is no machine called '{name}' (there are: {names}); `up {name}` makes one")
    return machine


@contextlib.contextmanager
def held(name: str) -> Iterator[None]:
    """Keeps other commands of the lab from changing the same machine meanwhile."""
    if not NAME.fullmatch(name):
        raise LabError(f"'{name}' cannot be a machine's name: letters, digits, '.', '_' and '-' can")
    with paths.locked(f"machine-{name}", paths.machines()):
        yield


def image_of(name: str, asked: Optional[str]) -> str:
    """Which image a machine is to be made from: the one asked for, the one it has, or the one it is named after."""
    machine = load(name)
    image = asked or (machine.image if machine else name)
    if image not in IMAGES and not asked:
        raise LabError(f"no image is called '{name}'; say which with --image ({', '.join(IMAGES)})")
    return image_called(image).name


def bring_up(name: str, asked: Optional[str], shape: Optional[Shape], job: Job) -> Machine:
    """A machine as new, booted and at rest, whatever it was before."""
    with held(name):
        image = image_called(image_of(name, asked))
        old = load(name)
        shape = shape or (old.shape if old else Shape())
        built = build.build(image, job)
        ready = snapshot.take(image, built, shape, job)
        if old:
            old.end(signal.SIGKILL)
        machine = Machine(name, image.name, shape, str(built.folder), old.port if old else 0)
        retried(ATTEMPTS, job.note, lambda attempt: restore(machine, ready, job))
        return machine


def restore(machine: Machine, ready: snapshot.Snapshot, job: Job) -> None:
    """Starts a machine where the snapshot ended; leaves nothing of one that does not come up."""
    job.stage("restoring")
    paths.remove(machine.home)
    paths.folder(machine.home)
    try:
        snapshot.overlay(ready.disk, "qcow2", machine.home / qemu.DISK, machine.shape)
        snapshot.extra_disk(machine.home, machine.shape)
        os.utime(ready.folder)  # for `clean`: when it was last of use
        machine.start(ready.memory)
        qemu.wait_until_loaded(machine.home)
        ssh.wait(machine.port, qemu.patience(RESTORE_SECONDS), machine.healthy, listening=True)
    except BaseException:
        machine.remove()
        raise


def boot(name: str, job: Job, own_loader: bool = False) -> Machine:
    """Boots a machine that is off, from its own disk as that is; with own_loader, by the boot loader on that disk."""
    with held(name):
        machine = existing(name)
        if machine.running:
            raise LabError(f"{name} runs already; `reset {name}` makes it new, `reboot {name}` boots it again")
        job.stage("booting")
        machine.start(own_loader=own_loader)
        machine.settle(job)
        return machine


def reboot(name: str, job: Job) -> Machine:
    """Boots a running machine again; proved by the kernel's own word that it is another boot."""
    with held(name):
        machine = existing(name)
        machine.healthy()
        question = "cat /proc/sys/kernel/random/boot_id"
        before = ssh.checked(machine.port, question, qemu.patience(COMMAND_SECONDS))
        job.stage("shutting down")
        ssh.run(machine.port, "reboot", qemu.patience(COMMAND_SECONDS))  # ends where the connection does
        job.stage("rebooting")
        limit = qemu.patience(snapshot.BOOT_SECONDS)
        door = ssh.Door(machine.port)
        for _passed in ticks(limit, every=0.3):
            machine.healthy()
            if door.answers():
                code, now = ssh.run(machine.port, question, ssh.LOGIN_SECONDS)
                if code == 0 and now != before:
                    machine.settle(job)
                    return machine
        raise LabError(f"{name} did not reboot within {limit:.0f} s")


def cut(name: str) -> None:
    """Takes the power away."""
    with held(name):
        machine = existing(name)
        machine.end(signal.SIGKILL)
        machine.write()


def throttle(name: str, mib: int, operations: int) -> None:
    """Makes a running machine's disk as slow as that; 0 is no limit. It lasts until QEMU ends."""
    with held(name):
        machine = existing(name)
        machine.healthy()
        limits = {"bps": mib << 20, "bps_rd": 0, "bps_wr": 0, "iops": operations, "iops_rd": 0, "iops_wr": 0}
        with Monitor(machine.home) as monitor:
            monitor.command("block_set_io_throttle", device="root", **limits)


def down(name: str) -> None:
    """Ends a machine and leaves nothing of it."""
    with held(name):
        machine = load(name)
        if machine:
            machine.remove()
        else:
            paths.remove(paths.machines() / name)
