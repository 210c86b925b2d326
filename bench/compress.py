# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Compressing a log where it lies, beside pigz, which needs the room for both: on this computer, with all its cores."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.figures import Chapter, Figure
from bench.machine import ROOT, Bench
from lab.errors import LabError

ROUNDS = 5
AT_MOST = 1.15  # of pigz
MEMORY = 64  # MiB of the module's process at its largest
MIB = 1024  # of the log
CHUNK = 64  # MiB of it that are made; gzip sees no further back than 32 KiB
BLOCK = 4096  # of the filesystem
READ = 2**18
LOOK = 0.002  # seconds between two looks at the disk

TITLE = "A log compressed in place"
TEXT = f"""\
{MIB // 1024} GiB of a web server's log, no two lines alike within {CHUNK} MiB, on the disk of the controller and read
from its page cache as far as that holds it: `compress_in_place` against `pigz -6`, in turns, on the same cores.
Measured is the process of each, from its start to its end. Ours syncs and reads back what it writes before it gives up
a byte of the original; pigz leaves the writing to the kernel, so it is shown with `sync FILE` too.

Memory is the process's largest (ru_maxrss), the interpreter and all that Ansible brings included. Extra disk is the
most that the log and what is made of it took together, beyond the log alone, looked at every {LOOK * 1000:.0f} ms.
Of these two it is the largest of all runs that is judged."""

# In the place of the host's interpreter: what its process took.
MEASURED = """\
#!{python}
import os, sys, time
began = time.monotonic()
pid = os.spawnv(os.P_NOWAIT, {python!r}, [{python!r}, *sys.argv[1:]])
_pid, status, usage = os.wait4(pid, 0)
with open({report!r}, "a") as report:
    report.write("%f %d\\n" % (time.monotonic() - began, usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Ours(NamedTuple):
    """seconds; MiB of memory; MiB of disk beyond the log, and of the largest block as it was compressed."""

    seconds: float
    memory: float
    extra: float
    block: float


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    if not shutil.which("pigz"):
        raise LabError("pigz is not on this computer: `make packages`, or `apt-get install pigz`", "")
    ours: list[Ours] = []
    pigz: list[float] = []
    synced: list[float] = []
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as name:  # /tmp may be in memory
        folder = Path(name)
        kept = folder / "kept.log"
        write_log(kept)
        for number in range(1, ROUNDS + 1):
            pigz.append(by_pigz(laid(kept)))
            synced.append(by_pigz(laid(kept), "&& sync $0.gz"))
            ours.append(in_place(bench, laid(kept)))
            last = ours[-1]
            say(
                f"round {number} of {ROUNDS}: {last.seconds:.1f} s to {pigz[-1]:.1f} s, synced {synced[-1]:.1f} s, "
                f"{last.memory:.0f} MiB of memory, {last.extra:.2f} MiB of disk"
            )
    seconds = tuple(one.seconds for one in ours)
    block, extra, memory = (tuple(getattr(one, name) for one in ours) for name in ("block", "extra", "memory"))
    return Chapter(
        TITLE,
        TEXT,
        (
            Figure("compress_in_place", "pigz -6", seconds, tuple(pigz), AT_MOST),
            Figure("compress_in_place", "pigz -6 && sync", seconds, tuple(synced)),
            Figure("memory", "what it may", memory, (float(MEMORY),), 1, unit="MiB", worst=True),
            Figure("extra disk", "largest block, compressed", extra, block, 1, unit="MiB", worst=True),
        ),
    )


def write_log(path: Path) -> None:
    """As an access log is: about 5 to 1."""
    numbers = random.Random(7)
    pages = [f"/shop/{numbers.getrandbits(8 * numbers.randint(3, 12)):x}" for _page in range(3000)]
    agents = [f"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/{numbers.randint(90, 140)}.0" for _one in pages]
    lines: list[str] = []
    size, line = 0, 0
    while size < CHUNK << 20:
        line += 1
        lines.append(
            f"{numbers.randint(1, 223)}.{numbers.getrandbits(8)}.{numbers.getrandbits(8)}.{numbers.getrandbits(8)} - - "
            f"[20/Nov/2026:{line // 36000 % 24:02}:{line // 600 % 60:02}:{line // 10 % 60:02} +0000] "
            f'"GET {numbers.choice(pages)}?id={numbers.randrange(10**6)} HTTP/1.1" 200 {numbers.randrange(50000)} "-" '
            f'"{numbers.choice(agents)}" rt=0.{numbers.randrange(1000):03} req={numbers.getrandbits(64):016x}\n'
        )
        size += len(lines[-1])
    chunk = "".join(lines).encode()[: CHUNK << 20]
    with path.open("wb") as file:
        for _chunk in range(MIB // CHUNK):
            file.write(chunk)


def laid(kept: Path) -> Path:
    """The log once more, and nothing else beside it or waiting to be written."""
    log = kept.with_name("app.log")
    log.with_name("app.log.gz").unlink(missing_ok=True)
    shutil.copyfile(kept, log)
    os.sync()
    return log


def by_pigz(log: Path, then: str = "") -> float:
    began = time.monotonic()
    subprocess.run(["sh", "-c", f"pigz -6 $0 {then}", str(log)], check=True)
    return time.monotonic() - began


def in_place(bench: Bench, log: Path) -> Ours:
    """One call of the module, on this computer."""
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # the host's, as on a host
    report, interpreter = log.with_name("report"), log.with_name("measured")
    report.unlink(missing_ok=True)
    interpreter.write_text(MEASURED.format(python=python, report=str(report)))
    interpreter.chmod(0o755)
    with Watched(log) as watched:
        bench.here("highwater.memory.compress_in_place", json.dumps({"path": str(log)}), interpreter)
    told = [line.split() for line in report.read_text().splitlines()]
    return Ours(
        seconds=sum(float(seconds) for seconds, _kib in told),  # several, where the module was called again
        memory=max(int(kib) for _seconds, kib in told) / 2**10,
        extra=watched.extra / 2**20,
        block=largest_member(log.with_name("app.log.gz")) / 2**20,
    )


class Watched:
    """How much disk a log and the part file beside it take together, at most, while this is held; bytes.

    The part file is looked at first: what was given up meanwhile makes the sum smaller, never larger.
    """

    def __init__(self, log: Path) -> None:
        self._files = (log.with_name(f".{log.name}.highwater"), log)
        self._before = self._taken()
        self.extra = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            self.extra = max(self.extra, self._taken() - self._before)

    def _taken(self) -> int:
        return sum(map(on_disk, self._files))


def on_disk(file: Path) -> int:
    """Bytes; 0 where there is no such file."""
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def largest_member(result: Path) -> int:
    """Bytes of the largest gzip member, in whole blocks of the filesystem, one more for those at its ends."""
    largest, begins_at = 0, 0
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    with result.open("rb") as file:
        while rest := file.read(READ):
            while rest:
                engine.decompress(rest)
                rest = engine.unused_data
                if engine.eof:
                    ends_at = file.tell() - len(rest)
                    largest, begins_at = max(largest, ends_at - begins_at), ends_at
                    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    return (largest // BLOCK + 2) * BLOCK
