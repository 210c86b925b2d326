# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `ansible-test integration` against a machine of the lab: all targets, or those that are named.

.venv/core-2.21/bin/python tools/integration.py test_swapfile
.venv/core-2.21/bin/python tools/integration.py --image bullseye
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from typing import Any

import yaml
from paths import COLLECTION, NEWEST_CORE, ROOT, TREE, ansible_test_environment, environment

MACHINE = "hw-integration"
PYTHONS = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}  # of the lab's images


def lab(*arguments: str, capture: bool = False) -> str:
    """The lab speaks on standard error while it works; its answer is on standard output."""
    env = environment(f"core-{NEWEST_CORE}")
    stdout = subprocess.PIPE if capture else None
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=ROOT, env=env, stdout=stdout, text=True, check=True
    ).stdout


def reached() -> dict[str, Any]:
    """How the machine is reached, by the names of Ansible's variables."""
    everything = yaml.safe_load(lab("inventory", MACHINE, capture=True))["all"]
    return {**everything["vars"], **everything["hosts"][MACHINE]}


def authorise(private_key: str) -> None:
    """Gives ansible-test the key that opens the lab's machines, at the place where it looks for one."""
    folder = TREE / COLLECTION / "tests/output/.tmp"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(private_key, folder / "id_rsa")
    shutil.copy(f"{private_key}.pub", folder / "id_rsa.pub")


def test(targets: list[str], host: dict[str, Any]) -> int:
    python = PYTHONS[host["lab_image"]]
    target = f"ssh:root@{host['ansible_host']}:{host['ansible_port']},python={python}"
    # Without --allow-destructive it skips all and says that all is well.
    options = ["--target", target, "--allow-destructive", "--continue-on-error", "--color", "no", "-v"]
    argv = ["ansible-test", "integration", *options, *targets]
    return subprocess.run(argv, cwd=TREE / COLLECTION, env=ansible_test_environment(NEWEST_CORE)).returncode


def refuse_names_of_roles() -> None:
    """A target that is called as a role of ours would run that role instead of its own tasks, and pass."""
    targets, roles = (set(os.listdir(ROOT / path)) for path in ("tests/integration/targets", "roles"))
    if targets & roles:
        sys.exit(f"tests/integration/targets has {', '.join(sorted(targets & roles))}, the name of a role: rename it")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="all when none is named")
    parser.add_argument("--image", choices=PYTHONS, default="trixie", help="of the machine; %(default)s")
    asked = parser.parse_args(arguments)
    refuse_names_of_roles()
    try:
        lab("up", MACHINE, "--image", asked.image)
        host = reached()
        authorise(host["ansible_ssh_private_key_file"])
        return test(asked.targets, host)
    finally:
        lab("down", MACHINE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
