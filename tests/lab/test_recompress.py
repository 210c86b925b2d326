# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Idle pages are compressed a second time, on a kernel that can: Debian's cannot, so one is compiled (lab/kernels/).

Under `make soak` only, because compiling takes 10 minutes the first time. Fails where the kernel was not told of the
second algorithm, now or at the next boot, where a run saves nothing, takes more pages than its limit or pages that were
just used, and where its log tells other figures than the kernel.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness import Machine

pytestmark = pytest.mark.machine(image="recompress", extra=1)

MODULE = "highwater.memory.zram_device"
TIMER, SERVICE = "highwater-zram0-recompress.timer", "highwater-zram0-recompress.service"
WANTED: dict[str, Any] = {
    "size": "256MiB",
    "algorithm": ["lz4"],
    "recompress": [{"name": "zstd", "params": {"level": 5}}, "deflate"],
    "recompress_schedule": "*-*-* 03:00:00",
    "recompress_limit": "4MiB",
}
PAGES = 1024  # 4 MiB
# Half of each page is zeros, which any algorithm takes out, and half letters at random, of which only one that knows
# how often each comes takes a quarter. What does not fit into the control group goes to swap.
PUSHER = (
    "import base64, os, time; "
    "kept = [base64.b64encode(os.urandom(1536)) + bytes(2048) for _ in range(12 << 8)]; time.sleep(100000)"
)


def recompressed(machine: Machine) -> int:
    """Pages that have been compressed a second time, by the kernel's own list of all."""
    return int(machine.shell("awk '$3 ~ /r/' /sys/kernel/debug/zram/zram0/block_state | wc -l"))


def compressed_size(machine: Machine) -> int:
    return int(machine.shell("cat /sys/block/zram0/mm_stat").split()[1])


def run(machine: Machine, service: str = SERVICE) -> str:
    """One run, as the timer would start it; what it has left in the log."""
    machine.shell(f"systemctl start {service}; journalctl --sync")
    return machine.shell(f"journalctl --quiet --output=cat -t awk -u {service} | tail -1")


def fill(machine: Machine) -> None:
    machine.shell("mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug")
    machine.spawn("pusher", f"python3 -c '{PUSHER}'", "MemoryMax=8M", "MemorySwapMax=infinity")
    machine.until(lambda: pages(machine) > 2 * PAGES, 180, "that the program's memory is in swap")


def pages(machine: Machine) -> int:
    return int(machine.shell("cat /sys/block/zram0/mm_stat").split()[0]) // 4096


def test_idle_pages_are_compressed_again_within_the_limit(machine: Machine) -> None:
    before = machine.shell("ls /etc/systemd/system")
    machine.module(MODULE, **WANTED, recompress_idle="1h")
    assert not machine.module(MODULE, **WANTED, recompress_idle="1h")["changed"]
    offered = machine.shell("cat /sys/block/zram0/recomp_algorithm")
    assert re.search(r"#1: .*\[zstd\]", offered), offered
    assert re.search(r"#2: .*\[deflate\]", offered), offered
    fill(machine)
    run(machine)
    assert recompressed(machine) == 0, "nothing has been idle for an hour"

    assert machine.module(MODULE, **WANTED, recompress_idle="3s")["changed"]
    machine.shell("sleep 4")
    size = compressed_size(machine)
    log = run(machine)
    now = compressed_size(machine)
    assert 0 < recompressed(machine) <= PAGES
    assert size - now > 300 * recompressed(machine), "a page has half a KiB to lose"
    told = re.search(
        r"zram0: \d+ KiB of data take (\d+) KiB compressed now, and took \d+ KiB before: (\d+) KiB less", log
    )
    assert told, log
    assert abs(int(told.group(1)) - now // 1024) < 64, "what the log tells is not what the kernel tells"
    assert abs(int(told.group(2)) - (size - now) // 1024) < 64

    machine.shell("systemctl stop pusher")
    machine.reboot()
    assert "[zstd]" in machine.shell("cat /sys/block/zram0/recomp_algorithm")
    assert machine.shell(f"systemctl is-active {TIMER}").strip() == "active"
    assert not machine.module(MODULE, **WANTED, recompress_idle="3s")["changed"]
    machine.module(MODULE, name="all", state="absent")
    assert machine.shell("ls /etc/systemd/system") == before


def test_writeback_and_recompression_wait_for_each_other(machine: Machine) -> None:
    """The kernel lets in one at a time, and says EAGAIN to the other."""
    writeback: dict[str, Any] = {
        "writeback_device": "/dev/vdb",
        "writeback_schedule": "daily",
        "writeback_idle": "3s",
        "writeback_limit": "4MiB",
    }
    machine.module(MODULE, **WANTED, recompress_idle="3s", **writeback)
    fill(machine)
    machine.shell("sleep 4")
    other = "highwater-zram0-writeback.service"
    for _turn in range(3):
        machine.shell(f"systemctl start --no-block {SERVICE}; systemctl start {other}; systemctl start {SERVICE}")
        results = machine.shell(f"systemctl show -p Result {SERVICE} {other}").split()
        assert results == ["Result=success"] * 2
    assert 0 < int(machine.shell("cat /sys/block/zram0/bd_stat").split()[2]) <= 3 * PAGES
    assert recompressed(machine) > 0


def test_what_this_kernel_cannot_is_said(machine: Machine) -> None:
    result = machine.refused(MODULE, **{**WANTED, "recompress": ["no-such-one"]})
    assert re.search("^recompress: this kernel has no no-such-one: choose from .*zstd", result["msg"])
    result = machine.refused(MODULE, **{**WANTED, "recompress_threshold": "4000B"})
    assert re.search("^recompress_threshold: 4000B .* write 3072B at most", result["msg"])
    assert "zram" not in machine.shell("cat /proc/swaps")
