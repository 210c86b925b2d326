# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Kernels with what no distribution's kernel has, compiled from the distribution's source.

They are compiled in a tree of their own, so this computer needs neither a compiler nor the libraries for it.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from lab import archive, paths
from lab.process import run
from lab.progress import Job

HERE = Path(__file__).parent
SCRIPT = HERE / "kernel.sh"
CONFIGS = HERE / "kernels"
PACKAGES = ("linux-source", "bc", "bison", "flex", "gcc", "libc6-dev", "libelf-dev", "make", "perl", "xz-utils")
HOURS = 2  # on a computer that is busy with other machines; 10 min on two cores that are not

# A cpio archive of nothing, newc(5): the kernel has all drivers in itself and mounts its root alone.
EMPTY_INITRD = b"070701" + b"0" * 32 + b"00000001" + b"0" * 48 + b"0000000B" + b"0" * 8 + b"TRAILER!!!\0\0\0\0"


def digest(suite: str, config: str) -> str:
    """Changes with everything that the kernel is made from, apart from the state of the archive."""
    parts = [suite, PACKAGES, SCRIPT.read_text(), (CONFIGS / config).read_text()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def kernels_folder() -> Path:
    return paths.folder(paths.cache() / "kernels")


def place(suite: str, config: str) -> Path:
    """Where the kernel is, or will be."""
    return kernels_folder() / f"{Path(config).stem}-{digest(suite, config)}"


def compiled(suite: str, config: str, job: Job) -> Path:
    """The folder with its `vmlinuz` and `release`, compiled when it is not there."""
    folder = place(suite, config)
    with paths.locked(folder.name, paths.cache(), lambda: job.stage("waiting for another compilation of it")):
        if not folder.exists():
            with paths.scratch() as work:
                new = paths.folder(work / "kernel")
                compile_in(work, new, suite, config, job)
                new.rename(folder)
    return folder


def compile_in(work: Path, new: Path, suite: str, config: str, job: Job) -> None:
    """Makes a tree with a compiler in a scratch folder, and a kernel in the tree."""
    job.stage("getting the kernel's source")

    def watch(line: str) -> None:
        if re.match(r"\s+(CC|AS|AR|LD)\b", line):
            job.stage("compiling the kernel")

    temporary = paths.folder(work / "bootstrap")
    temporary.chmod(0o755)
    line = [
        *("mmdebstrap", "--variant=minbase", "--architectures=amd64", f"--include={','.join(PACKAGES)}"),
        *archive.keyring(),
        '--customize-hook=sh "$LAB_KERNEL" "$1" "$LAB_CONFIG"',
        f"--customize-hook=copy-out /kernel/vmlinuz /kernel/release {new}",
        *("--format=null", suite, "/dev/null", *archive.sources(suite, "main")),
    ]
    env = {"TMPDIR": str(temporary), "LAB_KERNEL": str(SCRIPT), "LAB_CONFIG": str(CONFIGS / config)}
    run(line, log=work / "compile.log", timeout=HOURS * 3600, env=env, watch=watch)
