# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A first run, and a resize of a swapfile in use, ended by a signal at random moments; then a run that has to converge.

Runs as root on the machine itself, as swapfile_states.py does, and by the same rules. Each moment is drawn from a seed.
What SIGKILL leaves the next run has to mend; of what SIGTERM, SIGINT and SIGHUP stop nothing may be left at all.

    python3 swapfile_killed.py SEED TURNS [KILL|TERM|INT|HUP ...]

It prints a line of JSON for each turn: `ended`, whether the signal was what ended the run, `left`, what it left in the
folder, `wrong`, what was not as it has to be then and after the next.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any, Iterator

from ansible_collections.highwater.memory.plugins.module_utils.core import runner
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Stopped
from swapfile_states import FSTAB, PAGES, areas, read_fstab, run, write_fstab

FOLDER = "/root/killed"
PATH, STOP, RESULT = (FOLDER + name for name in ("/file", ".stop", ".result"))
RECORD = "/var/lib/highwater"
LINE = PATH + " none swap sw,pri=%d,nofail 0 0\n"
MIB = 1 << 20
BEFORE: dict[str, Any] = {"size": "48MiB", "priority": 7}
AFTER: dict[str, Any] = {"size": "80MiB", "priority": 9}
STOPPED = 7  # how a run ends that a signal has stopped


def converge(**options: Any) -> bool:
    return run(path=PATH, method="dd", keep_free="16MiB", **options)


def in_a_child(options: dict[str, Any], seconds: float | None, number: int = signal.SIGKILL) -> tuple[float, bool]:
    """One run in a process of its own, given a signal after so many seconds; how long it took, if that ended it."""
    began = time.monotonic()
    signal.pthread_sigmask(signal.SIG_BLOCK, runner.STOPPED_BY)  # until the child has its handlers
    child = os.fork()
    if not child:
        os._exit(module(options))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, runner.STOPPED_BY)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, number)
    _pid, status = os.waitpid(child, 0)
    taken = time.monotonic() - began
    ended = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == STOPPED
    if not ended and os.WEXITSTATUS(status):
        raise RuntimeError("the run ended with an error of its own")
    return taken, ended


def module(options: dict[str, Any]) -> int:
    """A run with the handlers that a module has; its exit status."""
    try:
        for number in runner.STOPPED_BY:
            signal.signal(number, runner._stopped)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, runner.STOPPED_BY)
        converge(**options)
    except Stopped:
        return STOPPED
    except BaseException as error:
        return STOPPED if "stopped by SIG" in str(error) else 1
    return 0


def look() -> dict[str, Any]:
    """All that a run could have changed, as far as it has a meaning: the number of a priority below 0 has none, nor
    have the inode and its generation, which our record has, of a file that was made again.
    """
    on = {path: (max(priority, -1), size) for path, (priority, size) in areas(FOLDER).items()}
    found: dict[str, Any] = {"on": on, "fstab": read_fstab(), "in /etc": sorted(os.listdir("/etc"))}
    for above in (FOLDER, RECORD):
        for where, folders, names in os.walk(above):
            for path in (os.path.join(where, name) for name in folders + names):
                status = os.lstat(path)
                found[path] = [oct(status.st_mode), status.st_uid, status.st_size if above == FOLDER else noted(path)]
    if os.path.exists(PATH):
        found["header"] = subprocess.run(["blkid", "-p", "-o", "export", PATH], capture_output=True, text=True).stdout
    return found


def noted(path: str) -> Any:
    """What a file of our record says; None of a folder."""
    if not path.endswith(".json"):
        return None
    with open(path) as file:
        entry = json.load(file)
    return {key: value for key, value in entry.items() if key not in ("inode", "generation")}


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What a run that was stopped has not taken back."""
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield f"stopped, {key} is {after.get(key)} instead of {before.get(key)}"


def begin(kind: str) -> dict[str, Any]:
    """Brings about what a run begins with; its options."""
    if kind == "first":
        return BEFORE
    converge(**BEFORE)
    for path in (STOP, RESULT):
        if os.path.exists(path):
            os.unlink(path)
    subprocess.run([sys.executable, PAGES, STOP, RESULT], check=True)
    return AFTER


def end(kind: str) -> str:
    """How the pages came out that were in swap."""
    if kind == "first":
        return "intact"
    with open(STOP, "w"):
        pass
    give_up = time.monotonic() + 60
    while not (os.path.exists(RESULT) and os.path.getsize(RESULT)) and time.monotonic() < give_up:
        time.sleep(0.1)
    with open(RESULT) as file:
        return file.read()


def wrongs(kind: str, options: dict[str, Any], bare: str) -> Iterator[str]:
    """After the killed run: converge, and yield what is not as it has to be."""
    fstab = bare + LINE % options["priority"]
    if read_fstab() not in (bare, bare + LINE % BEFORE["priority"], fstab):
        yield f"cut off, fstab is {read_fstab()!r}"
    converge(**options)
    if converge(**options):
        yield "the second run changed something"
    size = int(options["size"].rstrip("MiB")) * MIB - os.sysconf("SC_PAGE_SIZE")
    if areas(FOLDER) != {PATH: (options["priority"], size)}:
        yield f"on are {areas(FOLDER)}"
    if os.listdir(FOLDER) != ["file"]:
        yield f"in its folder: {sorted(os.listdir(FOLDER))}"
    if read_fstab() != fstab:
        yield f"fstab is {read_fstab()!r}"
    pages = end(kind)
    if pages != "intact":
        yield f"pages are {pages}"
    run(path="all", state="absent")
    left = [name for name in os.listdir("/etc") if "highwater" in name]
    if read_fstab() != bare or os.listdir(FOLDER) or os.path.exists(RECORD) or left:
        yield f"given back, left are {os.listdir(FOLDER) + left} and our record is {os.path.exists(RECORD)}"


def main(seed: str, turns: int, names: list[str]) -> int:
    numbers = [signal.Signals["SIG" + name] for name in names or ["KILL"]]
    bare, failed = read_fstab() or "", 0
    os.makedirs(FOLDER, 0o700, exist_ok=True)
    try:
        taken = {}
        for kind in ("first", "resize"):  # whole, to know how long it takes here
            options = begin(kind)
            taken[kind], _ended = in_a_child(options, None)
            end(kind)
            run(path="all", state="absent")
        for turn in range(turns):
            kind = ("first", "resize")[turn % 2]
            after = random.Random(f"{seed} {turn}").uniform(0, taken[kind])
            number = numbers[turn // 2 % len(numbers)]
            options = begin(kind)
            before = look()
            _taken, ended = in_a_child(options, after, number)
            left = sorted(os.listdir(FOLDER))
            wrong = list(differences(before, look())) if ended and number != signal.SIGKILL else []
            try:
                wrong += wrongs(kind, options, bare)
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")
            failed += bool(wrong)
            case = f"{kind} {turn}: {number.name} after {after:.2f} s"
            print(json.dumps({"case": case, "ended": ended, "left": left, "wrong": wrong}), flush=True)
            if wrong:  # what follows would be wrong with it
                break
    finally:
        for path in areas(FOLDER):
            subprocess.run(["swapoff", path], check=False)
        write_fstab(bare, os.stat(FSTAB).st_mode & 0o7777)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
