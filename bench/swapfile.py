# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What making a swapfile costs beside doing it by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from bench.figures import Chapter, Figure
from bench.machine import ROOT, Bench
from lab import ssh

ROUNDS = 5
AT_MOST = 1.1  # of the commands by hand and a ping
AT_LEAST = 0.95  # of dd's rate
CACHE = 16  # MiB that the page cache may grow by
MIB = 512  # of zeros, in each of so many rounds
LIMIT = 600.0

BY_HAND = "fallocate -l 1G /swapfile && chmod 600 /swapfile && mkswap -q /swapfile && swapon /swapfile"
IN_FSTAB = "echo '/swapfile none swap sw 0 0' >> /etc/fstab && systemctl daemon-reload"
AWAY = (
    "swapoff /swapfile; rm -f /swapfile; rm -rf /var/lib/highwater; "
    "sed -i '/^.swapfile /d' /etc/fstab; systemctl daemon-reload"
)
OURS = {"path": "/swapfile", "size": "1GiB", "keep_free": "64MiB"}
UTILS = Path("ansible_collections/highwater/memory/plugins/module_utils")
SENT = ("core/errors.py", "core/progress.py", "core/values.py", "swapfile/zeros.py")  # with all that they import
SCRIPT = Path(__file__).with_name("guest") / "zeros.py"

TITLE = "A swapfile"
TEXT = f"""\
By fallocate: 1 GiB made and turned on by `ansible -m highwater.memory.swapfile` on a machine without any, against
`{BY_HAND}`
in one shell on the machine and `ansible -m ping`. For now (`persistent: false`) the two do the same; with fstab, by
hand that is its line and `systemctl daemon-reload`.

By zeros: {MIB} MiB written by the module's own function against `dd bs=4M oflag=direct conv=fsync`, in turns, in the
machine itself; and by how much the page cache grew meanwhile."""


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    it = bench.reset()
    return Chapter(TITLE, TEXT, (*allocated(bench, it.port, say), *zeros(it.port, say)))


def allocated(bench: Bench, port: int, say: Callable[[str], None]) -> list[Figure]:
    """Ours and by hand, for now and with fstab."""
    kinds = {"for now": (False, BY_HAND), "in fstab": (True, f"{BY_HAND} && {IN_FSTAB}")}
    ours: dict[str, list[float]] = {kind: [] for kind in kinds}
    theirs: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(1, ROUNDS + 1):
        for kind, (persistent, command) in kinds.items():
            ssh.checked(port, AWAY, LIMIT)
            theirs[kind].append(timed(port, command) + bench.ping())
            ssh.checked(port, AWAY, LIMIT)
            ours[kind].append(bench.adhoc("highwater.memory.swapfile", json.dumps(dict(OURS, persistent=persistent))))
        told = ", ".join(f"{kind} {ours[kind][-1]:.2f} s to {theirs[kind][-1]:.2f} s" for kind in kinds)
        say(f"round {number} of {ROUNDS}: {told}")
    ssh.checked(port, AWAY, LIMIT)
    return [
        Figure(f"swapfile, {kind}", f"by hand, {kind}, and a ping", tuple(ours[kind]), tuple(theirs[kind]), AT_MOST)
        for kind in kinds
    ]


def timed(port: int, command: str) -> float:
    """Seconds that a command takes in the machine, without those of the connection."""
    out = ssh.checked(port, f"a=$(date +%s%N); {{ {command}; }} > /dev/null && echo $(( $(date +%s%N) - a ))", LIMIT)
    return int(out.split()[-1]) / 1e9


def zeros(port: int, say: Callable[[str], None]) -> list[Figure]:
    """The rate of writing, and the page cache."""
    for file in SENT:
        send(port, ROOT / "plugins/module_utils" / file, f"/root/{UTILS}/{file}")
    send(port, SCRIPT, "/root/zeros.py")
    began = time.monotonic()
    out = ssh.checked(port, f"python3 /root/zeros.py {MIB} {ROUNDS}", LIMIT)
    found = [json.loads(line) for line in out.splitlines()]
    say(f"{len(found)} rounds of {MIB} MiB in {time.monotonic() - began:.0f} s")
    rates = {name: tuple(MIB / one[name] for one in found) for name in ("ours", "theirs")}
    cached = tuple(max(0.0, one["cached"] / 2**20) for one in found)
    return [
        Figure("zeros", "dd oflag=direct", rates["ours"], rates["theirs"], at_least=AT_LEAST, unit="MiB/s"),
        Figure("page cache grew by", "what it may", cached, (float(CACHE),), at_most=1, unit="MiB"),
    ]


def send(port: int, file: Path, where: str) -> None:
    ssh.checked(port, f"mkdir -p $(dirname {where}) && cat > {where} <<'END'\n{file.read_text(encoding='utf-8')}\nEND")
