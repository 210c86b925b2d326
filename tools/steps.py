# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` runs, as data: each step's name, command, time bound, and how its tests are counted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
    # In `make test`, lanes go side by side, each in the order of its steps; a step without one runs by its name alone.
    lane: str = "collection"
    # In `make test`: left out, and told, where the whole has less time left than its bound when its turn comes, or cut
    # off where it reaches that bound.
    if_time: bool = False


def tool(name: str, *command: str, minutes: int = 5, needs: str = ".") -> Step:
    """A program that says yes or no: it counts as one test."""
    return Step(name, command, minutes, counts.one, environment("tools"), needs=needs)


def pytest(name: str, folder: str) -> Step:
    """Tests without a machine, in the lane that is the shorter one without them."""
    step = tool(name, "pytest", "-v", folder, minutes=20, needs=folder)
    return step._replace(counter=counts.pytest, lane="lab")


def ansible_test(name: str, core: str, counter: counts.Counter, *arguments: str) -> Step:
    command = ("ansible-test", *arguments, "--color", "no")
    return Step(name, command, 30, counter, ansible_test_environment(core), cwd=TREE / COLLECTION)


def molecule(scenario: str, core: str, minutes: int) -> Step:
    env = {**environment(f"core-{core}"), "MOLECULE_GLOB": "molecule/*/molecule.yml", "ANSIBLE_FORCE_COLOR": "0"}
    command = ("molecule", "test", "--scenario-name", scenario)
    name = f"molecule-{scenario}-{core}"
    return Step(name, command, minutes, counts.molecule, env, needs=f"molecule/{scenario}")


def integration(image: str, name: str, *targets: str, minutes: float = 60, lane: str = "") -> Step:
    """All targets where none is named."""
    command = ("python", "tools/integration.py", "--image", image, *targets)
    env = environment(f"core-{NEWEST_CORE}")
    return Step(name, command, minutes, counts.integration, env, needs="tests/integration/targets", lane=lane)


def on_machines(name: str, files: Sequence[Path], minutes: float, rounds: int = 0, lane: str = "") -> Step:
    """Tests that need the whole life of a machine; with `rounds`, that often over, and two tests at a time, since an
    emulated machine keeps one processor busy.
    """
    side_by_side = ("-n", "2", "--dist", "loadgroup") if rounds else ()
    command = ("pytest", "-v", *side_by_side, *(str(path.relative_to(ROOT)) for path in files))
    env = {**environment("tools"), **({"HIGHWATER_ROUNDS": str(rounds)} if rounds else {})}
    return Step(name, command, minutes, counts.pytest, env, needs="tests/lab", lane=lane)


def of_area(area: str) -> list[Path]:
    return sorted(ROOT.glob(f"tests/lab/test_{area}*.py"))


def lab(area: str, minutes: float, rounds: int = 0) -> Step:
    """All of an area; with `rounds`, those of LONG, too."""
    files = [path for path in of_area(area) if rounds or path.stem not in LONG]
    return on_machines(f"lab-{area}-{rounds}" if rounds else f"lab-{area}", files, minutes, rounds)


def samples(names: Sequence[str], minutes: float) -> list[Step]:
    """What of these an area has, a step for each."""
    found = [(area, [path for path in of_area(area) if path.stem in names]) for area in LAB]
    return [on_machines(f"sample-{area}", files, minutes, lane="lab") for area, files in found if files]


def if_time(step: Step) -> Step:
    """Its bound is at least twice what it takes where `make test` takes an hour."""
    return step._replace(if_time=True)


PARTS = ("lab", "tools", "demo", "bench")  # programs that users never get
LAB = (
    "zram",
    "swapfile",
    "vm",
    "compress",
    "trouble",
    "assess",
    "page_cache",
    "memory",
)  # areas with tests in tests/lab/
SAMPLE = (  # of tests/lab/, what `make test` has the time for on a slow computer, too; `make lab` runs the others
    "test_swapfile_power_cut",
    "test_swapfile_pressure",
    "test_zram_live",
    "test_zram_own_kernel",
)
SAMPLE_IF_TIME = ("test_compress_killed",)
LONG = (  # of tests/lab/, what only `make soak` has the time for
    "test_compress_large",
    "test_swapfile_killed",
    "test_swapfile_swapping_off",
    "test_trouble_inodes",
    "test_zram_maintenance",
    "test_zram_neighbours",
    "test_zram_role",
)
IMAGES = ("bullseye", "bookworm", "trixie")  # of the lab, that `make test` boots
TARGETS = {  # of integration tests, with their minutes; those first that nothing else in `make test` has a part of
    "vm_sysctl": 20,
    "transparent_hugepage": 20,
    "zram_device": 60,
    "test_swapfile": 60,
    "page_cache_purge": 60,
    "memory_info": 20,
}
PLUGINS = "ansible_collections.highwater.memory.plugins"
MODULE_UTILS = f"{PLUGINS}.module_utils"

