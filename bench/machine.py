# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The throw-away machine that is measured on, and commands of Ansible's that are timed."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

from lab import fleet, machine, report
from lab.errors import LabError, tail
from lab.images import Shape
from lab.waiting import pause

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv/bench"  # one controller for both sides
NAME, IMAGE, USER = "bench-trixie", "trixie", "root"
LIMIT = 900  # seconds for a single command


class Bench:
    """One machine; `folder` is for what the runs need and leave."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self.folder = folder
        self.name = name
        self.inventory = folder / "inventory.yml"
        self.env = {
            **os.environ,
            "PATH": os.pathsep.join([str(VENV / "bin"), *os.get_exec_path()]),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder),
            "ANSIBLE_TIMEOUT": "60",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
        }

    def reset(self, shape: Optional[Shape] = None) -> machine.Machine:
        """The machine as new, with the connection open that both sides will use."""
        it: machine.Machine = fleet.each(
            "machine", [self.name], lambda name, job: machine.bring_up(name, IMAGE, shape, job), lambda _it: "as new"
        )[0]
        self.inventory.write_text(report.inventory([it], USER))
        self.ping()
        return it

    def ping(self) -> float:
        return self.adhoc("ansible.builtin.ping")

    def adhoc(self, module: str, arguments: str = "", converged: bool = False) -> float:
        """Seconds that `ansible -m` takes; an error where it was to find all as wanted and did not."""
        seconds, output = self._timed(["ansible", "all", "-i", str(self.inventory), "-m", module, "-a", arguments])
        if converged and '"changed": true' in output:
            raise LabError(f"{module} changed something on a converged host", tail(output, 60))
        return seconds

    def here(self, module: str, arguments: str, interpreter: Path) -> float:
        """The same on this computer, as root."""
        command = ["ansible", "localhost", "-c", "local", "-m", module, "-a", arguments]
        become = [] if os.geteuid() == 0 else ["--become"]
        return self._timed([*command, *become, "-e", f"ansible_python_interpreter={interpreter}"])[0]

    def play(self, playbook: str, converged: bool = False, inventory: Optional[Path] = None) -> float:
        """Seconds that `ansible-playbook` takes; an error where it was to find all as wanted and did not."""
        return self._play(playbook, converged, inventory)[0]

    def play_of_one_task(self, playbook: str, converged: bool = False) -> tuple[float, float]:
        """Seconds that its task takes, and as play()."""
        seconds, output = self._play(playbook, converged)
        return seconds_of_task(output), seconds

    def _play(self, playbook: str, converged: bool, inventory: Optional[Path] = None) -> tuple[float, str]:
        seconds, output = self._timed(["ansible-playbook", "-i", str(inventory or self.inventory), playbook])
        changed = int(re.findall(r"\bchanged=(\d+)", output)[-1])
        if converged and changed:
            raise LabError(f"{playbook} changed {changed} things on a converged host", tail(output, 60))
        return seconds, output

    def _timed(self, command: list[str]) -> tuple[float, str]:
        log = self.folder / "output"
        with log.open("wb") as output:
            began = time.monotonic()
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                self._wait(process, began + LIMIT)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
            seconds = time.monotonic() - began
        text = log.read_text(errors="replace")
        if process.returncode:
            raise LabError(f"`{' '.join(command[:1] + command[3:])}` ended with {process.returncode}", tail(text, 60))
        return seconds, text

    @staticmethod
    def _wait(process: subprocess.Popen[Any], deadline: float) -> None:
        while process.poll() is None and time.monotonic() < deadline:
            pause(0.02)


def seconds_of_task(output: str) -> float:
    """What ansible.posix.profile_tasks says at the end of a playbook of one task."""
    found = re.findall(r"(?m)^\S.* -+ ([\d.]+)s$", output)
    if len(found) != 1:
        raise LabError(f"a playbook of one task was to be timed, and {len(found)} were told of", tail(output, 60))
    return float(found[0])
