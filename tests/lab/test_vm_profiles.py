# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Every profile of role vm_tuning, on a small and on a larger machine whose memory is nearly full.

It fails where a profile is refused there, kills a program or makes it wait for ever, where the kernel does not say what
the profile asks for, where a reboot loses it, or where something is not as it was when all is taken back; and where a
boot that turns huge pages on leaves another reserve than our file says.
"""

from __future__ import annotations

import json
import re

import pytest
from harness import Machine

# Takes all memory but so many MiB, says so, and goes on using all of it.
FILL = r"""
import mmap, os, sys, time

left, said = int(sys.argv[1]) << 10, "/run/filled"

def available():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))

held, size = [], 4 << 20
pattern = os.urandom(size)
while available() > left:
    held.append(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
    held[-1].write(pattern)
rounds = 0
while True:
    for one in held:
        one[::4096]  # a byte of each page
    rounds += 1
    with open(said + ".new", "w") as file:
        file.write(str(rounds))
    os.replace(said + ".new", said)  # never empty to who reads it
    time.sleep(1)
"""
# All that the profiles may touch, as the kernel says it.
LOOK = r"""
import glob, json
paths = glob.glob("/proc/sys/vm/*") + glob.glob("/proc/sys/kernel/numa_balancing")
paths += glob.glob("/sys/kernel/mm/transparent_hugepage/*") + glob.glob("/sys/kernel/mm/lru_gen/*")
paths += ["/sys/kernel/mm/transparent_hugepage/khugepaged/defrag"]
found = {}
for path in paths:
    try:
        with open(path) as file:
            found[path] = file.read().split()
    except OSError:
        pass
print(json.dumps(found))
"""
PLAY = """
- hosts: all
  gather_facts: false
  roles:
    - role: highwater.memory.vm_tuning
"""
# Counters, and what the kernel chooses at each boot from the memory that is free by then; no profile sets these.
MOVES = ("pages_collapsed", "full_scans", "user_reserve_kbytes", "admin_reserve_kbytes")
VM, THP, LRU = "/proc/sys/vm/", "/sys/kernel/mm/transparent_hugepage/", "/sys/kernel/mm/lru_gen/"
PROFILES = ("server", "database", "desktop", "burst", "zram", "small")
# Of each profile what is the same on every machine.
EXPECTED = {
    "server": {},
    "database": {VM + "swappiness": "10", VM + "zone_reclaim_mode": "0", THP + "enabled": "[madvise]"},
    "desktop": {VM + "vfs_cache_pressure": "110", THP + "defrag": "[defer+madvise]", LRU + "min_ttl_ms": "1000"},
    "burst": {VM + "watermark_boost_factor": "15000", VM + "compaction_proactiveness": "40"},
    "zram": {VM + "swappiness": "180", VM + "page-cluster": "0", VM + "watermark_boost_factor": "0"},
    "small": {VM + "swappiness": "100", THP + "enabled": "[never]", LRU + "min_ttl_ms": "1000"},
}


def look(machine: Machine) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(machine.shell(f"python3 -c '{LOOK}'"))
    return {path: words for path, words in found.items() if not path.endswith(MOVES)}


def kills(machine: Machine) -> int:
    return int(machine.shell("grep -w oom_kill /proc/vmstat").split()[1])


def fill(machine: Machine, leave: int) -> None:
    machine.put("/root/fill.py", FILL)
    machine.spawn("fill", f"python3 /root/fill.py {leave}")
    machine.until(lambda: machine.read("/run/filled"), 120, "the memory's being full")


def goes_on(machine: Machine) -> None:
    """The program that fills the memory gets through it once more."""
    before = int(machine.read("/run/filled") or 0)
    machine.until(lambda: int(machine.read("/run/filled") or 0) > before, 180, "another round through the memory")


# On 512 MiB more is left free, since Ansible and the module need up to 90 MiB there while they run.
@pytest.mark.parametrize(
    ("leave", "reboots"),
    [
        pytest.param(150, True, id="512-MiB", marks=pytest.mark.machine(memory=512)),
        pytest.param(200, False, id="4-GiB", marks=pytest.mark.machine(memory=4096)),
    ],
)
def test_every_profile_where_memory_is_nearly_full(machine: Machine, leave: int, reboots: bool) -> None:
    before = look(machine)
    fill(machine, leave)
    for name in PROFILES:
        if name == "zram":
            machine.module("highwater.memory.zram_device", size="32MiB")
        machine.play(PLAY, "-e", json.dumps({"vm_tuning_profiles": [name]}))
        now = look(machine)
        for path, word in EXPECTED[name].items():
            assert word in now[path], f"{name}: {path} is {now[path]}"
        assert int(now[VM + "watermark_scale_factor"][0]) > 10, f"{name} leaves the gap as it was"
        assert int(now[VM + "min_free_kbytes"][0]) < 0.06 * 1024 * (512 if reboots else 4096)
        goes_on(machine)
        assert kills(machine) == 0, f"{name} had a program killed"
    small = look(machine)
    if reboots:
        machine.reboot()
        assert look(machine) == small
        again = machine.play(PLAY, "-e", json.dumps({"vm_tuning_profiles": ["small"]}))
        assert again.changed == 0
    machine.play(PLAY, "-e", "vm_tuning_state=absent")
    assert look(machine) == before
    machine.shell("systemctl stop fill.service 2>&1 || true")  # so that what is in zram has room
    machine.module("highwater.memory.zram_device", name="all", state="absent")
    left = "ls -d /etc/sysctl.d/*highwater* /etc/tmpfiles.d/*highwater* /var/lib/highwater"
    assert machine.attempt(left).out == ""


@pytest.mark.machine(memory=4096)
def test_huge_pages_and_the_reserve_after_a_boot(machine: Machine) -> None:
    """Whenever huge pages are turned on the kernel computes the reserve anew, and nothing orders that at boot."""
    before = look(machine)
    machine.module("highwater.memory.transparent_hugepage", enabled="always")
    asked = {"settings": {"min_free_kbytes": "min_free_auto"}}
    machine.module("highwater.memory.vm_sysctl", **asked)
    machine.reboot()
    now, file = look(machine), machine.read("/etc/sysctl.d/90-highwater.conf") or ""
    assert "[always]" in now[THP + "enabled"]
    assert now[VM + "min_free_kbytes"] == re.findall(r"(?m)^vm\.min_free_kbytes = (\d+)$", file)
    assert machine.module("highwater.memory.transparent_hugepage", enabled="always")["changed"] is False
    assert machine.module("highwater.memory.vm_sysctl", **asked)["changed"] is False
    machine.module("highwater.memory.vm_sysctl", state="absent")
    machine.module("highwater.memory.transparent_hugepage", state="absent")
    assert look(machine) == before
