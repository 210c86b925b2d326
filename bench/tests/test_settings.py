# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Fails where the time of a whole playbook is taken for that of its task, or another task's for it.

The output is as ansible.posix.profile_tasks prints it.
"""

from __future__ import annotations

import pytest

from bench.machine import seconds_of_task
from lab.errors import LabError

RECAP = """\
PLAY RECAP *********************************************************************
bench-trixie               : ok=1    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0

"""
ROW = "The settings of the kernel ------------------------------------------------------------- 4.18s\n"


def test_the_time_of_the_task() -> None:
    assert seconds_of_task(f"{RECAP}TASKS RECAP ****\n====\n{ROW}") == 4.18


@pytest.mark.parametrize("rows", ["", ROW + "Another task ---- 0.05s\n"])
def test_no_time_or_several(rows: str) -> None:
    with pytest.raises(LabError, match="a playbook of one task was to be timed"):
        seconds_of_task(RECAP + rows)
