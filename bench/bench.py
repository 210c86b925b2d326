# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""`make bench`: measures against the neighbours, side by side in one run, and writes docs/benchmarks.md.

A chapter is a file here with `measure(bench, say) -> Chapter`, named in CHAPTERS. `bench.py NAME…` measures only those
chapters; what it finds takes the place of what the page said of them.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder, so that `bench` and `lab` are packages

from bench import compress, figures, memory, page_cache, report, settings, site, startup, swapfile, zram  # noqa: E402
from bench.machine import NAME, VENV, Bench  # noqa: E402
from lab import commands, machine, program, qemu  # noqa: E402

CHAPTERS = {
    "site": site,
    "settings": settings,
    "startup": startup,
    "zram": zram,
    "swapfile": swapfile,
    "compress": compress,
    "memory": memory,
    "page_cache": page_cache,
    "report": report,
}
PAGE = ROOT / "docs/benchmarks.md"
BEGAN = time.monotonic()


def say(text: str) -> None:
    passed = int(time.monotonic() - BEGAN)
    print(f"{passed // 60:2}:{passed % 60:02}  {text}", flush=True)


def conditions(it: machine.Machine) -> list[tuple[str, str]]:
    """What a reader has to know to judge the figures, or to repeat them."""
    guest = f"{it.image}, Linux {it.kernel}, {it.shape.cpus} processor, {it.shape.memory} MiB"
    accelerator = "emulated (TCG)" if qemu.accelerator() == "emulated" else "KVM"
    kernel = platform.release().partition("-")[0]
    return [
        ("controller", f"Linux {kernel}, {os.cpu_count()} processors"),
        ("Ansible", versions()),
        ("host", f"{guest}, {accelerator} by {qemu.version()}"),
    ]


def now() -> list[tuple[str, str]]:
    """When it is, of what, and what else the controller does: what it did of ours a moment ago is in its load, too."""
    return [
        ("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("commit", output(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"])),
        ("load", f"{os.getloadavg()[0]:.1f} at the start"),
    ]


def versions() -> str:
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements/bench.txt").read_text(), re.MULTILINE))
    python = output([str(VENV / "bin/python"), "--version"])
    return f"ansible-core {pinned['ansible-core']}, collections of ansible {pinned['ansible']}, {python}"


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def measure(names: list[str]) -> int:
    commands.prepare()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        facts = conditions(bench.reset())
        for name, value in facts:
            say(f"{name}: {value}")
        held = [part(name, bench, facts) for name in names or CHAPTERS]
    return 0 if all(held) else 1


def part(name: str, bench: Bench, facts: list[tuple[str, str]]) -> bool:
    """One chapter, on the page at once (a later one may be cut off); whether all of it holds."""
    say(f"── {CHAPTERS[name].TITLE}")
    when = [*now(), *facts]
    chapter = CHAPTERS[name].measure(bench, say)
    print(f"\n{figures.aligned(chapter.figures)}\n")
    page = PAGE.read_text() if PAGE.exists() else ""
    PAGE.write_text(figures.updated(page, [one.TITLE for one in CHAPTERS.values()], chapter, when))
    say(f"written to {PAGE.relative_to(ROOT)}")
    return all(figure.holds for figure in chapter.figures)


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(CHAPTERS))
    if unknown:
        sys.exit(f"no chapter is called {', '.join(unknown)}: there are {', '.join(CHAPTERS)}")
    return program.run(lambda: measure(names), [NAME, *zram.MACHINES])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
