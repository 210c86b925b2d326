# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Memory that is in pieces is joined again: once by memory_compact, again and again by role compaction.

Fails where free memory is in as many pieces as before, by /proc/buddyinfo; where setting, timer or program do not come,
survive a reboot or go; and where the log of a run tells other figures than the kernel.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import Machine

# What is done where the larger zone is in pieces; the small one may be, too, and what each has free moves by itself.
ACTION = re.compile(r"compact node 0 \(unusable index of order 9: (DMA \d\.\d{3}, )?DMA32 \d\.\d{3}, above 0\.6\)")
BREAK = Path(__file__).with_name("guest") / "break_memory.py"
SERVICE, TIMER = "highwater-compaction.service", "highwater-compaction.timer"
SETTING = "/proc/sys/vm/compaction_proactiveness"
ROLE = """
- hosts: all
  gather_facts: false
  roles:
    - role: highwater.memory.compaction
      compaction_on_unsupported: fail
"""
FOLDERS = "/etc/systemd/system /etc/sysctl.d /usr/local/lib /var/lib/highwater"
FILES = f"find {FOLDERS} -printf '%p %y %m %l\\n' 2>/dev/null | sort"


def role(machine: Machine, **variables: object) -> int:
    return machine.play(
        ROLE + "".join(f"      compaction_{name}: {value}\n" for name, value in variables.items())
    ).changed


def unusable(machine: Machine, order: int) -> dict[str, float]:
    """By zone the part of free memory that lies in blocks smaller than those of that order."""
    found = {}
    for line in machine.shell("cat /proc/buddyinfo").splitlines():
        blocks = [int(count) << power for power, count in enumerate(line.split()[4:])]
        found[line.split()[3]] = sum(blocks[:order]) / sum(blocks) if sum(blocks) else 1.0
    return found


def break_memory(machine: Machine, order: int) -> float:
    """What the worst zone's index is then."""
    machine.put("/root/break_memory.py", BREAK.read_text())
    # The background's own compaction would mend it before we do.
    machine.shell(f"echo 0 > {SETTING}; echo 3 > /proc/sys/vm/drop_caches")
    machine.spawn("breaker", "python3 /root/break_memory.py")
    machine.until(lambda: machine.read("/run/broken") is not None, 300, "that memory is in pieces")
    broken = unusable(machine, order)["DMA32"]
    assert broken > 0.6, f"memory is in one piece after all: {broken}"
    return broken


@pytest.mark.machine(image="trixie")  # with 1 GiB what the module itself takes, and gives back, counts little
def test_once_where_memory_is_in_pieces(machine: Machine) -> None:
    broken = break_memory(machine, 9)
    options = {"threshold": 0.6, "skip_under_pressure": False}
    told = machine.module("highwater.memory.memory_compact", check=True, **options)
    assert told["changed"]
    before = unusable(machine, 9)["DMA32"]  # as late as can be: it moves by itself
    assert before > 0.9 * broken, "check mode has compacted"
    counter = "awk '/^compact_migrate_scanned / {print $2}' /proc/vmstat"
    scanned = int(machine.shell(counter))
    done = machine.module("highwater.memory.memory_compact", **options)
    after = unusable(machine, 9)["DMA32"]
    assert done["changed"]
    for actions in (told["actions"], done["actions"]):
        assert [bool(ACTION.fullmatch(one)) for one in actions] == [True], actions
    assert int(machine.shell(counter)) > scanned, "the kernel has not looked at a page"
    assert after < 0.5 * before, f"{before} before, {after} after"
    said = {one["zone"]: one for one in done["zones"]}["DMA32"]
    assert said["before"]["unusable_index"] == pytest.approx(before, abs=0.05)
    assert said["after"]["unusable_index"] == pytest.approx(after, abs=0.1)
    again = machine.module("highwater.memory.memory_compact", threshold=0.0, skip_under_pressure=False)
    assert not again["changed"]
    assert re.search(r"compacted \d+ s ago", again["nodes"][0]["why"])


@pytest.mark.machine(image="trixie", memory=512)
def test_the_kernel_does_it_by_itself(machine: Machine) -> None:
    before, default = machine.shell(FILES), machine.read(SETTING)
    assert role(machine) == 1
    assert machine.read(SETTING) == "60\n"
    assert role(machine) == 0
    assert TIMER not in machine.shell(FILES)
    machine.reboot()
    assert machine.read(SETTING) == "60\n"
    assert role(machine, threshold=0.8) == 1
    assert machine.read(SETTING) == "30\n"
    assert role(machine, state="absent") == 1
    assert (machine.read(SETTING), machine.shell(FILES)) == (default, before)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(3, marks=pytest.mark.machine(image="bullseye", memory=512), id="bullseye"),
        pytest.param(4, marks=pytest.mark.machine(image="trixie", memory=512), id="trixie"),
    ],
)
def test_a_timer_does_it_for_blocks_that_the_kernel_does_not_see_to(machine: Machine, order: int) -> None:
    before, default = machine.shell(FILES), machine.read(SETTING)
    # Half a day away, by the machine's own clock: it is not to come while memory is in pieces for us to look at.
    schedule = machine.shell("date -d '12 hours' +'\"*-*-* %H:%M\"'").strip()
    assert role(machine, order=order, schedule=schedule) == 1
    assert role(machine, order=order, schedule=schedule) == 0
    assert machine.read(SETTING) == default
    assert machine.shell(f"systemctl is-enabled {TIMER}; systemctl is-active {TIMER}").split() == ["enabled", "active"]

    break_memory(machine, order)
    # Far below the 10 from which on the run leaves memory alone: its own start makes somebody wait, too.
    machine.until(lambda: pressure(machine) < 1, 120, "that nobody waits for memory")
    broken = unusable(machine, order)["DMA32"]
    log = run(machine)
    mended = unusable(machine, order)["DMA32"]
    assert mended < 0.5 * broken, f"{broken} before, {mended} after: {log}"
    found = re.search(rf"order {order}: node 0 compacted, .*DMA32 (0\.\d+) \(\d+ blocks\) -> (0\.\d+) \(", log)
    assert found, log
    assert float(found.group(1)) == pytest.approx(broken, abs=0.1)
    assert float(found.group(2)) == pytest.approx(mended, abs=0.1)
    assert "node 0 left alone (no zone is above 0.5)" in run(machine)
    exposure = machine.shell(f"systemd-analyze security --no-pager {SERVICE} | tail -1")
    assert float(re.findall(r"(\d+\.\d+)", exposure)[-1]) < 3, exposure

    machine.reboot()
    assert machine.shell(f"systemctl is-active {TIMER}").strip() == "active"
    assert role(machine, order=order, schedule=schedule) == 0
    assert role(machine, state="absent") == 1
    assert (machine.read(SETTING), machine.shell(FILES)) == (default, before)
    assert TIMER not in machine.shell("systemctl list-timers --all")


def run(machine: Machine) -> str:
    """One run of the service, as its timer would start it; what it has left in the log."""
    began = machine.shell("date +%s.%N").strip()
    machine.shell(f"systemctl start {SERVICE}; journalctl --sync")
    return machine.shell(f"journalctl --quiet --output=cat --since=@{began} -t highwater-compaction; true")


def pressure(machine: Machine) -> float:
    return float(re.findall(r"some avg10=(\S+)", machine.read("/proc/pressure/memory") or "some avg10=0")[0])
