# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Runs guest.py in a machine, from standard input: nothing is left there."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo import guest
from lab import ssh
from lab.errors import LabError
from lab.machine import Machine
from lab.waiting import ticks

LIMIT = guest.LIMIT + 90  # seconds

# In a unit of its own, or systemd would end the ssh service when the OOM killer takes a process of that.
COMMAND = "systemd-run --quiet --pipe --wait --collect -p OOMPolicy=continue /usr/bin/python3 -"


def ask(it: Machine, what: str, on_line: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The last line that guest.py prints; `on_line` gets the newest one while it runs. Raises LabError and Stopped."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        code = _run(it, what, output, errors, on_line)
        lines = _lines(output)
        if code or not lines:
            raise LabError(
                f"guest.py {what} ended with {code} in {it.name}", errors.read_text(errors="replace").strip()
            )
        return lines[-1]


def _run(it: Machine, what: str, output: Path, errors: Path, on_line: Callable[[dict[str, Any]], None]) -> int:
    command = [*ssh.command_line(it.port, "root", "-o", "BatchMode=yes"), f"{COMMAND} {what}"]
    with open(guest.__file__, "rb") as source, output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(command, stdin=source, stdout=out, stderr=err, start_new_session=True)
        try:
            for _passed in ticks(LIMIT, every=0.25):
                if process.poll() is not None:
                    return process.returncode
                for line in _lines(output)[-1:]:
                    on_line(line)
            raise LabError(f"guest.py {what} did not end within {LIMIT} s in {it.name}")
        finally:
            process.kill()
            process.wait()


def _lines(output: Path) -> list[dict[str, Any]]:
    """What was printed so far, without a line that is not complete."""
    return [json.loads(line) for line in output.read_text().splitlines(keepends=True) if line.endswith("\n")]
