# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""`make bench-stalls`: what the gap between the watermarks buys, by size of burst, into docs/stalls.md and its picture.

The kernel's own settings and the profiles `server` and `burst` take turns on one machine without a reboot; what a
profile comes to there is computed by role vm_tuning itself, on that machine, before.

`stalls.py [MINUTES]`: about how long the whole may take, 45 unless said otherwise. It makes as many rounds as there is
time for, one at least, and says how many, so a shorter run has fewer bursts. Each half is tried once more on a new
machine where it breaks off, and the first half is written down before the second begins.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of this folder, so that `bench` and `lab` are packages

from bench import curve  # noqa: E402
from bench.curve import Curves, Point  # noqa: E402
from bench.machine import Bench  # noqa: E402
from lab import commands, program, qemu, ssh  # noqa: E402
from lab.errors import LabError  # noqa: E402
from lab.images import Shape  # noqa: E402

# So much memory that bursts of a size which stalls without a profile fit into the gap of each.
NAME, SHAPE = "bench-stalls", Shape(memory=8192, cpus=2)
GUEST = Path(__file__).with_name("guest") / "bursts.py"
PAGE, PICTURES = ROOT / "docs/stalls.md", (ROOT / "docs/stalls.svg", ROOT / "docs/stalls-fragmented.svg")
TITLES = ("Allocations that had to wait, by size of burst", "The same in pieces of 32 KiB, after fragmentation")
DEFAULTS = "kernel defaults"
PROFILES = {"server": ["server"], "burst": ["server", "burst"]}
# What of a profile decides about reclaim and compaction; the rest stays the kernel's in all turns.
MATTERS = ("min_free_kbytes", "watermark_scale_factor", "watermark_boost_factor", "compaction_proactiveness")
VM = "/proc/sys/vm/"
SIZES, PIECES = [8, 16, 32, 64, 128, 192, 256], [8, 16, 32, 64, 128]  # MiB a burst
ROUNDS = 3  # at most
AIM = 0.1  # of the stalls with the kernel's defaults
MINUTES = 45.0  # for the whole
APART = 3.0  # minutes of it for machines, and for the role
BUSY = 1.0  # the load of this computer from which on it has other work to do
LIMIT = 900.0  # seconds that a half may take beyond its time: the round that it is in
ATTEMPTS = 2
WORDS = {
    "turns": f"""\
`server` is that profile, and `burst` is the profiles `server` and `burst`, as the role merges them on this machine.
Only {", ".join(f"`vm.{name}`" for name in MATTERS)}
are changed from turn to turn; what else the profiles set is left as the kernel has it. In all turns alike: zram as
large as memory, with zstd; `vm.swappiness` 180 and `vm.page-cluster` 0; and each turn fills memory anew.""",
    "pages": """\
Memory is filled by a program that then does nothing, and a file is read all the while, 5 MiB/s. Then two programs
allocate the burst between them, as fast as they can, 256 KiB at a time. Means a burst; the 99th percentile and
the longest are of single allocations of 256 KiB.""",
    "order-3": """\
The same, with thousands of pipes opened, filled page by page in turns and half of them closed before, and bursts of
single pieces of 32 KiB (order 3), as the kernel takes them for the ring of a pipe of 2 MiB. Failed are pieces that the
kernel did not have. How fragmented memory was when the bursts began is in the last column: what was free in blocks of
32 KiB and more. A smaller burst could find all its pieces ready.""",
    "honest": """\
Where what is reclaimed is clean page cache, as on a file server, the background reclaim of one kernel thread kept up
with bursts of up to 128 MiB here, whatever the settings: no stalls to save. The same with two and with four programs,
with memory of programs and with shared memory. With swap on a disk (30 MiB/s), stalls came and went with what was left
of the cache. So the gap pays where reclaim is slow. These are figures of an emulated machine: sizes and ratios are
worth something, times are not.""",
}
PLAY = "- hosts: all\n  gather_facts: false\n  roles: [highwater.memory.vm_tuning]\n"


def values(bench: Bench, port: int) -> dict[str, dict[str, str]]:
    """By configuration, what each setting is, as the role computes it on this machine."""
    before = {name: ssh.checked(port, f"cat {VM}{name}").strip() for name in MATTERS}
    found = {DEFAULTS: before}
    playbook = bench.folder / "profile.yml"
    for name, profiles in PROFILES.items():
        playbook.write_text(PLAY.replace("roles:", f"vars: {{vm_tuning_profiles: {json.dumps(profiles)}}}\n  roles:"))
        bench.play(str(playbook))
        text = ssh.checked(port, "cat /etc/sysctl.d/90-highwater.conf")
        set_now = dict(re.findall(r"(?m)^vm\.(\S+) = (\S+)$", text))
        found[name] = {one: set_now.get(one, before[one]) for one in MATTERS}
    return found


