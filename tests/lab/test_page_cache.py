# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Logs are dropped from the page cache by the timer that role page_cache sets up, with and without cachestat; and what
the terminal shows of a purge that takes long.

Fails where the timer does not come, run within its sandbox, survive a reboot or go; where a run drops too much, too
little, or tells the journal other figures than the kernel has; where site.yml or remove.yml leave the rules out; where
a purge is silent for long, loses count between its calls, or leaves a file.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from harness import Machine

MIB = 2**20
NAME = "highwater-page-cache-logs"
OTHER = "highwater-page-cache-other"
PROGRAM = "/usr/local/lib/highwater-memory/highwater-memory.pyz"
RULES = """
    page_cache_rules:
      - name: logs
        schedule: "*-*-* 03:00:00"
        paths: ["/srv/log s"]
        include: ["*.log"]
        keep_tail: 1MiB
"""
ROLE = (
    """
- hosts: all
  gather_facts: false
  vars:"""
    + RULES
    + """
  roles:
    - role: highwater.memory.page_cache
"""
)
COUNTER = Path(__file__).with_name("guest") / "cached.py"
FILES = "find /etc/systemd/system /usr/local/lib /var/lib/highwater 2>/dev/null | sort; true"
# Of which kernels the answer of mincore is known beforehand: no cachestat before 6.5.
KERNELS = [
    pytest.param("trixie", marks=pytest.mark.machine(image="trixie")),
    pytest.param("bullseye", marks=pytest.mark.machine(image="bullseye")),
]


def cached(machine: Machine, path: str) -> int:
    """Bytes of a file in the page cache, by mincore(2)."""
    return int(machine.shell(f"python3 /root/cached.py {path}"))


def page_cache(machine: Machine) -> int:
    """Bytes that the kernel says are cached of files, with what is shared memory."""
    return int(machine.shell("awk '$1 == \"Cached:\" {print $2}' /proc/meminfo")) * 1024


def write_logs(machine: Machine) -> None:
    """8 MiB that are dirty, an old one on the disk, and one that no rule is about."""
    machine.put("/root/cached.py", COUNTER.read_text())
    machine.shell(
        "mkdir -p '/srv/log s/old' && cd '/srv/log s' && head -c 8M /dev/urandom > new.log"
        " && head -c 8M /dev/urandom > old/a.log && head -c 4M /dev/urandom > data.bin && sync old/a.log data.bin"
    )


def exposure(machine: Machine) -> float:
    """systemd's opinion of the sandbox, from 0 (closed) to 10."""
    told = machine.shell(f"systemd-analyze security --no-pager {NAME}.service")
    return float(re.findall(r"exposure level for \S+: ([\d.]+)", told)[0])


def run(machine: Machine) -> str:
    """One run of the service, as its timer would start it; what it has left in the journal."""
    began = machine.shell("date +%s.%N").strip()
    machine.shell(f"systemctl start {NAME}.service; journalctl --sync")
    return machine.shell(f"journalctl --quiet --output=cat --since=@{began} -t {NAME}; true")


