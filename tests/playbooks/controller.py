# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""ansible-playbook, as somebody with this checkout runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import paths


def inventory(folder: Path, hosts: dict[str, dict[str, Any]], **variables: Any) -> Path:
    """A program that tells of hosts with their variables, and of variables of all of them."""
    known = {"_meta": {"hostvars": hosts}, "all": {"hosts": list(hosts), "vars": variables}}
    (folder / "hosts.json").write_text(json.dumps(known))
    program = folder / "hosts.sh"
    program.write_text(f"#!/bin/sh\nexec cat '{folder}/hosts.json'\n")
    program.chmod(0o755)
    return program


def play(core: str, hosts: Path, playbook: str | Path, **extra: Any) -> subprocess.CompletedProcess[str]:
    """The playbook by that ansible-core, with extra variables."""
    environment = {
        **paths.environment(f"core-{core}"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(paths.LINK),
    }
    return subprocess.run(
        ["ansible-playbook", "-i", str(hosts), str(playbook), "-e", json.dumps(extra)],
        env=environment,
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
