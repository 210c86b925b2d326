# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""zram_device on the kernel of this computer itself, which may be newer than any of the lab.

Safe on a computer that is in use: it takes a number that nobody has, 16 MiB of swap that everything else comes before,
writes nothing for the next boot, and takes all back whatever happens. It looks at the kernel, and at what other zram
devices and swap there are, which have to stay as they were.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paths
import pytest
from harness import HERE, execute, lock, said
from test_zram_crash import SCENARIOS, check_cases

SYS = Path("/sys/block")
ZSWAP = Path("/sys/module/zswap/parameters/enabled")
MODULE = "highwater.memory.zram_device"
MIB = 2**20
SMALL = {"size": "16MiB", "priority": 0, "headroom": "0B", "persistent": False}

# It looks at all the zram devices and swap of this computer: pytest-xdist is to run it beside no other that does.
pytestmark = pytest.mark.xdist_group("own_kernel")


def call(options: dict[str, Any], check: bool = False) -> tuple[str, dict[str, Any]]:
    """One module call on this computer: how it ended, and what it returned."""
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        env = {
            **paths.environment(f"core-{paths.NEWEST_CORE}"),
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(paths.LINK)),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_STDOUT_CALLBACK": "result_json",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_HOME": folder,
        }
        command = ["ansible", "localhost", "-c", "local", "-m", MODULE, "-a", json.dumps(options), "--diff"]
        done = execute([*command, *(["--check"] if check else [])], 120, env=env)
    lines = [line for line in done.out.splitlines() if line.startswith('{"outcome": ')]
    assert lines, f"no result of {options}: {done.out} {done.err}"
    answer = json.loads(lines[-1])
    return answer["outcome"], answer["result"]


def ok(options: dict[str, Any], check: bool = False) -> dict[str, Any]:
    outcome, result = call(options, check)
    assert outcome == "ok", result
    return result


def numbers() -> set[int]:
    return {int(path.name[4:]) for path in SYS.glob("zram*")}


def of(name: str, file: str) -> str:
    return (SYS / name / file).read_text().strip()


def swaps() -> dict[str, list[str]]:
    """Device or file -> its kind, size in KiB and priority; not how much of it is used."""
    lines = [line.split() for line in Path("/proc/swaps").read_text().splitlines()[1:]]
    return {line[0]: [line[1], line[2], line[4]] for line in lines}


