# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""`make bench`: measures against the neighbours, side by side in one run, and writes docs/benchmarks.md.

A chapter is a file here with `measure(bench, say) -> Chapter`, named in CHAPTERS. `bench.py NAME…` measures only those
chapters and writes nothing.
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

from bench import figures, site, startup  # noqa: E402
from bench.machine import NAME, VENV, Bench  # noqa: E402
from lab import commands, machine, qemu  # noqa: E402
from lab.errors import LabError, Stopped  # noqa: E402
from lab.waiting import STOP, listen_to_signals  # noqa: E402

CHAPTERS = {"site": site, "startup": startup}
PAGE = ROOT / "docs/benchmarks.md"
BEGAN = time.monotonic()


def say(text: str) -> None:
    passed = int(time.monotonic() - BEGAN)
    print(f"{passed // 60:2}:{passed % 60:02}  {text}", flush=True)


def conditions(it: machine.Machine) -> list[tuple[str, str]]:
    """Whatever a reader has to know to judge the figures, or to repeat them."""
    guest = f"{it.image}, Linux {it.kernel}, {it.shape.cpus} processor, {it.shape.memory} MiB"
    accelerator = "emulated (TCG)" if qemu.accelerator() == "emulated" else "KVM"
    kernel = platform.release().partition("-")[0]
    controller = f"Linux {kernel}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start"
    return [
        ("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("commit", output(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])),
        ("controller", controller),
        ("Ansible", versions()),
        ("host", f"{guest}, {accelerator} by {qemu.version()}"),
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
        chapters = []
        for name in names or CHAPTERS:
            say(f"── {CHAPTERS[name].TITLE}")
            chapters.append(CHAPTERS[name].measure(bench, say))
            print(f"\n{figures.aligned(chapters[-1].figures)}\n")
    if not names:
        PAGE.write_text(figures.markdown(chapters, facts, "make bench"))
        say(f"written to {PAGE.relative_to(ROOT)}")
    return 0 if all(figure.holds for chapter in chapters for figure in chapter.figures) else 1


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(CHAPTERS))
    if unknown:
        sys.exit(f"no chapter is called {', '.join(unknown)}: there are {', '.join(CHAPTERS)}")
    listen_to_signals()
    try:
        return measure(names)
    except Stopped:
        print("stopped", file=sys.stderr)
        return 130
    except LabError as error:
        print(error.evidence, f"error: {error}", sep="\n", file=sys.stderr)
        return 1
    finally:
        STOP.clear()  # whatever stopped us, what we made goes away
        machine.down(NAME)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
