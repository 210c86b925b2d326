# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What one call of each module costs beside `ansible -m ping`, where there is nothing to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from bench.figures import Chapter, Figure
from bench.machine import Bench
from bench.site import OURS

ROUNDS = 5
AT_MOST = 1.3  # of a ping, for a module of ours that finds all as wanted
VALUES = Path(__file__).with_name("settings_values.yml").read_text()
TEN = {name: int(value) for name, value in re.findall(r"(?m)^  (vm\.\S+): (\d+)$", VALUES)}
MODULES = {
    "highwater.memory.zram_device": "",
    "highwater.memory.swapfile": "path=/swapfile priority=10",
    # With force, since min_free_kbytes is more than 5 % of this small machine.
    "highwater.memory.vm_sysctl": json.dumps({"settings": TEN, "force": True}),
    "ansible.posix.sysctl": "name=vm.swappiness value=100 sysctl_file=/etc/sysctl.d/99-memory.conf sysctl_set=true",
}

TITLE = "One call of a module"
TEXT = """\
`ansible -m` on the machine that `site.yml` has converged, after one run that is not counted, nothing to do: what is
imported and sent decides. `vm_sysctl` has ten settings, in its file too, and `ansible.posix.sysctl` has one; a call
that changes something is an error."""


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    bench.reset()
    say("site.yml first")
    bench.play(OURS)
    for name, arguments in MODULES.items():
        bench.adhoc(name, arguments)
    pings: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name in MODULES}
    for number in range(1, ROUNDS + 1):
        pings.append(bench.ping())
        for name, arguments in MODULES.items():
            seconds[name].append(bench.adhoc(name, arguments, converged=True))
        told = ", ".join(f"{name.rpartition('.')[2]} {times[-1]:.2f} s" for name, times in seconds.items())
        say(f"round {number} of {ROUNDS}: ping {pings[-1]:.2f} s, {told}")
    figures = tuple(
        Figure(name, "ping", tuple(times), tuple(pings), AT_MOST if name.startswith("highwater.") else None)
        for name, times in seconds.items()
    )
    return Chapter(TITLE, TEXT, figures)
