# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""`make demo`: three throw-away machines, site.yml, and what it bought."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder, so that `demo` and `lab` are packages

from demo import guest, table  # noqa: E402
from demo.remote import ask  # noqa: E402
from lab import commands, fleet, machine, program, report  # noqa: E402
from lab.errors import LabError  # noqa: E402
from lab.progress import Job  # noqa: E402
from lab.waiting import pause  # noqa: E402

MACHINES = {"demo-bullseye": "bullseye", "demo-bookworm": "bookworm", "demo-trixie": "trixie"}
USER = "operator"  # may use sudo, as fleets have it
PLAYBOOK = "highwater.memory.site"
STAGES = 5


def stage(number: int, text: str) -> None:
    print(f"\n── {number} of {STAGES} · {text}", flush=True)


def each(work: Callable[[str, Job], Any], done: Callable[[Any], str]) -> list[Any]:
    return fleet.each("machine", list(MACHINES), work, done)


def bring_up(name: str, job: Job) -> machine.Machine:
    return machine.bring_up(name, MACHINES[name], None, job)


def measure(name: str, job: Job) -> tuple[table.Look, table.Fill]:
    """Looks at a machine, then fills its memory until the kernel ends that."""
    it = machine.existing(name)
    job.stage("looking")
    look = ask(it, "look", lambda line: None)
    job.stage("filling memory")
    return look, ask(it, "fill", lambda line: job.progress(progress(line)))


def progress(line: dict[str, Any]) -> str:
    swapped = f", {table.mib(line['swap_used'])} of it in swap" if line.get("swap_used") else ""
    return f"{table.mib(line['filled'])}{swapped}"


def measured(found: tuple[table.Look, table.Fill]) -> str:
    return f"filled {table.filled(found[1])} after {found[1]['seconds']:.0f} s"


def apply_site() -> None:
    """As a user would: ansible-playbook, its output on the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        inventory = Path(folder) / "inventory.yml"
        inventory.write_text(report.inventory([machine.existing(name) for name in MACHINES], USER))
        command = ["ansible-playbook", "--inventory", str(inventory), PLAYBOOK]
        print(f"$ ansible-playbook -i inventory.yml {PLAYBOOK}\n", flush=True)
        # Emulated machines may be slow to answer, while others are busy beside them.
        env = {"ANSIBLE_TIMEOUT": "60", **os.environ}
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                pause(0.1)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode:
        raise LabError(f"`{' '.join(command)}` ended with {process.returncode}: see above")


def show(before: list[tuple[table.Look, table.Fill]], after: list[tuple[table.Look, table.Fill]]) -> None:
    encoding = (sys.stdout.encoding or "").lower()
    style = table.Style(colours=sys.stdout.isatty() and "NO_COLOR" not in os.environ, blocks="utf" in encoding)
    found = [table.Findings(name, *one, *two) for name, one, two in zip(MACHINES, before, after, strict=True)]
    print("\n" + table.page(found, style))


def demo() -> int:
    began = time.monotonic()
    commands.prepare()
    stage(1, "three throw-away machines, each with a kernel of its own (built once, then restored in seconds)")
    each(bring_up, commands.ready)
    stage(2, "how much a program can fill before the kernel's OOM killer ends it: as the machines come")
    before = each(measure, measured)
    stage(3, "the machines as new again, then site.yml")
    each(bring_up, commands.ready)
    apply_site()
    stage(4, "how much a program can fill now")
    after = each(measure, measured)
    stage(5, f"before and after (the pages filled compress {guest.RATIO} to 1)")
    show(before, after)
    print(f"\nAll of it took {(time.monotonic() - began) / 60:.1f} minutes. On your own machines:\n")
    print("  make site INVENTORY=hosts.yml                        apply it")
    print("  make site INVENTORY=hosts.yml ARGS='--check --diff'  see first what it would do")
    print("  ansible-playbook -i hosts.yml highwater.memory.report  look at the fleet's memory, as an HTML page")
    return 0


if __name__ == "__main__":
    sys.exit(program.run(demo, list(MACHINES)))
