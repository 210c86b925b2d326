# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Who has the last word in sysctl.d, asked of systemd-sysctl itself.

The golden trees of the unit test, laid out on machines with systemd 247, 252 and 257: where a case says that ours
stays, systemd-sysctl has to leave our value, and where it names a line, that line's. Fails where our reading of
sysctl.d(5) is not systemd's.
"""

from __future__ import annotations

import json
from typing import Any

import paths
import pytest
import yaml
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full, group, path
from harness import Machine

CASES = paths.ROOT / "tests/unit/plugins/module_utils/vm/precedence"
KERNELS = [
    pytest.param(image, marks=pytest.mark.machine(image=image), id=image)
    for image in ("bullseye", "bookworm", "trixie")
]
# Gets cases as JSON; gives for each what systemd-sysctl made of the settings, each time from the same values.
GUEST = r"""
import json, os, shutil, subprocess, sys

FOLDERS = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"]
PROGRAM = [p for p in ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl") if os.path.exists(p)][0]

def read(path):
    with open(path) as file:
        return file.read().strip()

def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)

def run(case):
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
    for name, text in case["files"].items():
        write(name, text)
    for name, target in case["links"].items():
        os.makedirs(os.path.dirname(name), exist_ok=True)
        os.symlink(target, name)
    for name, text in case["first"].items():
        write(name, text)
    subprocess.run([PROGRAM], stderr=subprocess.DEVNULL)
    return {name: read(name) for name in case["read"]}

print(json.dumps({name: run(case) for name, case in json.load(sys.stdin).items()}))
"""
FIRST = {"swappiness": "33", "dirty_ratio": "22"}  # what no case says


def cases() -> dict[str, dict[str, Any]]:
    found = {one.stem: yaml.safe_load(one.read_text(encoding="utf-8")) for one in sorted(CASES.glob("*.yml"))}
    return {
        name: case
        for name, case in found.items()
        if all("sysctl" in file for file in case["files"])  # others than sysctl.d are not systemd-sysctl's
        and case.get("systemd") is not False
        and case.get("read_at_boot") is not False
        and case.get("key", "swappiness") in ("swappiness", "dirty_bytes")
    }


def expected(case: dict[str, Any]) -> dict[str, str]:
    """The values that are to be there afterwards, by path."""
    key, value = case.get("key", "swappiness"), case.get("value", "100")
    if case["expected"] is None:
        return {path(key): value}
    where, _says, number = case["expected"].rpartition(" says ")
    if number == "nothing":
        return {path(key): FIRST[key]}
    file, _comma, line = where.partition(", line ")
    text = case["files"][file].splitlines()[int(line) - 1]
    of_partner = "ratio" in text or "rat*" in text or "_r*" in text or "[qr]atio" in text
    return {path(group(key)[1] if of_partner else key): number}


@pytest.mark.parametrize("image", KERNELS)
def test_systemd_reads_the_files_as_we_do(machine: Machine, image: str) -> None:
    asked = {}
    for name, case in cases().items():
        key, value = case.get("key", "swappiness"), case.get("value", "100")
        ours = {"/etc/sysctl.d/90-highwater.conf": f"{full(key)} = {value}\n"}
        asked[name] = {
            "files": {**case["files"], **ours},
            "links": case.get("links", {}),
            "first": {path(first): text for first, text in FIRST.items()},
            "read": list(expected(case)),
        }
    machine.put("/root/precedence.py", GUEST)
    machine.put("/root/cases.json", json.dumps(asked))
    answer = json.loads(machine.shell("python3 /root/precedence.py < /root/cases.json"))
    assert answer == {name: expected(case) for name, case in cases().items()}
    assert len(answer) > 20
