# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` runs, as data: each step's name, command, time bound, and how its tests are counted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import counts
from paths import (
    COLLECTION,
    CORES,
    NEWEST_CORE,
    NEWEST_PYTHON,
    OLDEST_CORE,
    OLDEST_PYTHON,
    ROOT,
    TREE,
    ansible_test_environment,
    environment,
)


class Step(NamedTuple):
    """`make NAME` runs it alone. The part of the name before the first dash is the group that `make GROUP` runs."""

    name: str
    command: tuple[str, ...]
    minutes: float
    counter: counts.Counter
    env: dict[str, str]
    cwd: Path = ROOT
    needs: str = "."  # the step is left out while the checkout has no such path


def tool(name: str, *command: str, minutes: int = 5, needs: str = ".") -> Step:
    """A program that says yes or no: it counts as one test."""
    return Step(name, command, minutes, counts.one, environment("tools"), needs=needs)


def ansible_test(name: str, core: str, counter: counts.Counter, *arguments: str) -> Step:
    command = ("ansible-test", *arguments, "--color", "no")
    return Step(name, command, 12, counter, ansible_test_environment(core), cwd=TREE / COLLECTION)


def molecule(scenario: str, core: str, minutes: int) -> Step:
    env = {**environment(f"core-{core}"), "MOLECULE_GLOB": "molecule/*/molecule.yml", "ANSIBLE_FORCE_COLOR": "0"}
    command = ("molecule", "test", "--scenario-name", scenario)
    return Step(f"molecule-{scenario}-{core}", command, minutes, counts.molecule, env, needs=f"molecule/{scenario}")


def integration(image: str, name: str = "integration") -> Step:
    command = ("python", "tools/integration.py", "--image", image)
    env = environment(f"core-{NEWEST_CORE}")
    return Step(name, command, 15, counts.integration, env, needs="tests/integration/targets")


PARTS = ("lab", "tools", "demo", "bench")  # programs that users never get
MODULE_UTILS = "ansible_collections.highwater.memory.plugins.module_utils"

STEPS = (
    tool("lint-ruff", "ruff", "check", "."),
    tool("lint-format", "ruff", "format", "--check", "."),
    tool("lint-yaml", "yamllint", "--strict", "."),
    tool("lint-ansible", "ansible-lint", "--offline", "--strict", "--nocolor"),
    tool("types-core", "mypy", "--package", MODULE_UTILS, needs="plugins/module_utils"),
    *(tool(f"types-{part}", "mypy", part, needs=part) for part in PARTS),
    tool("docs", "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."),
    tool("changelog", "antsibull-changelog", "lint"),
    *(ansible_test(f"sanity-{core}", core, counts.sanity, "sanity") for core in CORES),
    *(
        ansible_test(f"units-{python}", core, counts.pytest, "units", "--venv", "--python", python, "--requirements")
        for core, python in ((OLDEST_CORE, OLDEST_PYTHON), (NEWEST_CORE, NEWEST_PYTHON))
    ),
    *(
        tool(f"selftest-{part}", "pytest", "-q", f"{part}/tests", needs=f"{part}/tests")._replace(counter=counts.pytest)
        for part in PARTS
    ),
    # Made once and cached; in a step of its own, so that the bounds of the others are for tests alone.
    tool("machines", "python", "-m", "lab", "build", "--boot", minutes=12, needs="lab"),
    integration("trixie"),
    *(molecule("default", core, minutes=15) for core in CORES),
    *(molecule("container", core, minutes=8) for core in CORES),
)

# The long series, of which the steps above are a sample: the integration targets on the other kernels, and from fresh
# to removed again and again.
SOAK = (
    integration("bullseye", "integration-bullseye"),
    integration("bookworm", "integration-bookworm"),
    *(
        molecule("default", core, minutes=15)._replace(name=f"molecule-{core}-{turn}")
        for turn in range(5)
        for core in CORES
    ),
)


def chosen(names: list[str]) -> list[Step]:
    """The steps of these names or groups, all when none is named, as far as the checkout has what they test.

    `soak` is the group of all long ones; each of them has its name too.
    """
    wanted = [step for step in STEPS if not names or step.name in names or step.name.split("-")[0] in names]
    wanted += [step for step in SOAK if step.name in names or "soak" in names]
    if not wanted:
        known = ", ".join(step.name for step in STEPS + SOAK)
        sys.exit(f"no step is called {' or '.join(names)}: there are {known}")
    return [step for step in wanted if (ROOT / step.needs).exists()]
