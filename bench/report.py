# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""How long the report takes for 1,000 hosts, and how large it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bench.figures import Chapter, Figure
from bench.fleet import looks
from bench.machine import Bench
from lab.errors import LabError

HOSTS = 1000
ROUNDS = 3
AT_MOST = 10.0  # seconds
PLAYBOOK = str(Path(__file__).with_suffix(".yml"))

TITLE = "The report"
TEXT = (
    "`ansible-playbook` from start to end, for what playbook `report` does once all hosts were looked at: an inventory "
    f"of {HOSTS:,} hosts that were made up, the page and the JSON beside it written."
)


def measure(bench: Bench, say: Callable[[str], None]) -> Chapter:
    page = bench.folder / "report.html"
    inventory = _inventory(bench.folder, page)
    seconds = []
    for number in range(1, ROUNDS + 1):
        page.unlink(missing_ok=True)
        seconds.append(bench.play(PLAYBOOK, inventory=inventory))
        told = json.loads(page.with_suffix(".json").read_text())["hosts"]
        if len(told) != HOSTS or page.read_text().count('class="host"') != HOSTS:
            raise LabError(f"the report does not have {HOSTS} hosts")
        sizes = ", ".join(f"{one.stat().st_size / 2**20:.1f} MiB" for one in (page, page.with_suffix(".json")))
        say(f"round {number} of {ROUNDS}: {seconds[-1]:.2f} s, page and JSON of {sizes}")
    figure = Figure(f"report, {HOSTS:,} hosts", "bound", tuple(seconds), (AT_MOST,) * ROUNDS, 1)
    return Chapter(TITLE, f"{TEXT} The page and the JSON have {sizes}.", (figure,))


def _inventory(folder: Path, page: Path) -> Path:
    """A program that prints the hosts with what they said, as `register` would have left it."""
    hosts = {name: {"highwater__look": look} for name, look in looks(HOSTS).items()}
    known = {"_meta": {"hostvars": hosts}, "all": {"hosts": list(hosts), "vars": {"highwater_report_path": str(page)}}}
    data, program = folder / "hosts.json", folder / "hosts.sh"
    data.write_text(json.dumps(known))
    program.write_text(f"#!/bin/sh\nexec cat '{data}'\n")
    program.chmod(0o755)
    return program
