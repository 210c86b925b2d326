# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What one call of each module costs beside `ansible -m ping`, where there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable

from bench.figures import Chapter, Figure
from bench.machine import Bench
from bench.site import OURS

ROUNDS = 5
MODULES = {
    "highwater.memory.zram_device": "",
    "highwater.memory.swapfile": "path=/swapfile priority=10",
    "highwater.memory.vm_sysctl": '{"settings": {"swappiness": 100}, "persistent": false}',
    "ansible.posix.sysctl": "name=vm.swappiness value=100 sysctl_file=/etc/sysctl.d/99-memory.conf sysctl_set=true",
}

TITLE = "One call of a module"
TEXT = "`ansible -m` on the machine that `site.yml` has converged, nothing to do: what is imported and sent decides."


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    bench.reset()
    say("site.yml first")
    bench.play(OURS)
    bench.adhoc("ansible.posix.sysctl", MODULES["ansible.posix.sysctl"])
    pings: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name in MODULES}
    for number in range(1, ROUNDS + 1):
        pings.append(bench.ping())
        for name, arguments in MODULES.items():
            seconds[name].append(bench.adhoc(name, arguments))
        told = ", ".join(f"{name.rpartition('.')[2]} {times[-1]:.2f} s" for name, times in seconds.items())
        say(f"round {number} of {ROUNDS}: ping {pings[-1]:.2f} s, {told}")
    figures = tuple(Figure(name, "ping", tuple(times), tuple(pings)) for name, times in seconds.items())
    return Chapter(TITLE, TEXT, figures)
