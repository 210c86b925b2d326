# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What it costs to know the state of a machine's memory."""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from bench import after_site
from bench.figures import Chapter, Figure
from bench.machine import ROOT, VENV, Bench

MODULE = "highwater.memory.memory_info"
ROUNDS, OWN_ROUNDS = 7, 15
AT_MOST = 1.3  # of a ping
MILLISECONDS = 30.0  # of processor time of its own
UTILS = ROOT / "plugins/module_utils"
OWN_TIME = Path(__file__).with_name("own_time.py")

TITLE = "The state of a machine's memory"
TEXT = f"""\
`ansible -m {MODULE}` with its default subsets, findings among them, in turns with a ping. Processor time of its own is
what its process takes once Ansible's own part of a module is loaded: to import what it needs, out of an archive as
Ansible sends it, and to answer. That is measured on the controller, since an emulated processor says nothing of it:
once as it is, and once in a folder that says what a host says after playbook `site`, with swap in `/etc/fstab` that is
on, and a sysctl file of somebody's that differs from the kernel, so that all that has a say at boot is looked at."""


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    return Chapter(TITLE, TEXT, (beside_a_ping(bench, say), *of_its_own(say)))


def beside_a_ping(bench: Bench, say: Callable[[str], None]) -> Figure:
    """Wall time of a call, over a connection that is open."""
    bench.reset()
    bench.adhoc(MODULE)
    seconds, pings = [], []
    for number in range(1, ROUNDS + 1):
        pings.append(bench.ping())
        seconds.append(bench.adhoc(MODULE))
        say(f"round {number} of {ROUNDS}: ping {pings[-1]:.2f} s, memory_info {seconds[-1]:.2f} s")
    return Figure("memory_info", "ping", tuple(seconds), tuple(pings), AT_MOST)


def of_its_own(say: Callable[[str], None]) -> tuple[Figure, Figure]:
    """Processor time of its own, beside what it may be: with nothing to compare, and where there is all, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        archive, root = Path(folder) / "module.zip", Path(folder) / "root"
        pack(archive)
        after_site.lay(root)
        rounds = [(own_time(archive), own_time(archive, root)) for _round in range(OWN_ROUNDS)]
    return (
        own_figure("memory_info, processor time of its own", tuple(one for one, _other in rounds), say),
        own_figure(
            "memory_info, the same after site, with a file that differs", tuple(one for _other, one in rounds), say
        ),
    )


def own_time(archive: Path, root: Path | None = None) -> float:
    """Of one call, in milliseconds."""
    command = [str(VENV / "bin/python"), str(OWN_TIME), str(archive), *([str(root)] if root else [])]
    took, *findings = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if root and after_site.SAID not in findings:
        raise RuntimeError(f"memory_info did not see the machine after site: {' '.join(findings) or 'nothing found'}")
    return float(took)


def own_figure(name: str, times: tuple[float, ...], say: Callable[[str], None]) -> Figure:
    say(f"{name}: {', '.join(f'{one:.1f}' for one in times)} ms")
    return Figure(name, "what it may be", times, (MILLISECONDS,), 1.0, unit="ms")


def pack(archive: Path) -> None:
    """All of module_utils, as Ansible puts it into the archive of a module: source, and packages that are empty."""
    package = "ansible_collections/highwater/memory/plugins/module_utils"
    files = {path.relative_to(UTILS): path.read_text() for path in sorted(UTILS.rglob("*.py"))}
    folders = {folder for file in files for folder in file.parents}
    files.update({folder / "__init__.py": "" for folder in folders})
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for above in Path(package).parents:
            target.writestr(f"{above / '__init__.py'}", "")
        for file, text in files.items():
            target.writestr(f"{package}/{file}", text)
