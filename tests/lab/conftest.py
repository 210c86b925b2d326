# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Fixtures for tests on machines of the lab; what they give is told in harness.py."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, lock

from lab import commands
from lab.images import Shape
from lab.waiting import STOP, listen_to_signals

ROUNDS = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    asked = os.environ.get("HIGHWATER_ROUNDS", ROUNDS)
    parser.addoption("--rounds", type=int, default=int(asked), help="how often a series is repeated (%(default)s)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "machine(image, memory, cpus, disk, extra): what kind of machine the test needs")
    # What a series draws its moments from; drawn before workers of pytest-xdist are, which must have the same tests.
    os.environ.setdefault("HIGHWATER_SEED", str(random.SystemRandom().randrange(10**6)))
    listen_to_signals()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "turn" in metafunc.fixturenames:
        metafunc.parametrize("turn", range(1, metafunc.config.getoption("rounds") + 1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the machine beside a failure, while it is there to be asked."""
    outcome = yield
    machine = getattr(item, "funcargs", {}).get("machine")
    if outcome.failed and isinstance(machine, Machine) and not STOP.is_set():
        outcome.sections.append((f"machine {machine.name}", machine.evidence()))
    return outcome


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """After Ctrl-C the test that it cut short is the last."""
    if STOP.is_set():
        pytest.exit("stopped", returncode=130)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("rounds"))


def machine_name(request: pytest.FixtureRequest) -> str:
    """That of the test file, and of the worker where several run its tests side by side (pytest-xdist)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    words = [*Path(str(request.path)).stem.split("_"), *([worker] if worker else [])]
    return "-".join(words)


@pytest.fixture(scope="module")
def machines(request: pytest.FixtureRequest) -> Iterator[dict[str, Machine]]:
    """The one machine of a test file and worker, by its name; taken down when the file is through."""
    name = machine_name(request)
    there: dict[str, Machine] = {}
    commands.prepare()
    with lock(name):
        try:
            yield there
        finally:
            stopped = STOP.is_set()
            STOP.clear()  # whatever stopped us, what we made goes away
            for machine in there.values():
                machine.down()
            if stopped:
                STOP.set()


@pytest.fixture
def machine(request: pytest.FixtureRequest, machines: dict[str, Machine]) -> Iterator[Machine]:
    """A pristine machine of the kind that the test's mark asks for."""
    asked: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("machine"))):  # the nearest comes last
        asked.update(mark.kwargs)
    image = asked.pop("image", "trixie")
    name = machine_name(request)
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:  # sockets have short paths
        machines[name] = it = Machine(name, image, Shape(**asked), Path(folder))
        it.pristine()
        yield it
        it._hang_up()
