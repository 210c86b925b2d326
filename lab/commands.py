# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The commands, one function each, named as they are typed."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Optional

from lab import build as building
from lab import fleet, kernel, machine, paths, qemu, report, requirements, snapshot
from lab import ssh as secure_shell
from lab.errors import LabError, tail
from lab.images import IMAGES, USUAL, Shape, image_called
from lab.machine import Machine
from lab.process import read
from lab.progress import Job


def prepare() -> None:
    """What every command does that makes something: checks the programs, clears what a killed command left."""
    requirements.check()
    for path in paths.leftovers():
        sweep(path)


def sweep(path: Path) -> None:
    """Ends the machine that a killed command was booting, and removes its folder."""
    process = snapshot.process_in(path)
    if process:
        process.end()
    paths.remove(path)


def wanted(chosen: Namespace) -> Optional[Shape]:
    """The shape that the options ask for; None when they ask for nothing."""
    asked = {name: getattr(chosen, name) for name in Shape._fields if getattr(chosen, name) is not None}
    new = Shape(**asked)
    if new.disk < Shape().disk:
        raise LabError(f"a disk of {new.disk} GiB is too small; {Shape().disk} is the least")
    return new if asked else None


def build(chosen: Namespace) -> None:
    prepare()
    names = [image_called(name).name for name in chosen.images] or list(USUAL)
    shape = wanted(chosen) or Shape()

    def one(name: str, job: Job) -> building.Built:
        built = building.build(IMAGES[name], job)
        if chosen.boot:
            snapshot.take(IMAGES[name], built, shape, job)
        return built

    fleet.each("image", names, one, lambda built: f"there, with Linux {built.kernel}")


def up(chosen: Namespace) -> None:
    prepare()
    names = list(dict.fromkeys(chosen.names)) or list(USUAL)
    shape = wanted(chosen)
    for name in names:
        machine.image_of(name, chosen.image)
    fleet.each("machine", names, lambda name, job: machine.bring_up(name, chosen.image, shape, job), ready)


def ready(it: Machine) -> str:
    return f"ready, Linux {it.kernel}, ssh port {it.port}"


def reset(chosen: Namespace) -> None:
    prepare()
    for name in chosen.names:
        machine.existing(name)
    fleet.each("machine", chosen.names, lambda name, job: machine.bring_up(name, None, None, job), ready)


def ssh(chosen: Namespace) -> None:
    it = machine.existing(chosen.name)
    it.healthy()
    secure_shell.enter(it.port, chosen.user, [word for word in chosen.words[:1] if word != "--"] + chosen.words[1:])


def wait(chosen: Namespace) -> None:
    def one(name: str, job: Job) -> Machine:
        it = machine.existing(name)
        job.stage("waiting for ssh")
        secure_shell.wait(it.port, chosen.timeout, it.healthy)
        return it

    fleet.each("machine", chosen.names, one, ready)


def reboot(chosen: Namespace) -> None:
    fleet.each("machine", chosen.names, machine.reboot, ready)


def start(chosen: Namespace) -> None:
    fleet.each("machine", chosen.names, lambda name, job: machine.boot(name, job, chosen.own_loader), ready)


def cut(chosen: Namespace) -> None:
    for name in chosen.names:
        machine.cut(name)


def throttle(chosen: Namespace) -> None:
    machine.throttle(chosen.name, chosen.mib, chosen.operations)


def down(chosen: Namespace) -> None:
    if chosen.all == bool(chosen.names):
        raise LabError("say which machines to end, or --all")
    for name in chosen.names or [it.name for it in machine.known()]:
        machine.down(name)


def status(chosen: Namespace) -> None:
    machines = machine.known()
    if chosen.json:
        print(report.facts(machines, "root"))
    elif machines:
        print(report.table(machines))
    else:
        print(f"no machines ({qemu.accelerator()}); `up` brings some up")


def inventory(chosen: Namespace) -> None:
    if chosen.names:
        machines = [machine.existing(name) for name in chosen.names]
        for it in machines:
            it.healthy()
    else:
        machines = [it for it in machine.known() if it.running]
    print(report.inventory(machines, chosen.user))


def log(chosen: Namespace) -> None:
    print(tail(read(machine.existing(chosen.name).home / qemu.CONSOLE), chosen.lines))


def rootfs(chosen: Namespace) -> None:
    prepare()
    name = image_called(chosen.image).name
    built = fleet.each("image", [name], lambda name, job: building.build(IMAGES[name], job), lambda it: "there")[0]
    print(built.tree)


def key(_chosen: Namespace) -> None:
    print(secure_shell.key())


def clean(chosen: Namespace) -> None:
    prepare()
    kernels = {kernel.place(image.suite, image.compiled) for image in IMAGES.values() if image.compiled}
    for folder in sorted(kernel.kernels_folder().iterdir()):
        if chosen.all or folder not in kernels:
            paths.remove(folder)
            print(f"removed {folder.name}")
    used = {it.built for lab in paths.all_labs() if lab.is_dir() for it in machine.known(lab)}
    current = set() if chosen.all else {str(building.place(image).folder) for image in IMAGES.values()}
    for folder in sorted(building.images_folder().iterdir()):
        if str(folder) in used:
            print(f"kept {folder.name}: a machine uses it")
        elif str(folder) not in current:
            with paths.locked(folder.name, paths.cache()):
                paths.remove(folder)
            print(f"removed {folder.name}")
        else:
            for old in filter(snapshot.outdated, sorted(folder.glob("ready-*"))):
                paths.remove(old)
                print(f"removed {folder.name}/{old.name}")