@pytest.mark.parametrize("image", KERNELS)
def test_logs_are_dropped_by_the_calendar(machine: Machine, image: str) -> None:
    before = machine.shell(FILES)
    assert machine.play(ROLE).changed == 1
    assert machine.play(ROLE).changed == 0, "a second run has found something to do"
    assert machine.shell(f"systemctl is-enabled {NAME}.timer; systemctl is-active {NAME}.timer").split() == [
        "enabled",
        "active",
    ]
    assert "03:00:00" in machine.shell(f"systemctl show -p NextElapseUSecRealtime {NAME}.timer")
    assert machine.shell(f"stat -c '%a %U' {PROGRAM}").split() == ["755", "root"]

    write_logs(machine)
    logs, data = ("'/srv/log s/new.log'", "'/srv/log s/old/a.log'"), "'/srv/log s/data.bin'"
    assert [cached(machine, path) for path in (*logs, data)] == [8 * MIB, 8 * MIB, 4 * MIB]
    log = run(machine)
    assert [cached(machine, path) for path in (*logs, data)] == [MIB, MIB, 4 * MIB], "keep_tail is 1 MiB"
    assert re.search(r"^dropped 14 MiB of 16 MiB in the page cache, 2 files, \d+\.\d{3} s$", log, re.M), log
    assert machine.shell(f"systemctl show -p Result {NAME}.service").strip() == "Result=success"
    assert exposure(machine) < 4, "the service is less closed in than it could be"

    machine.reboot()
    assert machine.shell(f"systemctl is-active {NAME}.timer").strip() == "active"
    machine.shell("cat '/srv/log s/new.log' > /dev/null")
    assert "dropped 7 MiB of 8 MiB in the page cache, 2 files" in run(machine)
    assert machine.play(ROLE).changed == 0

    # By the timer itself: a rule of another name, whose time has come.
    soon = ROLE.replace("*-*-* 03:00:00", "*-*-* *:*:0/5").replace("name: logs", "name: other")
    assert machine.play(soon).changed == 1
    assert f"{NAME}.timer" in machine.shell("systemctl list-timers --all"), "who is not listed is left alone"
    gone = "    page_cache_rules:\n      - {name: logs, state: absent}\n"
    assert machine.play(ROLE.replace(RULES.lstrip("\n"), gone)).changed == 1
    assert f"{NAME}.timer" not in machine.shell("systemctl list-timers --all; ls /etc/systemd/system")
    assert machine.shell(f"systemctl is-active {OTHER}.timer; test -x {PROGRAM}").strip() == "active"
    machine.shell("cat '/srv/log s/new.log' > /dev/null")
    machine.until(lambda: cached(machine, logs[0]) == MIB, 150, "that the timer has run")  # AccuracySec= is a minute

    machine.play(ROLE.replace("vars:", "vars:\n    page_cache_state: absent"))
    assert machine.shell(FILES) == before
    units = "systemctl list-units --all --plain 'highwater*'; systemctl list-timers --all"
    machine.until(lambda: "highwater" not in machine.shell(units), 60, "that systemd forgets, once a run has ended")


@pytest.mark.machine(image="trixie")
def test_site_has_the_rules_and_remove_takes_them_back(machine: Machine) -> None:
    before = machine.shell(FILES)
    site = f"- import_playbook: highwater.memory.site\n  tags: [page_cache]\n  vars:{RULES}"
    only = ("--tags", "page_cache")
    assert machine.play(site, *only).changed == 1
    assert machine.shell(f"systemctl is-active {NAME}.timer").strip() == "active"
    assert machine.play(site, *only).changed == 0
    machine.play("highwater.memory.remove")
    assert machine.shell(FILES) == before


@pytest.mark.machine(image="trixie")
def test_a_rule_for_the_whole_machine_runs_within_its_sandbox(machine: Machine) -> None:
    """Fails where the service may not write drop_caches, as with ProtectKernelTunables or with a capability too few, or
    where what it tells the journal is not what went. The rule of the scope is started by hand, before its time."""
    rule = '    page_cache_rules: [{name: logs, schedule: "*-*-* 03:00:00", scope: pagecache}]\n'
    assert machine.play(ROLE.replace(RULES.lstrip("\n"), rule)).changed == 1
    machine.put("/root/cached.py", COUNTER.read_text())
    machine.shell("head -c 64M /dev/urandom > /srv/large && sync /srv/large")
    assert cached(machine, "/srv/large") == 64 * MIB
    before = page_cache(machine)
    log = run(machine)
    assert machine.shell(f"systemctl show -p Result {NAME}.service").strip() == "Result=success", log
    assert cached(machine, "/srv/large") == 0
    assert before - page_cache(machine) >= 48 * MIB, "what the run itself has read is in it again"
    told = re.search(r"^dropped (\S+) ([MG])iB of \S+ [MG]iB in the page cache, 0 files, \d+\.\d{3} s", log, re.M)
    assert told, log
    assert float(told[1]) * (1 if told[2] == "M" else 1024) >= 48
    assert "ProtectKernelTunables=no" in machine.shell(f"systemctl show -p ProtectKernelTunables {NAME}.service")


