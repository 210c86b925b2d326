# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Scripts of guest/ that use the collection's own code, brought into a machine and run there in one session."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import paths
from harness import Machine

GUEST = Path(__file__).parent / "guest"


def install(machine: Machine, script: str, *beside: str) -> str:
    """Puts a script, those beside it, module_utils and as much of Ansible as they need on the machine; the folder they
    are in.
    """
    folder = f"/root/{Path(script).stem}"
    done = machine.attempt(f"mkdir -p {folder} && base64 -d | tar -xz -C {folder}", text=_archive(script, *beside))
    assert done.code == 0, done.err
    return folder


def _archive(*scripts: str) -> str:
    archive = io.BytesIO()
    ansible = next((paths.ROOT / f".venv/core-{paths.NEWEST_CORE}/lib").glob("python3*/site-packages/ansible"))
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in ("__init__.py", "_vendor", "release.py", "module_utils"):
            tar.add(ansible / name, f"ansible/{name}", filter=_without_bytecode)
        utils = paths.ROOT / "plugins/module_utils"
        tar.add(utils, "ansible_collections/highwater/memory/plugins/module_utils", filter=_without_bytecode)
        for script in scripts:
            tar.add(GUEST / script, script)
    return base64.b64encode(archive.getvalue()).decode("ascii")


def _without_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
