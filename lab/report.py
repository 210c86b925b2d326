# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What the lab tells about its machines: for people, for programs, and for Ansible."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from lab import ssh
from lab.machine import Machine

COLUMNS = ("name", "image", "kernel", "memory", "cpus", "state", "ssh port", "pid", "uptime")


def table(machines: Sequence[Machine]) -> str:
    """An aligned table."""
    rows = [COLUMNS, *map(row, machines)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in rows)


def row(machine: Machine) -> tuple[str, ...]:
    on = machine.running
    return (
        machine.name,
        machine.image,
        machine.kernel,
        f"{machine.shape.memory} MiB",
        str(machine.shape.cpus),
        "running" if on else "off",
        str(machine.port),
        str(machine.process.pid) if on and machine.process else "-",
        span(time.time() - machine.started) if on else "-",
    )


def span(seconds: float) -> str:
    """A length of time, in the two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def facts(machines: Sequence[Machine], user: str) -> str:
    """The same for programs: JSON."""
    return json.dumps(
        [
            {
                "name": machine.name,
                "image": machine.image,
                "kernel": machine.kernel,
                "memory": machine.shape.memory,
                "cpus": machine.shape.cpus,
                "disk": machine.shape.disk,
                "running": machine.running,
                "host": "127.0.0.1",
                "port": machine.port,
                "user": user,
                "identity_file": str(ssh.key()),
                "folder": str(machine.home),
            }
            for machine in machines
        ],
        indent=2,
    )


def inventory(machines: Sequence[Machine], user: str) -> str:
    """An Ansible inventory in YAML; its strings are JSON's, which YAML reads too."""
    options = ["-o ControlMaster=auto -o ControlPersist=300s", *(f"-o {option}" for option in ssh.OPTIONS)]
    shared = {
        "ansible_ssh_args": " ".join(options),
        "ansible_ssh_pipelining": True,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    key = str(ssh.key())
    lines = ["---", "all:", "  vars:", *pairs(shared, 4)]
    lines += ["  hosts:" if machines else "  hosts: {}"]
    for machine in machines:
        own = {
            "ansible_host": "127.0.0.1",
            "ansible_port": machine.port,
            "ansible_user": user,
            "ansible_ssh_private_key_file": key,
            "lab_image": machine.image,
        }
        lines += [f"    {json.dumps(machine.name)}:", *pairs(own, 6)]
    return "\n".join(lines)


def pairs(values: dict[str, Any], indent: int) -> list[str]:
    """Lines of a YAML mapping."""
    return [f"{' ' * indent}{name}: {json.dumps(value)}" for name, value in values.items()]
