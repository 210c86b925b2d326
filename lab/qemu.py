# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""QEMU's command line, and what it depends on."""

from __future__ import annotations

import functools
import hashlib
import os
import random
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple, Optional

from lab.errors import LabError, tail
from lab.images import Shape
from lab.monitor import SOCKET, Monitor
from lab.process import Identity, read, reap
from lab.waiting import ticks

PROGRAM = "qemu-system-x86_64"
CONSOLE = "console.log"
OUTPUT = "qemu.log"
DISK = "disk.qcow2"
EXTRA = "extra.qcow2"

# `-cpu max` makes newer kernels panic now and then under emulation, because of cmpxchg16b: hence -cx16. qemu64 is
# the faster model of those that do not.
EMULATED = ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64,-cx16")
VIRTUALISED = ("-accel", "kvm", "-cpu", "host,migratable=on")

KERNEL_ARGUMENTS = "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off"


# Bounds for a computer that is busy: the first takes a tenth of a second on one that is not, the other one second.
START_SECONDS = 60
LOAD_SECONDS = 180  # of a memory that has to be read from the disk


class Hardware(NamedTuple):
    """What a machine is started from and with."""

    image: Path  # the folder of the image: vmlinuz, initrd.img
    shape: Shape
    safe_disk: bool = True  # False for a disk that nobody misses when QEMU is killed
    own_loader: bool = False  # True: the boot loader on its disk decides what it boots, and with which command line


@functools.cache
def has_kvm() -> bool:
    """Whether the processor itself can virtualise.

    Only its own word counts: there are machines whose /dev/kvm opens and answers, and then hangs every guest.
    """
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    able = bool(flags and {"vmx", "svm"} & set(flags.group(1).split()))
    return able and os.access("/dev/kvm", os.R_OK | os.W_OK)


def accelerator() -> str:
    """A word for people."""
    return "kvm" if has_kvm() else "emulated"


def patience(seconds: float) -> float:
    """How long to wait for something that takes so long when emulated at worst."""
    return seconds / 3 if has_kvm() else seconds


@functools.cache
def version() -> str:
    """QEMU's version; a snapshot is loaded by the one that made it."""
    return subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def arguments(hardware: Hardware, port: int) -> list[str]:
    """The command line; its paths are relative to the machine's folder, but for those of the image."""
    cache = "writeback" if hardware.safe_disk else "unsafe"
    return [
        PROGRAM,
        *("-name", "highwater-lab", "-machine", "pc"),
        *(VIRTUALISED if has_kvm() else EMULATED),
        *("-m", str(hardware.shape.memory), "-smp", str(hardware.shape.cpus)),
        *("-nodefaults", "-display", "none"),
        *(() if hardware.own_loader else kernel(hardware.image)),
        *("-drive", f"if=none,id=root,file={DISK},format=qcow2,cache={cache},discard=unmap"),
        *("-device", "virtio-blk-pci,drive=root"),
        *(extra_disk(cache) if hardware.shape.extra else ()),
        *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
        *("-chardev", f"file,id=console,path={CONSOLE},append=on", "-serial", "chardev:console"),
        *("-qmp", f"unix:{SOCKET},server=on,wait=off"),
    ]


def kernel(image: Path) -> tuple[str, ...]:
    """The image's kernel, which QEMU itself loads."""
    files = ("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img"))
    return (*files, "-append", KERNEL_ARGUMENTS)


def extra_disk(cache: str) -> tuple[str, ...]:
    """A second disk, without anything on it."""
    drive = f"if=none,id=extra,file={EXTRA},format=qcow2,cache={cache},discard=unmap"
    return ("-drive", drive, "-device", "virtio-blk-pci,drive=extra")


def fingerprint(shape: Shape) -> str:
    """Changes with everything that a saved memory depends on, apart from the image."""
    line = arguments(Hardware(Path("/"), shape), 0)
    return hashlib.sha256("\0".join([version(), *line]).encode()).hexdigest()[:8]


def start(home: Path, hardware: Hardware, port: int, memory: Optional[Path] = None) -> Identity:
    """Starts a machine on the disk in its folder: booting, or going on from a saved memory."""
    line = arguments(hardware, port)
    if memory:
        line += ["-incoming", "defer"]
    (home / SOCKET).unlink(missing_ok=True)
    with (home / OUTPUT).open("wb") as output:
        child = subprocess.Popen(
            line, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    identity = Identity.of(child.pid)
    deadline = time.monotonic() + START_SECONDS
    reason = "it ended at once"
    # Until there is a record of it, nothing may come between: so no wait here that Ctrl-C cuts short.
    while identity and identity.alive and time.monotonic() < deadline:
        try:
            with Monitor(home) as monitor:
                if memory:
                    monitor.command("migrate-incoming", uri=f"exec:cat '{memory}'")
            return identity
        except LabError as error:
            reason = str(error)
            time.sleep(0.02)
    if identity:
        identity.end()
    reap(child.pid)
    raise LabError(f"QEMU did not start: {reason}", tail(read(home / OUTPUT)))


def wait_until_loaded(home: Path) -> None:
    """Returns when a saved memory has been loaded; a connection made before that would be delayed by seconds."""
    with Monitor(home) as monitor:
        for _passed in ticks(LOAD_SECONDS, every=0.02):
            state = monitor.state()
            if state == "running":
                return
            if state not in ("inmigrate", "paused", "finish-migrate", "restore-vm"):
                break
        raise LabError(f"QEMU did not load the snapshot: it is {state}", tail(read(home / OUTPUT)))


def free_port() -> int:
    """A port of this machine that nobody uses.

    It is chosen below the range that the kernel gives to outgoing connections, so that a machine that is down for a
    while finds its port free when it comes up again.
    """
    for _attempt in range(200):
        port = random.randrange(20000, 32000)
        if is_free(port):
            return port
    raise LabError("no free port between 20000 and 32000 on 127.0.0.1")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
