# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The playbooks assess and report on a machine, beside a host that cannot be reached.

Fails where one of them changes anything on the machine, loses the host that is gone, says other than the kernel, or
says of site other than what site then does.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from harness import Done, Machine, execute

GONE = "gone"
# Where a machine writes by itself; memory (/run, /tmp) is no part of the disk that find walks.
OTHERS = ("/run", "/tmp", "/var/log*", "/var/lib/systemd*", "/root/.ansible*")
CHANGED = f"find / -xdev -cnewer /run/before {' '.join(f'-not -path {path!r}' for path in OTHERS)}"
STATE = """
cd /proc/sys/vm && grep -sH . * | grep -v stat_refresh
cut -d' ' -f1 /proc/swaps; ls /sys/block; cut -d' ' -f1 /proc/modules | sort; findmnt -rno TARGET,FSTYPE | sort
systemctl list-unit-files --no-legend | grep -v transient; ls -A /var/lib/highwater 2>&1 || true
"""


def play(machine: Machine, name: str, *arguments: str, columns: int = 200) -> Done:
    """A playbook on the machine and on a host at a port where nobody listens. columns: of the terminal."""
    gone = machine.folder / "gone.yml"
    gone.write_text(f"all: {{hosts: {{{GONE}: {{ansible_host: 127.0.0.1, ansible_port: 1}}}}}}\n")
    command = ["ansible-playbook", "-i", str(machine.inventory), "-i", str(gone), name, *arguments]
    done = execute(command, 600, env={**machine._environment(), "COLUMNS": str(columns)})
    machine._note(f"$ {' '.join(command[5:])}\n-> {done.code}\n{done.out}{done.err}")
    return done


def said(done: Done, task: str) -> list[str]:
    """The lines that a task of the playbook shows."""
    shown = re.search(rf"^TASK \[{re.escape(task)}\] \*+\n\w+: \[[^]]+\] => (\{{.*?^\}})", done.out, re.M | re.S)
    assert shown, f"no {task!r} in {done.out}"
    message: list[str] = json.loads(shown[1])["msg"]
    return message


def watched(machine: Machine) -> str:
    """Marks the moment, and takes down what must be the same later."""
    machine.shell("touch /run/before")
    time.sleep(1.1)  # whatever the clock's steps are
    return machine.shell(STATE)


def unchanged(machine: Machine, before: str) -> None:
    then, now = ({*text.splitlines()} for text in (before, machine.shell(STATE)))
    assert (then - now, now - then) == (set(), set())
    assert machine.shell(CHANGED) == ""


def test_assess_changes_nothing_and_says_what_site_then_does(machine: Machine) -> None:
    before = watched(machine)
    done = play(machine, "highwater.memory.assess")
    unchanged(machine, before)
    assert done.code == 2, done.out  # because of the host that is gone

    table = said(done, "The memory of the fleet")
    by_host = {line.split()[0]: line for line in table[2:4]}
    assert set(by_host) == {machine.name, GONE}
    total = int(machine.shell("awk '/^MemTotal/ {print $2}' /proc/meminfo")) / 1024
    assert f"{total:.2f}".rstrip("0").rstrip(".") in by_host[machine.name]
    assert by_host[GONE].endswith("not seen")
    assert any(line.split()[:2] == [GONE, "unreachable:"] for line in table), table
    assert any("no swap" in line for line in table), table  # a fresh machine has none

    would = said(done, "What site would do, by host")
    assert would[would.index(machine.name) + 1] == "  site would"
    assert would[would.index(GONE) + 1] == "  not known: it could not be looked at"
    assert any("swap on /dev/zram0 with priority 100" in line for line in would), would
    swappiness = [line for line in would if "set vm.swappiness to " in line]
    wanted = re.findall(r"set vm.swappiness to (\d+)", swappiness[0])[0]

    machine.play("highwater.memory.site")
    assert {"/dev/zram0", "/swapfile"} <= set(machine.shell("cut -d' ' -f1 /proc/swaps").split())
    assert machine.read("/proc/sys/vm/swappiness") == f"{wanted}\n"

    before = watched(machine)
    done = play(machine, "highwater.memory.assess", "-e", "highwater_sample=0")
    unchanged(machine, before)
    would = said(done, "What site would do, by host")
    assert would[would.index(machine.name) + 1] == "  site would change nothing: all is as wanted"
    row = next(line for line in said(done, "The memory of the fleet") if line.startswith(machine.name))
    assert "KiB" in row or "MiB" in row
    assert "no swap" not in "\n".join(said(done, "The memory of the fleet"))

    # A variable that is wrong is said, and is no reason to stop; all within a terminal of 80 columns.
    done = play(machine, "highwater.memory.assess", "-e", "highwater_sample=0", "-e", "zram_size=7", columns=80)
    would = said(done, "What site would do, by host")
    assert "7 has no unit" in " ".join(" ".join(would).split()), would
    narrow = said(done, "The memory of the fleet")
    assert max(len(f'        "{line}",') for line in (*narrow, *would)) <= 80
    at = next(at for at, line in enumerate(narrow) if line.startswith(machine.name))
    assert re.match(r"  (\d+ MiB|\d\.\d GiB) +[\d.]+ %", narrow[at + 1]), narrow


def test_report_is_written_once_with_all_hosts(machine: Machine, tmp_path: Path) -> None:
    before = watched(machine)
    where = tmp_path / "fleet.html"
    done = play(machine, "highwater.memory.report", "-e", f"highwater_report_path={where}", "-e", "highwater_serial=1")
    unchanged(machine, before)
    assert done.code == 2, done.out
    assert done.out.count("TASK [The page, of the same data]") == 1, done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet.html", "fleet.json"]

    told = json.loads((tmp_path / "fleet.json").read_text())["hosts"]
    assert set(told) == {machine.name, GONE}
    assert "Connection refused" in told[GONE]["missing"]
    memory = told[machine.name]["memory"]
    total = int(machine.shell("awk '/^MemTotal/ {print $2}' /proc/meminfo"))
    assert memory["meminfo"]["MemTotal"] == total * 1024
    orders = machine.shell("head -1 /proc/buddyinfo").split()[4:]
    assert [len(one["free_blocks"]) for one in memory["fragmentation"]] == [len(orders)] * len(memory["fragmentation"])
    page = where.read_text()
    assert machine.name in page
    assert f'<span class="name">{GONE}</span>' in page
    assert "Connection refused" in page
