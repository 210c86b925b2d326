# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Debian's own packages put into a machine: fetched here, once, from the archive that its image was made from.

debs.install(machine, "dphys-swapfile", "dc")
"""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

from harness import Machine

from lab import archive, images
from lab import paths as lab_paths
from lab.errors import LabError

ATTEMPTS = 3
SECONDS = 300.0


def install(machine: Machine, *names: str) -> None:
    """Packages of the machine's release, with their maintainer scripts; those that they need have to be named too."""
    put(machine, *names)
    machine.shell(f"cd {FOLDER} && DEBIAN_FRONTEND=noninteractive dpkg --install *.deb", timeout=SECONDS)


FOLDER = "/root/debs"


def put(machine: Machine, *names: str) -> None:
    """The packages as files in FOLDER."""
    machine.shell(f"rm -rf {FOLDER} && mkdir {FOLDER}")
    for file in fetched(machine.image, *names):
        text = base64.b64encode(file.read_bytes()).decode("ascii")
        done = machine.attempt(f"base64 -d > {FOLDER}/{file.name}", text=text)
        assert done.code == 0, done.err


def put_with_needs(machine: Machine, *names: str) -> None:
    """The same with all that they depend on and the machine lacks, but not what they recommend."""
    it = images.image_called(machine.image)
    folder = _folder(it)
    with lab_paths.locked(f"debs-{it.suite}", lab_paths.cache()):
        status = folder / "apt/status-of-machine"
        status.write_text(machine.shell("cat /var/lib/dpkg/status"))
        _run(it, folder, "update")
        plan = _run(it, folder, "install", "--simulate", "--no-install-recommends", *names, status=status)
    put(machine, *re.findall(r"(?m)^Inst (\S+)", plan))


def fetched(image: str, *names: str) -> list[Path]:
    """The packages' files, in the cache of the lab."""
    it = images.image_called(image)
    folder = _folder(it)
    with lab_paths.locked(f"debs-{it.suite}", lab_paths.cache()):
        missing = [name for name in names if not list(folder.glob(f"{name}_*.deb"))]
        if missing:
            _run(it, folder, "update")
            _run(it, folder, "download", *missing)
    return [next(folder.glob(f"{name}_*.deb")) for name in names]


def _folder(image: images.Image) -> Path:
    return lab_paths.folder(lab_paths.cache() / "debs" / image.suite)


def _run(image: images.Image, folder: Path, *words: str, status: Path | None = None) -> str:
    """By an apt of our own, which knows nothing but the image's archive and leaves this computer's alone.

    status: what dpkg has installed; without it, nothing.
    """
    own = lab_paths.folder(folder / "apt")
    usual = f"deb http://deb.debian.org/debian {image.suite} {image.components}"
    lines = archive.sources(image.suite, image.components) or [usual]
    (own / "sources.list").write_text("\n".join(lines) + "\n")
    for part in ("state/lists/partial", "cache/archives/partial"):
        (own / part).mkdir(parents=True, exist_ok=True)
    (own / "status").touch()
    options = {
        "Dir::Etc::sourcelist": own / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": own / "state",
        "Dir::State::status": status or own / "status",
        "Dir::Cache": own / "cache",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",
        **({"Dir::Etc::trusted": archive.KEYRING} if archive.KEYRING.exists() else {}),
    }
    apt = ["apt-get", "--quiet", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    for attempt in range(1, ATTEMPTS + 1):
        done = subprocess.run(
            [*apt, *words],
            cwd=folder,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
        if done.returncode == 0:
            break
        if attempt == ATTEMPTS:
            raise LabError(f"apt-get {' '.join(words)} failed for {image.suite}", done.stdout)
    return done.stdout
