# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Idle pages go to the disk behind a zram by the timer that role zram sets up, and no more of them than allowed.

Fails where the timer does not come, run, survive a reboot or go; where a run moves nothing, or more than its limit; and
where its log tells other figures than the kernel.
"""

from __future__ import annotations

import re

import pytest
from harness import Machine

TIMER, SERVICE = "highwater-zram0-writeback.timer", "highwater-zram0-writeback.service"
ROLE = """
- hosts: all
  gather_facts: false
  roles:
    - role: highwater.memory.zram
      zram_writeback_schedule: "{schedule}"
      zram_devices:
        - name: zram0
          size: 256MiB
          writeback_device: {disk}
          writeback_idle: 5s
          writeback_limit: 4MiB
"""
REMOVE = """
- hosts: all
  gather_facts: false
  roles:
    - role: highwater.memory.zram
      zram_state: absent
"""
# A program whose memory does not fit into its control group: what is beyond goes to swap and is not touched again.
PUSHER = "import os, time; kept = [os.urandom(2048) + bytes(2048) for _ in range(12 << 8)]; time.sleep(100000)"
PAGES = 1024  # of 4 KiB, that are 4 MiB
FILES = "ls /etc/systemd/system/ /etc/systemd/system/timers.target.wants /var/lib/highwater/memory/* 2>/dev/null; true"


def play(machine: Machine, text: str) -> int:
    return machine.play(text.format(schedule="*-*-* 03:00:00", disk="/dev/vdb")).changed


def written(machine: Machine) -> int:
    """Pages of 4 KiB that the zram has ever written to its disk, by the kernel."""
    return int(machine.shell("cat /sys/block/zram0/bd_stat").split()[2])


def run(machine: Machine) -> str:
    """One run of the service, as its timer would start it; what it has left in the log."""
    began = machine.shell("date +%s.%N").strip()
    machine.shell(f"systemctl start {SERVICE}; journalctl --sync")
    programs = "-t awk -t flock -t sh -t cp"  # without systemd's own lines
    return machine.shell(f"journalctl --quiet --output=cat --since=@{began} {programs} -u {SERVICE}; true")


@pytest.mark.machine(image="trixie", extra=1)
def test_idle_pages_go_to_the_disk_within_the_limit(machine: Machine) -> None:
    before = machine.shell(FILES)
    assert play(machine, ROLE) == 1
    assert play(machine, ROLE) == 0, "a second run has found something to do"
    assert machine.shell("cat /sys/block/zram0/backing_dev").strip() == "/dev/vdb"
    assert machine.shell(f"systemctl is-enabled {TIMER}; systemctl is-active {TIMER}").split() == ["enabled", "active"]
    assert "03:00:00" in machine.shell(f"systemctl show -p NextElapseUSecRealtime {TIMER}")

    fill(machine)
    log = run(machine)
    moved = written(machine)
    assert moved == PAGES, f"the limit is {PAGES} pages, and there are more that are idle"
    assert re.search(rf"zram0: wrote {moved} idle pages \(4 MiB, at most 4 MiB\) to the disk behind it", log), log
    assert "rror" not in log, "that the limit is reached is no error"
    # Written out means out of RAM: the kernel reads them from the disk when they are asked for.
    assert machine.shell("cat /sys/block/zram0/bd_stat").split()[0] == str(written(machine))

    # Started again while it runs: there is one run, not a second one that the kernel refuses.
    machine.shell(f"systemctl start --no-block {SERVICE}; systemctl start {SERVICE}")
    assert machine.shell(f"systemctl show -p Result {SERVICE}").strip() == "Result=success"

    machine.shell("systemctl stop pusher")
    machine.reboot()
    assert "/dev/zram0" in machine.shell("cat /proc/swaps")
    assert machine.shell("cat /sys/block/zram0/backing_dev").strip() == "/dev/vdb"
    assert machine.shell(f"systemctl is-active {TIMER}").strip() == "active"
    assert play(machine, ROLE) == 0, "the boot has made something else than the role"

    assert play(machine, ROLE.replace("{schedule}", "")) == 1
    assert "writeback" not in machine.shell(f"{FILES}; systemctl list-units --all --plain 'highwater*'")
    play(machine, ROLE)
    play(machine, REMOVE)
    assert machine.shell(FILES) == before
    assert TIMER not in machine.shell("systemctl list-timers --all")


@pytest.mark.machine(image="bullseye", extra=1)
def test_a_kernel_that_keeps_no_times(machine: Machine) -> None:
    """It cannot be told an age: what a run marks is idle in the next, unless somebody touches it."""
    play(machine, ROLE)
    assert machine.attempt("echo 5 > /sys/block/zram0/idle").code != 0, "this kernel keeps times"
    fill(machine)
    assert "wrote 0 idle pages" in run(machine)
    assert written(machine) == 0
    assert f"wrote {PAGES} idle pages" in run(machine)
    assert written(machine) == PAGES


def fill(machine: Machine) -> None:
    """More than a run may write, and 6 s old."""
    machine.spawn("pusher", f"python3 -c '{PUSHER}'", "MemoryMax=8M", "MemorySwapMax=infinity")
    machine.until(lambda: pages(machine) > 2 * PAGES, 120, "that the program's memory is in swap")
    machine.shell("sleep 6")


def pages(machine: Machine) -> int:
    """Pages of 4 KiB that the zram holds."""
    return int(machine.shell("cat /sys/block/zram0/mm_stat").split()[0]) // 4096


@pytest.mark.machine(image="trixie", extra=1)
def test_times_that_systemd_does_not_take_are_refused_before_anything_is_made(machine: Machine) -> None:
    for schedule, says in (("dayly", "is no calendar expression"), ("2001-01-01", "is no time to come")):
        result = machine.refused(
            "highwater.memory.zram_device", writeback_device="/dev/vdb", writeback_schedule=schedule
        )
        assert re.search(f"^writeback_schedule: {schedule} {says}: write one as in systemd.time", result["msg"])
    assert "zram" not in machine.shell("cat /proc/swaps; ls /etc/systemd/system")