STEPS = (
    # Made once and cached, while the other lane has no use for machines yet; in a step of its own, so that the bounds
    # of the others are for tests alone.
    tool("machines", "python", "-m", "lab", "build", "--boot", *IMAGES, minutes=40, needs="lab")._replace(lane="lab"),
    tool("lint-ruff", "ruff", "check", "."),
    tool("lint-format", "ruff", "format", "--check", "."),
    tool("lint-yaml", "yamllint", "--strict", "."),
    tool("lint-ansible", "ansible-lint", "--offline", "--strict", "--nocolor"),
    tool("types-core", "mypy", "--package", MODULE_UTILS, needs="plugins/module_utils"),
    tool("types-controller", "mypy", "--package", f"{PLUGINS}.plugin_utils", "--package", f"{PLUGINS}.action"),
    *(tool(f"types-{part}", "mypy", part, needs=part) for part in PARTS),
    tool("types-tests", "mypy", "tests/lab", "tests/browser", "tests/playbooks", needs="tests/lab"),
    tool("docs", "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."),
    tool("changelog", "antsibull-changelog", "lint"),
    # One lane for all of ansible-test: two runs of it would write to the same folder of the checkout.
    *(ansible_test(f"sanity-{core}", core, counts.sanity, "sanity") for core in CORES),
    *(
        ansible_test(f"units-{python}", core, counts.pytest, "units", "--venv", "--python", python, "--requirements")
        for core, python in ((OLDEST_CORE, OLDEST_PYTHON), (NEWEST_CORE, NEWEST_PYTHON))
    ),
    *(pytest(f"selftest-{part}", f"{part}/tests") for part in PARTS),
    pytest("playbooks", "tests/playbooks"),
    pytest("browser", "tests/browser"),
    *samples(SAMPLE, minutes=60),
    *(lab(area, minutes=90) for area in LAB),
    molecule("default", OLDEST_CORE, minutes=30)._replace(lane=""),
    molecule("default", NEWEST_CORE, minutes=45),
    # In the lane of sample-zram: what they compare before and after are the swap and the zram of this computer, too,
    # and test_zram_own_kernel.py makes some.
    molecule("container", OLDEST_CORE, minutes=15)._replace(lane=""),
    if_time(molecule("container", NEWEST_CORE, minutes=30)._replace(lane="lab")),
    *map(if_time, samples(SAMPLE_IF_TIME, minutes=40)),
    *(
        if_time(integration("trixie", f"integration-{name}", name, minutes=minutes, lane="collection"))
        for name, minutes in TARGETS.items()
    ),
)

# The long series, of which the steps above are a part: the integration targets on the other kernels, and from fresh
# to removed again and again.
SOAK = (
    integration("bullseye", "integration-bullseye"),
    integration("bookworm", "integration-bookworm"),
    *(lab(area, minutes=150, rounds=20) for area in LAB),
    lab("recompress", minutes=150, rounds=1),  # on a kernel that is compiled for it, once
    *(lab(area, minutes=30, rounds=1) for area in ("f2fs", "selinux")),
    *(
        molecule("default", core, minutes=15)._replace(name=f"molecule-{core}-{turn}")
        for turn in range(5)
        for core in CORES
    ),
)


def chosen(names: list[str]) -> list[Step]:
    """The steps of these names or groups, those of `make test` when none is named, as far as the checkout has what they
    test. `soak` is the group of all long ones; each of them has its name too.
    """
    wanted = [step for step in STEPS if named(step, names) or (not names and step.lane)]
    wanted += [step for step in SOAK if step.name in names or "soak" in names]
    if not wanted:
        known = ", ".join(step.name for step in STEPS + SOAK)
        sys.exit(f"no step is called {' or '.join(names)}: there are {known}")
    return [step for step in wanted if (ROOT / step.needs).exists()]


def named(step: Step, names: Sequence[str]) -> bool:
    return step.name in names or step.name.split("-")[0] in names
