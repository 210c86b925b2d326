# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""site.yml on a machine that boots by OpenRC, where a script of its own has set up zram0 so far.

Fails where something needs systemd after all, the boot does not do what the run did, the former owner comes back or has
its stop command run, a second run changes anything, or something stays after remove.yml.
"""

from __future__ import annotations

import re

import pytest
from harness import Machine

pytestmark = pytest.mark.machine(image="openrc")

MIB = 2**20
STOPPED = "/var/tmp/stopped"
THEIRS = f"""\
#!/sbin/openrc-run
start() {{
    modprobe zram && echo 64M > /sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0
}}
stop() {{
    touch {STOPPED}
    swapoff /dev/zram0
    echo 1 > /sys/block/zram0/reset
}}
"""
SITE = """\
- import_playbook: highwater.memory.site
  vars:
    zram_devices:
      - name: zram0
        size: 128MiB
        algorithm: [zstd, lz4]
        take_over: true
    swapfile_path: /swapfile
    swapfile_size: 64MiB
    swapfile_priority: 10
    vm_tuning_profiles: []
    vm_tuning_settings:
      swappiness: 150
      page-cluster: 0
    vm_tuning_transparent_hugepage:
      enabled: madvise
"""
SWAPS = {"/dev/zram0": (128 * MIB, 100), "/swapfile": (64 * MIB, 10)}
SETTINGS = {"vm/swappiness": "150", "vm/page-cluster": "0", "transparent_hugepage": "madvise"}
# Where anything of ours, or of what we change, may be.
FOLDERS = "/etc /var/lib/highwater /swapfile /lib/modules-load.d"


def swaps(machine: Machine) -> dict[str, tuple[int, int]]:
    """Size in bytes (of a whole area, its header included) and priority, by path."""
    rows = (line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:])
    return {row[0]: ((int(row[2]) + 4) * 1024, int(row[4])) for row in rows}


def settings(machine: Machine) -> dict[str, str]:
    """What the kernel says of the settings that were asked for."""
    swappiness, cluster, hugepages = machine.shell(
        "cat /proc/sys/vm/swappiness /proc/sys/vm/page-cluster /sys/kernel/mm/transparent_hugepage/enabled"
    ).splitlines()
    chosen = re.findall(r"\[(.*?)\]", hugepages)[0]
    return {"vm/swappiness": swappiness, "vm/page-cluster": cluster, "transparent_hugepage": chosen}


def files(machine: Machine) -> str:
    """All files with their content, links and permissions; what the package manager and mount keep there left out."""
    return machine.shell(
        f"find {FOLDERS} ! -type d ! -name mtab ! -name '*.cache' -printf '%M %U:%G %p %l\\n' 2>/dev/null | sort;"
        f" find {FOLDERS} -type f ! -name mtab ! -name '*.cache' -exec cksum {{}} + 2>/dev/null | sort -k3; true"
    )


def test_site_is_back_after_a_reboot_and_can_be_taken_back(machine: Machine) -> None:
    machine.put("/etc/init.d/mine", THEIRS, mode="0755")
    machine.shell("rc-update add mine default && rc-service mine start")
    assert swaps(machine)["/dev/zram0"][0] == 64 * MIB
    files_before, settings_before = files(machine), settings(machine)
    refused = machine.refused("highwater.memory.zram_device", size="128MiB")
    assert (refused["reason"], refused["file"]) == ("owner", "/etc/init.d/mine")

    machine.play(SITE)
    assert (swaps(machine), settings(machine)) == (SWAPS, SETTINGS)
    assert machine.play(SITE).changed == 0
    machine.attempt("rc-service mine stop")  # as the next shutdown would
    assert swaps(machine) == SWAPS

    machine.reboot()
    assert (swaps(machine), settings(machine)) == (SWAPS, SETTINGS)
    assert "[zstd]" in machine.shell("cat /sys/block/zram0/comp_algorithm")
    assert machine.read(STOPPED) is None, "the former owner's stop command was run"
    status = machine.shell("rc-service highwater-zram0 status")
    assert f"/sys/block/zram0/disksize:{128 * MIB}" in status
    assert re.search(r"^/dev/zram0\s.*\s100$", status, re.MULTILINE)
    assert "ERROR" not in machine.shell("cat /var/log/rc.log")
    assert machine.play(SITE).changed == 0

    machine.play("highwater.memory.remove")
    assert files(machine) == files_before
    assert (swaps(machine), settings(machine)) == ({}, settings_before)
    assert machine.read("/sys/block/zram0/disksize") in (None, "0\n")
