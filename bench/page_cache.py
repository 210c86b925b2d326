# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What dropping files from the page cache costs beside vmtouch, on the kernel of the machine that runs this."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.figures import Chapter, Figure
from bench.machine import ROOT, Bench
from lab.errors import LabError, tail

ROUNDS = 5
FILES, IN_A_FOLDER, SMALL = 100_000, 1000, 3000  # files, of so many bytes each
LARGE = 8 * 2**30
SMALL_AT_MOST, LARGE_AT_MOST = 0.6, 1.05  # of vmtouch -e
LINK, CACHE = ROOT / ".cache/link", ROOT / ".cache/bench-page-cache"
BUILD = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from ansible_collections.highwater.memory.plugins.module_utils.core.zipapp import zipapp_text;"
    "sys.stdout.buffer.write(zipapp_text(sys.executable).encode('utf-8', 'surrogateescape'))"
)

TITLE = "The page cache"
TEXT = f"""\
On the machine that runs the benchmark, not in a virtual one: {FILES:,} files of {SMALL:,} bytes, and one large file,
all read before every turn so that they are cached. `page-cache-purge`, the program that role page_cache has its timers
run, against `vmtouch -e`, in turns. Ours counts what is cached before and after; `vmtouch -e` does not.

The purge is the time that the program tells, from its first look at the options to its last count; beside it the whole
process, in which Python starts. vmtouch is a whole process, too, but starts in a millisecond."""


class Run(NamedTuple):
    """One turn: seconds of the purge alone, as the program tells, and of its process."""

    purge: float
    process: float


def measure(_bench: Bench, say: Callable[[str], None]) -> Chapter:
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    try:
        program, theirs = build(), vmtouch()
        say(f"{FILES:,} small files")
        make_small(CACHE / "small")
        figures = compared(program, theirs, CACHE / "small", f"{FILES:,} small files", SMALL_AT_MOST, say)
        shutil.rmtree(CACHE / "small")
        size = min(LARGE, available() // 2)
        say(f"one file of {size / 2**30:.1f} GiB")
        make_large(CACHE / "large", size)
        name = f"one file of {size / 2**30:.1f} GiB"
        figures += compared(program, theirs, CACHE / "large", name, LARGE_AT_MOST, say)
    finally:
        shutil.rmtree(CACHE)
    return Chapter(TITLE, TEXT, figures)


def compared(
    program: Path, theirs: str, path: Path, name: str, at_most: float, say: Callable[[str], None]
) -> list[Figure]:
    ours, other = [], []
    for number in range(1, ROUNDS + 1):
        read(path)
        ours.append(purged(program, path))
        read(path)
        other.append(timed([theirs, "-q", "-e", str(path)])[0])
        told = f"{ours[-1].purge:.3f} s, with its start {ours[-1].process:.3f} s, to {other[-1]:.3f} s"
        say(f"round {number} of {ROUNDS}: {told}")
    vmtouch_name = f"vmtouch -e, {name}"
    return [
        Figure(f"purge, {name}", vmtouch_name, tuple(one.purge for one in ours), tuple(other), at_most),
        Figure(f"with the start of Python, {name}", vmtouch_name, tuple(one.process for one in ours), tuple(other)),
    ]


def purged(program: Path, path: Path) -> Run:
    """One purge by ours, which has to have found all of it cached, and left nothing."""
    seconds, out = timed([sys.executable, "-I", str(program), "page-cache-purge", str(path)])
    told = re.match(r"dropped (\S+ \S+) of (\S+ \S+) in the page cache, \d+ files?, (\S+) s$", out.strip())
    if not told or told.group(1) != told.group(2) or told.group(2).startswith("0"):
        raise LabError(f"not all of {path} was cached, or not all dropped", out)
    return Run(float(told.group(3)), seconds)


def timed(command: list[str]) -> tuple[float, str]:
    """Seconds that a command takes, and what it prints."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        raise LabError(f"`{' '.join(command)}` ended with {done.returncode}", tail(done.stdout + done.stderr, 20))
    return seconds, done.stdout


# -- preparation ---------------------------------------------------------------------------------


def build() -> Path:
    """The program, as role page_cache installs it."""
    path = CACHE / "highwater-memory.pyz"
    made = subprocess.run([sys.executable, "-c", BUILD, str(LINK)], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


def vmtouch() -> str:
    """That of this machine, else of its distribution's package, unpacked here."""
    found = shutil.which("vmtouch")
    if found:
        return found
    subprocess.run(["apt-get", "download", "-qq", "vmtouch"], cwd=CACHE, check=True)
    package = next(CACHE.glob("vmtouch_*.deb"))
    subprocess.run(["dpkg-deb", "--extract", str(package), str(CACHE / "vmtouch")], check=True)
    return str(CACHE / "vmtouch/usr/bin/vmtouch")


def make_small(folder: Path) -> None:
    for number in range(FILES):
        inside = folder / str(number // IN_A_FOLDER)
        if number % IN_A_FOLDER == 0:
            inside.mkdir(parents=True)
        (inside / str(number)).write_bytes(bytes(SMALL))
    sync(folder)


def make_large(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _mib in range(size >> 20):
            file.write(bytes(1 << 20))
    sync(path)


def sync(path: Path) -> None:
    subprocess.run(["sync", "--file-system", str(path)], check=True)


def read(path: Path) -> None:
    """All of it into the page cache."""
    subprocess.run(["find", str(path), "-type", "f", "-exec", "cat", "{}", "+"], check=True, stdout=subprocess.DEVNULL)


def available() -> int:
    """Bytes of memory that may be filled with page cache."""
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found.group(1)) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