def gap(settings: dict[str, str], managed: int) -> int:
    """Bytes between two watermarks, summed over zones; managed in bytes."""
    quarter = int(settings["min_free_kbytes"]) * 1024 // 4
    return max(quarter, managed * int(settings["watermark_scale_factor"]) // 10000)


def measure(
    bench: Bench, kind: str, sizes: list[int], configurations: dict[str, dict[str, str]], seconds: float
) -> tuple[Curves, int]:
    """As measure_once(), on a machine as new; once more where that broke off."""
    for attempt in range(1, ATTEMPTS + 1):
        it = bench.reset(SHAPE)
        try:
            return measure_once(it.port, kind, sizes, configurations, seconds)
        except LabError as error:
            if attempt == ATTEMPTS:
                raise
            print(f"{kind}: {error}: once more on a new machine", flush=True)
    raise AssertionError


def measure_once(
    port: int, kind: str, sizes: list[int], configurations: dict[str, dict[str, str]], seconds: float
) -> tuple[Curves, int]:
    """Runs the guest's program, and brings what it says of single bursts together; how many rounds there were."""
    asked = {
        "kind": kind,
        "bursts": sizes,
        "rounds": ROUNDS,
        "seconds": seconds,
        "configurations": {
            name: {VM + one: value for one, value in settings.items()} for name, settings in configurations.items()
        },
    }
    ssh.checked(port, f"cat > /root/asked <<'END'\n{json.dumps(asked)}\nEND")
    ssh.checked(port, f"cat > /root/bursts.py <<'END'\n{GUEST.read_text()}\nEND")
    told = ssh.checked(port, "python3 /root/bursts.py < /root/asked", seconds + LIMIT)
    bursts: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for line in told.splitlines():
        one = json.loads(line)
        bursts[one["configuration"], one["burst"]].append(one)
    curves = {name: {size: point(bursts[name, size]) for size in sizes} for name in configurations}
    return curves, min(map(len, bursts.values()))


def point(bursts: list[dict[str, Any]]) -> Point:
    pauses = sorted(1000 * pause for burst in bursts for pause in burst["pauses"])
    counted = ("stalls", "compactions", "some", "full", "lost", "large")
    mean = {name: statistics.mean(burst[name] for burst in bursts) for name in counted}
    p99 = pauses[math.ceil(0.99 * len(pauses)) - 1] if pauses else math.nan
    return Point(
        stalls=mean["stalls"],
        compactions=mean["compactions"],
        some=1000 * mean["some"],
        full=1000 * mean["full"],
        p99=p99,
        longest=max(pauses, default=math.nan),
        lost=mean["lost"],
        large=mean["large"] / curve.MIB,
    )


def half(minutes: float) -> float:
    """Seconds that each half may take of so many minutes in all."""
    return max(60 * (minutes - APART) / 2, 1)


def busy() -> str:
    """What is said where this computer has other work to do, which takes time from the machine that is measured."""
    load = os.getloadavg()[0]
    return f", on a computer busy with other work (load {load:.1f}, {os.cpu_count()} processors)" if load > BUSY else ""


class Said(NamedTuple):
    """What both halves were measured on and with."""

    where: str
    configurations: dict[str, dict[str, str]]
    gaps: dict[str, int]


def write(said: Said, *halves: tuple[Curves, int]) -> None:
    """The page and its pictures, of one half or both; with each, how many rounds it had."""
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    parts = []
    for path, (found, rounds), title in zip(PICTURES, halves, TITLES, strict=False):
        path.write_text(curve.picture(found, said.gaps, title))
        parts.append(curve.Half(found, rounds, path.name))
    where = f"{date}; {said.where}"
    PAGE.write_text(curve.page(where, said.configurations, said.gaps, parts, AIM, WORDS))
    print(f"written to {PAGE.relative_to(ROOT)}, with {' and '.join(part.picture for part in parts)}", flush=True)


def main(minutes: float) -> int:
    """Exit code; see lab/program.py."""
    return program.run(lambda: publish(minutes), [NAME])


def publish(minutes: float) -> int:
    """Both curves, on the page as soon as each is there."""
    commands.prepare()
    other_work = busy()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), NAME)
        it = bench.reset(SHAPE)
        configurations = values(bench, it.port)
        print(json.dumps(configurations, indent=1), flush=True)
        seconds = half(minutes)
        managed = 4096 * sum(map(int, re.findall(r"managed\s+(\d+)", ssh.checked(it.port, "cat /proc/zoneinfo"))))
        gaps = {name: gap(settings, managed) for name, settings in configurations.items()}
        curves, rounds = measure(bench, "pages", SIZES, configurations, seconds)
        print(curve.table(curves), flush=True)
        where = f"trixie, Linux {it.kernel}, {SHAPE.cpus} processors, {SHAPE.memory} MiB, {qemu.accelerator()}"
        said = Said(where + other_work, configurations, gaps)
        write(said, (curves, rounds))
        pieces, rounds_of_pieces = measure(bench, "order-3", PIECES, configurations, seconds)
        print(curve.table(pieces), flush=True)
        write(said, (curves, rounds), (pieces, rounds_of_pieces))
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
