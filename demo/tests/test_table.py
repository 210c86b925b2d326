# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The demo's table, from findings to text."""

from __future__ import annotations

from typing import Any

from demo import table

MIB = table.MIB
MARKS = {"min": 44 * MIB, "low": 55 * MIB, "high": 66 * MIB}
LOOK: dict[str, Any] = {
    "kernel": "6.12.1",
    "cpus": 1,
    "ram": 968 * MIB,
    "swaps": [],
    "zram": [],
    "watermarks": MARKS,
}
FILL: dict[str, Any] = {
    "filled": 860 * MIB,
    "end": "oom",
    "oom_kills": 1,
    "seconds": 9.0,
    "fullest": {"swaps": [], "zram": []},
}
ZRAM = {"name": "zram0", "size": 484 * MIB, "algorithm": "zstd"}
SWAPS = [
    {"name": "/dev/zram0", "size": 484 * MIB, "used": 0, "priority": 100},
    {"name": "/swapfile", "size": 968 * MIB, "used": 0, "priority": 10},
]
FULL = [dict(area, used=area["size"]) for area in SWAPS]
FULL_ZRAM = dict(ZRAM, orig_data_size=480 * MIB, compr_data_size=160 * MIB, mem_used_total=168 * MIB)
EMPTY_ZRAM = dict(ZRAM, orig_data_size=0, compr_data_size=0, mem_used_total=0)
AFTER = table.Findings(
    "demo-trixie",
    LOOK,
    FILL,
    dict(LOOK, swaps=SWAPS, zram=[EMPTY_ZRAM]),
    dict(FILL, filled=2150 * MIB, fullest={"swaps": FULL, "zram": [FULL_ZRAM]}),
)

EXPECTED = """\
demo-trixie · Linux 6.12.1 · 1 processor · 968 MiB of RAM
             before                            after
  swap       none                              /dev/zram0    484 MiB, priority 100, 484 MiB used
                                               /swapfile     968 MiB, priority 10, 968 MiB used
  zram       none                              484 MiB, zstd; 480 MiB kept in 168 MiB: 2.9 to 1
  watermarks min 44, low 55, high 66 MiB       min 44, low 55, high 66 MiB
  could fill 860 MiB                           2,150 MiB, 2.5 times as much
  before   █████████████████████████████
  after    ███████████████████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
           █ 698 MiB in RAM   ▓ 484 MiB in zram   ░ 968 MiB in the swapfile"""


def test_a_machine() -> None:
    assert table.page([AFTER], table.Style(colours=False, blocks=True)) == EXPECTED


def test_a_terminal_without_blocks_gets_ascii() -> None:
    assert table.page([AFTER], table.Style(colours=False, blocks=False)).isascii()


def test_lines_fit_into_100_columns() -> None:
    lines = table.page([AFTER], table.Style(colours=False, blocks=True)).splitlines()
    assert max(map(len, lines)) <= 100


def test_a_fill_that_the_oom_killer_did_not_end_says_so() -> None:
    halted = AFTER._replace(filled_before=dict(FILL, end="stalled"))
    assert "860 MiB, where it came to a halt" in table.page([halted], table.Style(colours=False, blocks=True))
