# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""An encrypted swapfile on real kernels: on now and after a reboot, each time with another key.

Fails where what is swapped out can be read on the disk, where two boots share a key, where a line of somebody else's is
lost, where something is left behind, or where a boot waits for a file that is gone.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness import Machine
from holding import held_after_a_round, hold

MODULE = "highwater.memory.swapfile"
PATH = "/swapfile"
NODE = "/dev/mapper/highwater-swapfile"
BRIDGE = "/dev/mapper/highwater-.swapfile.highwater"
OTHERS = "# ours to keep\nhome\tUUID=0b7e  none luks,noauto"  # without a newline at its end
SIZE = 96 << 20
# A page of the program that holds memory has little but zeros; an encrypted one has hardly any.
COUNT = """\
import sys

pages = iter(lambda: sys.stdin.buffer.read(4096), b"")
print(sum(page.count(0) > 3000 for page in pages))
"""


def swaps(machine: Machine) -> dict[str, list[str]]:
    """What is on: by its path, the other columns."""
    rows = [line.split() for line in machine.shell("cat /proc/swaps").splitlines()[1:]]
    return {row[0]: row[1:] for row in rows}


def keys(machine: Machine) -> list[str]:
    """The tables of all crypt devices: cipher and key, and that they are on a loop device on our file."""
    lines = machine.shell("dmsetup table --showkeys --target crypt").splitlines()
    return [line.partition("crypt ")[2] for line in lines if "crypt " in line]


def stay(machine: Machine, **options: Any) -> None:
    """Converged: a second run changes nothing."""
    again = machine.module(MODULE, path=PATH, size=str(SIZE) + "B", **options)
    assert again["actions"] == []
    assert not again["changed"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The older systemds under `make soak`."""
    if "image" in metafunc.fixturenames:
        many = metafunc.config.getoption("rounds") > 2
        metafunc.parametrize("image", ["trixie", *(["bookworm", "bullseye"] if many else [])])


def test_now_and_at_each_boot(request: pytest.FixtureRequest, image: str) -> None:
    request.node.add_marker(pytest.mark.machine(image=image))
    machine: Machine = request.getfixturevalue("machine")
    machine.put("/etc/crypttab", OTHERS)
    fstab = machine.read("/etc/fstab")

    checked = machine.module(MODULE, check=True, path=PATH, size=str(SIZE) + "B", priority=7, encrypted=True)
    assert checked["changed"]
    assert swaps(machine) == {}
    assert machine.read("/etc/crypttab") == OTHERS
    done = machine.module(MODULE, path=PATH, size=str(SIZE) + "B", priority=7, encrypted=True)
    assert done["swapfile"]["active"]
    assert done["swapfile"]["encrypted"]
    assert list(swaps(machine)) == ["/dev/dm-0"]
    assert swaps(machine)["/dev/dm-0"][3] == "7"
    (first,) = keys(machine)
    cipher, key = first.split()[:2]
    assert cipher == "aes-xts-plain64"
    assert len(key) == 2 * 64
    assert machine.read("/sys/block/loop0/loop/backing_file") == PATH + "\n"
    assert (machine.read("/etc/crypttab") or "").startswith(OTHERS + "\n")
    assert machine.shell(f"stat -c %a:%u:%g {PATH}") == "600:0:0\n"
    stay(machine, priority=7, encrypted=True)

    machine.reboot()
    assert list(swaps(machine)) == ["/dev/dm-0"]
    assert swaps(machine)["/dev/dm-0"][3] == "7"
    (second,) = keys(machine)
    assert second.split()[0] == cipher
    assert second.split()[1] != key
    stay(machine, priority=7, encrypted=True)

    machine.module(MODULE, path=PATH, size=str(SIZE) + "B", priority=7)
    assert list(swaps(machine)) == [PATH]
    assert keys(machine) == []
    assert machine.read("/etc/crypttab") == OTHERS
    stay(machine, priority=7)
    machine.module(MODULE, path=PATH, size=str(SIZE) + "B", priority=7, encrypted=True)
    assert list(swaps(machine)) == ["/dev/dm-0"]
    assert machine.attempt(f"blkid -p {PATH}").out == ""
    stay(machine, priority=7, encrypted=True)

    machine.module(MODULE, path=PATH, state="absent")
    assert swaps(machine) == {}
    assert keys(machine) == []
    assert machine.shell("losetup --all") == ""
    assert machine.read(PATH) is None
    assert machine.read("/etc/fstab") == fstab
    assert machine.read("/etc/crypttab") == OTHERS


@pytest.mark.machine(memory=512)
def test_what_is_swapped_out_cannot_be_read(machine: Machine) -> None:
    """And a resize while it is in use goes through a bridge that is encrypted as well."""
    machine.module(MODULE, path=PATH, size=str(SIZE) + "B", encrypted=True)
    hold(machine, "100M", "MemoryHigh=50M")
    used = int(swaps(machine)["/dev/dm-0"][2])
    assert used > 20 << 10, f"only {used} KiB were swapped out"
    machine.shell("sync")
    machine.put("/root/count.py", COUNT)
    empty, pages = int(machine.shell(f"python3 /root/count.py < {PATH}")), SIZE // 4096
    assert empty <= pages - used // 4 * 9 // 10, f"{empty} of {pages} pages are as good as empty"

    done = machine.module(MODULE, path=PATH, size="128MiB", encrypted=True, headroom="32MiB")
    assert any("as a bridge" in action for action in done["actions"]), done["actions"]
    assert len(keys(machine)) == 1
    assert machine.shell("ls -A / | grep highwater || true") == ""
    assert held_after_a_round(machine).wrong == 0
    # The kernel notes each swapon, by the name that it was given: the file, the bridge and the new file, none as it is.
    areas = re.findall(r"swap on (\S+?)\.? ", machine.shell("dmesg"))
    assert areas == [NODE, BRIDGE, NODE]
    assert machine.shell("grep oom_kill /proc/vmstat").split()[1] == "0"


def test_a_boot_does_not_wait_for_a_file_that_is_gone(machine: Machine) -> None:
    machine.module(MODULE, path=PATH, size=str(SIZE) + "B", encrypted=True)
    machine.shell(f"swapoff {NODE} && cryptsetup close {NODE} && rm {PATH} && sync")
    machine.cut()
    machine.start(degraded=True)
    assert swaps(machine) == {}
    assert machine.shell("systemctl list-jobs --no-legend") == ""
    assert "Timed out" not in machine.shell("journalctl -b -q")
    machine.module(MODULE, path=PATH, size=str(SIZE) + "B", encrypted=True)
    assert list(swaps(machine)) == ["/dev/dm-0"]


def test_without_cryptsetup(machine: Machine) -> None:
    machine.shell("mv /usr/sbin/cryptsetup /root/")
    refused = machine.refused(MODULE, path=PATH, encrypted=True)
    assert refused["reason"] == "cryptsetup"
    assert machine.read(PATH) is None
    skipped = machine.module(MODULE, path=PATH, encrypted=True, on_unsupported="skip")
    assert not skipped["changed"]
    assert "needs cryptsetup" in skipped["warnings"][0]
