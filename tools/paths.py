# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are in the checkout, and the environment that tools run in."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
VENVS = ROOT / ".venv"
UV = VENVS / "uv" / "bin" / "uv"
PYTHONS = VENVS / "pythons"  # python3.8, python3.13: links to interpreters, for ansible-test
LOGS = CACHE / "logs"

COLLECTION = Path("ansible_collections/highwater/memory")
TREE = CACHE / "tree"  # a copy of the checkout, for ansible-test
LINK = CACHE / "link"  # a link to the checkout, for mypy and pytest
ARTEFACT = CACHE / "collections"  # the built collection installed, for molecule, demo and bench

# ansible-test keeps pip, virtual environments and ssh keys in the home folder. It gets one of its own.
ANSIBLE_TEST_HOME = CACHE / "ansible-test"

OLDEST_CORE, NEWEST_CORE = CORES = ("2.18", "2.21")
OLDEST_PYTHON, NEWEST_PYTHON = ("3.8", "3.13")


def environment(venv: str) -> dict[str, str]:
    """The environment in which the programs of a virtual environment find each other."""
    # pyenv's shims answer to every Python, and then most of them say no: ansible-test must not see them.
    others = [entry for entry in os.get_exec_path() if not entry.endswith("/.pyenv/shims")]
    path = [str(VENVS / venv / "bin"), str(PYTHONS), *others]
    return {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "VIRTUAL_ENV": str(VENVS / venv),
        "ANSIBLE_COLLECTIONS_PATH": str(ARTEFACT),
        "PIP_RETRIES": "10",
        "PYTHONUNBUFFERED": "1",
    }


def ansible_test_environment(core: str) -> dict[str, str]:
    """As `environment`, with a home folder of its own; what pip has configured and cached is still found."""
    home = Path.home()
    return {
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        **environment(f"core-{core}"),
        "HOME": str(ANSIBLE_TEST_HOME),
    }
