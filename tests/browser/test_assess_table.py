# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The table of playbook assess in a terminal, by the oldest controller and by the newest.

Fails where the terminal has to break a line, where columns that there is room for are left out, or a host is lost.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

import paths
import pytest

from bench.fleet import looks

HOSTS = looks(100)
PATIENCE = 120.0  # seconds
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ looks | highwater.memory.assess_table }}"
"""


def shown(folder: Path, core: str, columns: int) -> list[str]:
    """The lines that a terminal of so many columns gets to see."""
    known = {"all": {"hosts": {"controller": {"ansible_connection": "local", "looks": HOSTS}}}}
    (folder / "hosts.json").write_text(json.dumps(known))
    (folder / "play.yml").write_text(PLAY)
    environment = {
        **paths.environment(f"core-{core}"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(paths.LINK),
        "COLUMNS": "",
    }
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = ["ansible-playbook", "-i", str(folder / "hosts.json"), str(folder / "play.yml")]
    process = subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=subprocess.STDOUT)
    os.close(terminal)
    said, end = b"", time.monotonic() + PATIENCE
    while select.select([ours], [], [], max(0.0, end - time.monotonic()))[0]:
        try:
            said += os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).replace("\r", "")
    assert process.wait(PATIENCE) == 0, text
    return text.splitlines()


@pytest.mark.parametrize("core", paths.CORES)
@pytest.mark.parametrize(
    ("columns", "heading"),
    [
        (80, r"RAM +available +zram +ratio +disk +stalls +order 3 +order 9"),
        (130, r"host +RAM +available +zram +ratio +disk +stalls +order 3 +order 9 +findings"),
        (200, r"host +RAM +available +of RAM +zram used +of +ratio +disk swap used +of +stalls .*findings"),
    ],
    ids=["80", "130", "200"],
)
def test_the_table_fits_the_terminal(tmp_path: Path, core: str, columns: int, heading: str) -> None:
    lines = shown(tmp_path, core, columns)
    ours = [line for line in lines if line.startswith('        "')]  # all but what Ansible says by itself
    assert [line for line in ours if len(line) > columns] == []
    assert len([line for line in ours if re.fullmatch(rf' *" *{heading}",', line)]) == 1
    table = ours[: next(at for at, line in enumerate(ours) if "stalls: " in line)]
    told = [found[1] for found in (re.match(r' *"([a-z]+\d+\.example\.net)\b', line) for line in table) if found]
    assert sorted(told) == sorted(HOSTS)
