# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Each step of a run fails, one after the other: what was done before it has to be taken back.

Runs as root on the machine itself, as swapfile_states.py does, and by the same rules, from states whose file is worth
something: a file that the kernel would not take as swap is not given back.

    python3 swapfile_faults.py

It prints a line of JSON for each step that failed, `wrong` being what was not as before, or as it has to be after the
next run, which goes through.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import Any, Iterator, NamedTuple
from unittest.mock import patch

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from swapfile_cases import CASES, OTHERS
from swapfile_states import MODE, PAGES, Machine, areas, expected_fstab, read_fstab, run, shell, write_fstab, wrongs

RECORD = "/var/lib/highwater"
STATES = (
    "its folder missing",
    "larger and in use",
    "smaller and on",
    "of another owner, on",
    "of another label",
    "on with another priority",
    "twice in fstab",
    "until the next boot, in fstab",
)
MOST = 20  # steps of a run


class Broken(NamedTuple):
    """An action that fails before it has done anything."""

    def perform(self, _host: object) -> None:
        raise HighwaterError("it is broken", reason="broken")


@contextmanager
def broken_at(number: int) -> Iterator[list[str]]:
    """Has that step of the next plan fail; the list gets its words, where the plan is as long."""
    real = resource.plan
    found: list[str] = []

    def plan(*arguments: Any) -> Any:
        steps = real(*arguments)
        if number < len(steps) and not found:
            found.append(steps[number].words())
            steps = (*steps[:number], steps[number]._replace(action=Broken()), *steps[number + 1 :])
        return steps

    with patch.object(resource, "plan", plan):
        yield found


def look(folder: str) -> dict[str, Any]:
    """What there is: of a priority below 0 the number has no meaning, of the record the inode of a file made again."""
    on = {path: (max(priority, -1), size) for path, (priority, size) in areas(folder).items()}
    found: dict[str, Any] = {"on": on, "fstab": read_fstab(), "our record": os.path.exists(RECORD)}
    for where, folders, names in os.walk(folder):
        for path in (os.path.join(where, name) for name in folders + names):
            status = os.lstat(path)
            found[path] = [oct(status.st_mode), status.st_uid, status.st_gid]
            if os.path.isfile(path):
                header = subprocess.run(["blkid", "-p", "-o", "export", path], capture_output=True, text=True).stdout
                found[path] += [status.st_size, header]
    return found


def attempt(machine: Machine, number: int, name: str, step: int) -> tuple[str, list[str]]:
    """Has a step fail; its words (none where there is no such step), and all that is wrong."""
    case, folder = CASES[name], machine.folder(number)
    path = os.path.join(folder, case.name)
    os.mkdir(folder, 0o755)
    write_fstab(OTHERS, mode=MODE)
    environment = {**os.environ, "F": path, "D": folder, "FS": machine.kind, "PAGES": PAGES}
    options = {"path": path, "size": "24MiB", "priority": 10, "keep_free": "16MiB", **case.options}
    wrong = shell(case.setup, environment)
    before, message = look(folder), ""
    with broken_at(step) as words:
        try:
            run(**options)
        except HighwaterError as error:
            message = error.message
    if not words:  # the run has gone through, and its record is not to outlive the file
        wrong += shell(case.after, environment)
        run(path="all", state="absent")
        return "", [wrong] if wrong else []
    after = look(folder)
    found = [wrong] if wrong else []
    if "it is broken" not in message or "by hand" in message:
        found.append("the error says " + message)
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            found.append("%s is %s instead of %s" % (key, after.get(key), before.get(key)))
    run(**options)
    found += wrongs(case, folder, path, expected_fstab(case, path, before["fstab"]), MODE)
    wrong = shell(case.after, environment)
    run(path="all", state="absent")
    return words[0], found + ([wrong] if wrong else [])


def main() -> int:
    machine, original = Machine("ext4"), read_fstab()
    machine.mount()
    failed = number = 0
    try:
        for name in STATES:
            for step in range(MOST):
                number += 1
                try:
                    words, wrong = attempt(machine, number, name, step)
                except Exception as error:
                    words, wrong = "step %d" % step, ["%s: %s" % (type(error).__name__, error)]
                clean(machine.folder(number))
                if not words:
                    break
                failed += bool(wrong)
                print(json.dumps({"case": "%s: %s" % (name, words), "wrong": wrong}), flush=True)
    finally:
        write_fstab(original)
        machine.unmount()
    return 1 if failed else 0


def clean(folder: str) -> None:
    for path in areas(folder):
        subprocess.run(["swapoff", path], check=False)
    shutil.rmtree(folder, ignore_errors=True)
    with open(folder + ".stop", "w"):
        pass


if __name__ == "__main__":
    sys.exit(main())
