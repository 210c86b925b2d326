# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A swapfile is made larger and smaller while memory and swap are nearly full.

Fails where anything is killed for want of memory, where a page comes back other than it was written, or where something
is left behind.
"""

from __future__ import annotations

import pytest
from harness import Machine
from holding import held, held_after_a_round, hold

MODULE = "highwater.memory.swapfile"
PATH = "/swapfile"
SMALL, LARGE = 160, 208  # MiB
FREE = 40  # MiB of swap, at most, when all is held; a module call needs some room itself


def oom_kills(machine: Machine) -> int:
    lines = dict(line.split() for line in machine.shell("cat /proc/vmstat").splitlines())
    return int(lines["oom_kill"])


def resized(machine: Machine, size: int, encrypted: bool) -> list[str]:
    done = machine.module(
        MODULE, path=PATH, size=f"{size}MiB", encrypted=encrypted, headroom="16MiB", keep_free="256MiB", timeout=600
    )
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    assert [(row[0], int(row[2])) for row in rows] == [("/dev/dm-0" if encrypted else PATH, (size << 10) - 4)]
    assert machine.shell(f"ls -A / | grep highwater; stat -c %s {PATH}") == f"{size << 20}\n"
    return list(done["actions"])


def series(machine: Machine, rounds: int, encrypted: bool) -> None:
    machine.module(MODULE, path=PATH, size=f"{SMALL}MiB", encrypted=encrypted)
    hold(machine, str(FREE))
    free = int(machine.shell("grep SwapFree /proc/meminfo").split()[1]) >> 10
    assert free <= 2 * FREE, f"{free} MiB of swap are free: the machine is not as full as it should be"
    for turn in range(1, rounds + 1):
        for size in (LARGE, SMALL):
            actions = resized(machine, size, encrypted)
            assert any("as a bridge" in action for action in actions), actions
            assert held(machine).wrong == 0, f"round {turn}, {size} MiB"
            assert oom_kills(machine) == 0, f"round {turn}, {size} MiB"
    found = held_after_a_round(machine)
    assert found.wrong == 0, f"{found.wrong} pages are not as they were written"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Encrypted in long series only, and a tenth as often: the ciphers are emulated too."""
    if "series_of" in metafunc.fixturenames:
        rounds = int(metafunc.config.getoption("rounds"))
        encrypted = [(True, rounds // 10)] if rounds >= 10 else []
        metafunc.parametrize(
            "series_of", [(False, rounds), *encrypted], ids=["plain", "encrypted"][: 1 + len(encrypted)]
        )


@pytest.mark.machine(memory=384)
def test_resize_under_load(machine: Machine, series_of: tuple[bool, int]) -> None:
    encrypted, rounds = series_of
    series(machine, rounds, encrypted)
