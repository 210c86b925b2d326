# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""How a program ends that makes machines of the lab."""

from __future__ import annotations

import sys
from typing import Callable, Sequence

from lab import machine
from lab.errors import LabError, Stopped
from lab.waiting import STOP, listen_to_signals


def run(work: Callable[[], int], machines: Sequence[str]) -> int:
    """The exit code: that of the work, 1 for an error of the lab, 130 when stopped. The machines go in any case."""
    listen_to_signals()
    try:
        return work()
    except Stopped:
        print("\nstopped", file=sys.stderr)
        return 130
    except LabError as error:
        print(error.evidence, f"error: {error}", sep="\n", file=sys.stderr)
        return 1
    finally:
        STOP.clear()  # whatever stopped us, what we made goes away
        for name in machines:
            machine.down(name)
        print("the machines are gone", file=sys.stderr)
