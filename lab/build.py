# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Makes images: a root tree from the distribution's packages, and a disk and a kernel from the tree."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import NamedTuple

from lab import archive, kernel, paths, ssh
from lab.errors import LabError
from lab.images import Image, Shape, image_called
from lab.process import run
from lab.progress import Job
from lab.waiting import retried

HERE = Path(__file__).parent
GUEST = HERE / "guest.sh"
MKE2FS = HERE / "mke2fs.conf"

REVISION = 1  # to be raised when this file makes something else out of the same input

# What mmdebstrap's lines mean for a person who waits, in the order in which they come.
STAGES = {
    "running apt-get update": "reading package lists",
    "downloading packages": "downloading",
    "Get:": "downloading",
    "extracting archives": "unpacking",
    "installing essential": "installing essential packages",
    "installing remaining": "installing",
    "Setting up": "installing",
    "creating tarball": "writing the tree",
}


# While mmdebstrap has the archive's lists; they do not stay in the tree.
KEEP = 'mkdir "$1/var/cache/lab" && cd "$1/var/cache/lab" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download {}'


class Built(NamedTuple):
    """An image in the cache."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "root.tar"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.img"

    @property
    def kernel(self) -> str:
        """The release of its kernel, as `uname -r` says it."""
        return str(json.loads((self.folder / "about.json").read_text())["kernel"])


def images_folder() -> Path:
    return paths.folder(paths.cache() / "images")


def digest(image: Image) -> str:
    """Changes with everything that the image is made from, apart from the mirror and the state of its packages."""
    row = [value for value in image if value]
    parts = [REVISION, row, Shape().disk, ssh.public_key(), GUEST.read_text(), MKE2FS.read_text()]
    if image.compiled:
        parts += [digest(image_called(image.base)), kernel.digest(image.suite, image.compiled)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def place(image: Image) -> Built:
    """Where the image is, or will be."""
    return Built(images_folder() / f"{image.name}-{digest(image)}")


def build(image: Image, job: Job) -> Built:
    """The image, made when it is not there."""
    built = place(image)
    if built.folder.exists():
        return built
    with paths.locked(built.folder.name, paths.cache(), lambda: job.stage("waiting for another build of it")):
        if not built.folder.exists():
            with paths.scratch() as work:
                if image.compiled:
                    exchange(image, build(image_called(image.base), job), work, job)
                else:
                    retried(3, job.note, lambda attempt: bootstrap(image, work, job, attempt))
                    assemble(work, job)
                new = paths.folder(work / "image")
                for name in ("root.tar", "disk.img", "vmlinuz", "initrd.img", "about.json"):
                    (work / name).rename(new / name)
                new.rename(built.folder)
    return built


def exchange(image: Image, base: Built, work: Path, job: Job) -> None:
    """Takes everything from another image but the kernel, which is compiled and has in itself what it needs to boot."""
    compiled = kernel.compiled(image.suite, image.compiled, job)
    for path in (base.tree, base.disk):
        (work / path.name).hardlink_to(path)
    (work / "vmlinuz").hardlink_to(compiled / "vmlinuz")
    (work / "initrd.img").write_bytes(kernel.EMPTY_INITRD)
    (work / "about.json").write_text(json.dumps({"kernel": (compiled / "release").read_text().strip()}))


def bootstrap(image: Image, work: Path, job: Job, attempt: int) -> None:
    """Makes `root.tar`."""
    stage = "" if attempt == 1 else f" (attempt {attempt} of 3)"
    job.stage(f"starting mmdebstrap{stage}")

    def watch(line: str) -> None:
        for beginning, name in STAGES.items():
            if beginning in line:
                job.stage(name + stage)

    packages = ",".join((image.kernel, *image.packages))
    temporary = paths.folder(work / f"bootstrap-{attempt}")
    temporary.chmod(0o755)
    line = [
        *("mmdebstrap", "--variant=minbase", "--architectures=amd64", f"--include={packages}"),
        *archive.keyring(),
        '--essential-hook=sh "$LAB_GUEST" early "$1"',
        '--customize-hook=sh "$LAB_GUEST" late "$1" "$LAB_KEY"',
        *([f"--customize-hook={KEEP.format(' '.join(image.kept))}"] if image.kept else []),
        *(image.suite, str(work / "root.tar"), *archive.sources(image.suite, image.components)),
    ]
    env = {"TMPDIR": str(temporary), "LAB_GUEST": str(GUEST), "LAB_KEY": ssh.public_key()}
    run(line, log=work / "bootstrap.log", timeout=1200, env=env, watch=watch)


def assemble(work: Path, job: Job) -> None:
    """Makes the disk, the kernel and the initramfs out of `root.tar`."""
    job.stage("making the disk")
    tree = paths.folder(work / "tree")
    tree.chmod(0o755)
    log = work / "assemble.log"
    root = paths.as_root()
    run([*root, "tar", "-xpf", str(work / "root.tar"), "--numeric-owner", "-C", str(tree)], log=log, timeout=300)
    disk = work / "disk.img"
    # Written in one go here, instead of by the kernel in the background of the first minutes.
    at_once = ("-E", "lazy_itable_init=0,lazy_journal_init=0")
    line = [*root, "mke2fs", "-q", "-t", "ext4", "-L", "root", *at_once, "-d", str(tree), str(disk), f"{Shape().disk}G"]
    run(line, log=log, timeout=300, env={"MKE2FS_CONFIG": str(MKE2FS)})
    kernels = sorted((tree / "boot").glob("vmlinuz-*"))
    if not kernels:
        raise LabError("the tree has no kernel in /boot; is the image's kernel package right?")
    release = kernels[-1].name.partition("-")[2]
    shutil.copy(kernels[-1], work / "vmlinuz")
    shutil.copy(tree / "boot" / f"initrd.img-{release}", work / "initrd.img")
    (work / "about.json").write_text(json.dumps({"kernel": release}))