@pytest.mark.machine(image="trixie")
def test_a_long_purge_says_how_far_it_is(machine: Machine) -> None:
    """Files that are dirty, on a slow disk, small ones and a large one: what there is has to be written first."""
    machine.put("/root/cached.py", COUNTER.read_text())
    # Nothing is written before the purge has it written.
    machine.shell("cd /proc/sys/vm && echo 90 > dirty_ratio && echo 90 > dirty_background_ratio")
    machine.shell("cd /proc/sys/vm && echo 360000 > dirty_expire_centisecs && echo 0 > dirty_writeback_centisecs")
    machine.shell("mkdir /srv/tree && for i in $(seq 40); do head -c 3M /dev/urandom > /srv/tree/$i; done")
    machine.shell("head -c 120M /dev/urandom > /srv/tree/large")
    size = 240 * MIB
    sizes = "for i in /srv/tree/*; do python3 /root/cached.py $i; done"
    assert sum(map(int, machine.shell(sizes).split())) == size
    machine.throttle(mib=6)
    run = machine.begin("highwater.memory.page_cache_purge", paths=["/srv/tree"])
    said = run.communicate(timeout=400)[0]
    machine.throttle()
    assert run.returncode == 0, said
    line = r"^\S+: purging /srv/tree \((\d+) files so far\): (\d+) %, \S+ [KM]iB/s, \d:\d\d:\d\d left$"
    shown = [(int(files), int(percent)) for files, percent in re.findall(line, said, re.M)]
    assert len(shown) >= 2, said
    assert shown == sorted(shown)
    assert shown[0][1] < 100
    assert sum(map(int, machine.shell(sizes).split())) == 0
    done = json.loads(re.sub(r"(?s).* \| CHANGED => (\{.*?\n\}).*", r"\1", said))
    assert (done["file_count"], done["bytes_evicted"], done["bytes_cached_after"]) == (41, size, 0)

    # The same for the whole machine, which is one call of the kernel's.
    machine.shell("head -c 120M /dev/urandom > /srv/tree/new")  # ext4 writes at once what takes an old file's place
    machine.throttle(mib=6)
    run = machine.begin("highwater.memory.page_cache_purge", scope="pagecache")
    said = run.communicate(timeout=400)[0]
    machine.throttle()
    assert run.returncode == 0, said
    line = r"^\S+: writing what is dirty: (\d+) %, \S+ [KM]iB/s, \d:\d\d:\d\d left$"
    assert re.findall(line, said, re.M), said
    assert cached(machine, "/srv/tree/new") == 0


@pytest.mark.machine(image="trixie")
def test_a_rule_that_could_never_run_is_refused_before_anything_is_made(machine: Machine) -> None:
    before = machine.shell(FILES)
    for change, says in (
        ({"schedule": "dayly"}, "rules: x: schedule: dayly is no calendar expression"),
        ({"paths": ["/"]}, "rules: x: paths: / is the whole machine"),
        ({"paths": None}, "rules: x: paths: none is given"),
        ({"scope": "all", "paths": None}, "rules: x: scope: all drops every clean page"),
        ({"min_size": "3"}, "rules: x: min_size: 3 has no unit"),
        ({"name": "../x"}, "rules: the name '../x' is part of a unit's name"),
    ):
        rule = {"name": "x", "schedule": "daily", "paths": ["/srv"], **change}
        result = machine.refused("highwater.memory.page_cache_rules", rules=[rule])
        assert result["msg"].startswith(says), json.dumps(result)
    assert machine.shell(FILES) == before
