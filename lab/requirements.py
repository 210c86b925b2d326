# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The programs that the lab needs; it installs none of them."""

from __future__ import annotations

import shutil

from lab.errors import LabError
from lab.process import search_path
from lab.qemu import PROGRAM

PACKAGES = {
    PROGRAM: "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
}


def check() -> None:
    """Raises an error that names all packages that are missing."""
    missing = sorted(
        {package for program, package in PACKAGES.items() if not shutil.which(program, path=search_path())}
    )
    if missing:
        names = " ".join(missing)
        raise LabError(f"the lab needs {names}: `make packages`, or `apt-get install --no-install-recommends {names}`")