@pytest.fixture
def name() -> Iterator[str]:
    """A device that nobody has; it is gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a zram device")
    if not Path("/sys/class/zram-control").exists():
        pytest.skip("this computer's kernel has no zram, or has not loaded it, which is left as it is")
    with lock("own-kernel"):
        mine = "zram%d" % min(set(range(len(numbers()) + 1)) - numbers())
        try:
            yield mine
        finally:
            call({"name": mine, "state": "absent", "headroom": "0B"})
            # What only a failed run would leave.
            if (SYS / mine).exists():
                execute(["swapoff", f"/dev/{mine}"], 60)
                (SYS / mine / "reset").write_text("1")
                Path("/sys/class/zram-control/hot_remove").write_text(mine[4:])


def test_from_nothing_to_swap_and_back(name: str) -> None:
    others = {number: of(f"zram{number}", "disksize") for number in numbers()}
    before = swaps()
    wanted = {**SMALL, "name": name, "algorithm": ["no-such-one", "lz4", "lzo"]}
    outcome, result = call(wanted, check=True)
    if outcome == "failed" and result.get("reason") in ("container", "kubelet"):
        pytest.skip(f"this computer is no place for swap: {result['msg']}")
    assert outcome == "ok", result
    assert result["changed"]
    assert not (SYS / name).exists(), "check mode has made a device"
    assert swaps() == before

    assert ok(wanted)["actions"] == result["actions"]
    assert of(name, "disksize") == str(16 * MIB)
    assert "[lz4]" in of(name, "comp_algorithm")
    assert swaps() == {**before, f"/dev/{name}": ["partition", str(16 * 1024 - 4), "0"]}
    assert not ok(wanted)["changed"]

    # More than it can hold, whatever this computer may have swapped out to it by now.
    other = {**wanted, "size": "24MiB", "algorithm": ["lzo"], "priority": 1, "mem_limit": "64MiB"}
    assert ok(other)["changed"]
    assert of(name, "disksize") == str(24 * MIB)
    assert "[lzo]" in of(name, "comp_algorithm")
    assert of(name, "mm_stat").split()[3] == str(64 * MIB)
    assert swaps()[f"/dev/{name}"][2] == "1"
    assert not ok(other, check=True)["changed"]

    assert ok({"name": name, "state": "absent", "headroom": "0B"})["changed"]
    assert swaps() == before
    assert {number: of(f"zram{number}", "disksize") for number in numbers()} == others
    assert not Path(f"/var/lib/highwater/memory/zram_device/{name}.json").exists()
    assert not ok({"name": name, "state": "absent", "headroom": "0B"})["changed"]


def test_who_holds_the_device_open_is_waited_for_with_a_bound(name: str) -> None:
    """As udev does for a moment after each change; the kernel resets nothing that anybody has open."""
    wanted = {**SMALL, "name": name, "algorithm": ["lz4"]}
    larger = {**wanted, "size": "24MiB"}
    ok(wanted)
    before = swaps()[f"/dev/{name}"]
    with holding(name, seconds=100) as holder:
        outcome, result = call(larger)
        assert outcome == "failed", result
        assert holder.poll() is None, "it was waited for as long as it wanted"
        assert f"/dev/{name} is held open by sleep (process {holder.pid}): end that first" in result["msg"]
        assert result["reason"] == "in_use"
    assert of(name, "disksize") == str(16 * MIB)
    assert swaps()[f"/dev/{name}"] == before, "it is on again, as it was"

    with holding(name, seconds=100) as holder, concurrent.futures.ThreadPoolExecutor(1) as pool:
        change = pool.submit(ok, larger)
        end = time.monotonic() + 60
        while f"/dev/{name}" in swaps():  # the reset comes after it has gone off, and is what has to wait
            assert time.monotonic() < end, "it does not go off"
            assert not change.done(), change.result()
            time.sleep(0.01)
        time.sleep(1)
        assert not change.done()
        assert of(name, "disksize") == str(16 * MIB), "it was reset while somebody had it open"
        holder.kill()
        change.result()
    assert of(name, "disksize") == str(24 * MIB)
    assert not ok(larger)["changed"]


@contextlib.contextmanager
def holding(name: str, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the device open, for so long at most."""
    with open(f"/dev/{name}", "rb") as device:
        holder = subprocess.Popen(["sleep", str(seconds)], stdin=device)
    try:
        yield holder
    finally:
        holder.kill()
        holder.wait()


def test_stopped_after_each_step(name: str) -> None:
    """All of guest/zram_crash.py, of which test_zram_crash.py runs a part on a machine of the lab. Swap that comes
    before all other is on for seconds, and a program's 24 MiB are in it.
    """
    if number_of("MemAvailable") < 1024:
        pytest.skip("this computer is short of memory: others would be swapped out to what is changed here")
    done = execute([sys.executable, str(HERE / "guest/zram_crash.py"), str(paths.LINK), name], 600)
    assert done.code == 0, done.err
    check_cases(done.out, SCENARIOS)
    assert f"/dev/{name}" not in swaps()


def number_of(field: str) -> int:
    """A line of meminfo, in MiB."""
    return int(re.findall(rf"(?m)^{field}: *(\d+)", Path("/proc/meminfo").read_text())[0]) // 1024


def test_zswap_in_front_is_warned_of(name: str) -> None:
    """It is on for a moment; what it would keep compressed is not much, and stays right when it is off again."""
    if not ZSWAP.exists():
        pytest.skip("this computer's kernel has no zswap")
    before, told = ZSWAP.read_text().strip(), {}
    try:
        for state in ("Y", "N"):
            ZSWAP.write_text(state)
            warnings = [said(one) for one in ok({**SMALL, "name": name}, check=True).get("warnings", [])]
            told[state] = [one for one in warnings if one.startswith("zswap is on")]
    finally:
        ZSWAP.write_text(before)
    assert told["N"] == []
    assert len(told["Y"]) == 1
    assert "switch it off by module highwater.memory.zswap with enabled: false, or by zswap.enabled=0" in told["Y"][0]


def test_what_this_kernel_lacks_is_said_before_anything_is_made(name: str) -> None:
    outcome, result = call({**SMALL, "name": name, "algorithm": ["no-such-one"]})
    assert outcome == "failed", result
    assert re.search("none of no-such-one.*choose from .*lzo", result["msg"])
    assert f"/dev/{name}" not in swaps()
    assert not (SYS / name).exists()
    assert not Path(f"/var/lib/highwater/memory/zram_device/{name}.json").exists()
