# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Every state that a swapfile can be found in, on a real filesystem: converge, look, converge again, give all back.

Runs as root on the machine itself, all in one process, since hundreds of remote calls would take half an hour. It turns
swap on and off and rewrites /etc/fstab (put back at the end): on a machine of the lab, or on one that may be broken.

    python3 swapfile_states.py --filesystem xfs [CASE ...]

systemd is not told of fstab unless --systemd says so: it takes seconds on an emulated machine, three times a case, and
the integration target has that.

What it looks at: /proc/swaps, the file and its folder, its header by blkid, fstab byte for byte; never what the module
returns, but for `changed`, and whether check mode told what came. It prints a line of JSON for each case, `wrong` being
what was not as it has to be.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from typing import Any, Iterator, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.arguments import ARGUMENTS
from swapfile_cases import CASES, OTHERS, PRELUDE, Case

MIB = 1 << 20
SIZE = 24 * MIB
LOOP = 512 * MIB  # of the filesystem; xfs takes no less than 300 MiB
FSTAB = "/etc/fstab"
MODE, GROUP = 0o604, 8  # of fstab before, unlike what a new one gets

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "swapfile_pages.py")


class Machine:
    """The filesystem, and what is looked at on it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.point = "/mnt/hw-states-" + kind
        self.image = "/var/tmp/hw-states-%s.img" % kind

    def mount(self) -> None:
        os.makedirs(self.point, exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(LOOP)
        force = ["-F"] if self.kind == "ext4" else ["-f"]
        command("mkfs." + self.kind, "-q", *force, self.image)
        command("mount", "-o", "loop", self.image, self.point)

    def unmount(self) -> None:
        subprocess.run(["umount", self.point], check=False)
        if not os.path.ismount(self.point):
            os.rmdir(self.point)
        os.unlink(self.image)

    def folder(self, number: int) -> str:
        return "%s/%d" % (self.point, number)


def command(*argv: str) -> str:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit("%s: %s" % (" ".join(argv), done.stderr))
    return done.stdout


def areas(below: str) -> dict[str, tuple[int, int]]:
    """Priority and size of the areas that are on below a folder, by path."""
    with open("/proc/swaps") as swaps:
        rows = [line.split() for line in swaps.read().splitlines()[1:]]
    found = {row[0].replace("\\040", " "): (int(row[4]), int(row[2]) * 1024) for row in rows}
    return {path: found[path] for path in found if path.startswith(below + "/")}


def read_fstab() -> str | None:
    try:
        with open(FSTAB, newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_fstab(text: str | None, mode: int = 0o644) -> None:
    if text is None:
        os.unlink(FSTAB)
        return
    with open(FSTAB, "w", newline="") as file:
        file.write(text)
    os.chmod(FSTAB, mode)
    os.chown(FSTAB, 0, GROUP if mode == MODE else 0)


class Quick(Host):
    """The machine as if it had booted without systemd."""

    def exists(self, path: str) -> bool:
        return path != "/run/systemd/system" and super().exists(path)


host: Host = Quick()


def call(check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """One call of the module, in this process; what it returns."""
    given = {"headroom": "16MiB", **options}
    validated = ArgumentSpecValidator(ARGUMENTS).validate(given)
    if validated.error_messages:
        raise HighwaterError(validated.error_messages[0])
    with host.lock():
        return converge(resource, validated.validated_parameters, host, check_mode)


def run(**options: Any) -> bool:
    """The same; whether it changed anything."""
    return bool(call(**options)["changed"])


def names_below(folder: str) -> set[str]:
    """The files below a folder, by their path from it; snapshots are others' business."""
    found = set()
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "shot"]
        found |= {os.path.relpath(os.path.join(where, name), folder) for name in names}
    return found


def wrongs(case: Case, folder: str, path: str, fstab: str, mode: int) -> Iterator[str]:
    """What is not as it has to be, while the swapfile is to be present."""
    wanted = {path: (10, SIZE - os.sysconf("SC_PAGE_SIZE"))}
    found = areas(folder)
    others = {os.path.join(folder, name) for name in case.on}
    if {key: found[key] for key in found if key not in others} != wanted:
        yield "on are %s instead of %s" % (found, wanted)
    if not others <= set(found):
        yield "no longer on: %s" % sorted(others - set(found))
    status = os.lstat(path)
    if (stat.S_ISREG(status.st_mode), status.st_mode & 0o7777, status.st_uid, status.st_gid) != (True, 0o600, 0, 0):
        yield "mode %o, owner %d:%d" % (status.st_mode, status.st_uid, status.st_gid)
    if status.st_size != SIZE:
        yield "it has %d bytes" % status.st_size
    header = dict(line.split("=", 1) for line in command("blkid", "-p", "-o", "export", path).splitlines())
    if header.get("TYPE") != "swap" or header.get("LABEL", "") != case.options.get("label", header.get("LABEL", "")):
        yield "its header: %s" % header
    names = names_below(folder)
    if names != {case.name, *case.beside}:
        yield "in its folder: %s" % sorted(names)
    if read_fstab() != fstab:
        yield "fstab is %r instead of %r" % (read_fstab(), fstab)
    of_fstab = os.stat(FSTAB)
    if (stat.S_IMODE(of_fstab.st_mode), of_fstab.st_gid) != (mode, GROUP if mode == MODE else 0):
        yield "fstab has the mode %o and group %d" % (of_fstab.st_mode, of_fstab.st_gid)


def expected_fstab(case: Case, path: str, before: str | None) -> str:
    policy = case.options.get("discard", "")
    discard = {"": "", "both": ",discard"}.get(policy, ",discard=" + policy)
    line = "%s none swap sw,pri=10,nofail%s 0 0" % (path.replace(" ", "\\040"), discard)
    return (before or "") + line + "\n" if case.expects is None else case.expects.replace("LINE", line)


def examine(machine: Machine, number: int, case: Case) -> Iterator[str]:
    """Bring the state about, and yield what is wrong after each run."""
    folder = machine.folder(number)
    path = os.path.join(folder, case.name)
    os.mkdir(folder, 0o755)
    write_fstab(OTHERS, mode=MODE)
    environment = {**os.environ, "F": path, "D": folder, "FS": machine.kind, "PAGES": PAGES}
    wrong = shell(case.setup, environment)
    if wrong:
        yield "the state did not come about: " + wrong
        return
    before, was_on, was_there = read_fstab(), areas(folder), names_below(folder)
    fstab, mode = expected_fstab(case, path, before), 0o644 if before is None else MODE
    options = {"path": path, "size": "24MiB", "priority": 10, "keep_free": "16MiB", **case.options}

    told = call(check_mode=True, **options)
    if not told["changed"]:
        yield "check mode says that nothing is to do"
    if (read_fstab(), areas(folder), names_below(folder)) != (before, was_on, was_there):
        yield "check mode changed something"
    first = call(**options)
    yield from wrongs(case, folder, path, fstab, mode)
    yield from untrue(told, first, call(**options))
    yield from wrongs(case, folder, path, fstab, mode)
    wrong = shell(case.after, environment)
    if wrong:
        yield wrong

    run(path="all", state="absent")
    if read_fstab() != before:
        yield "given back, fstab is %r instead of %r" % (read_fstab(), before)
    left = {path} if case.kept and path in was_on else set()
    left |= {os.path.join(folder, name) for name in case.on}
    if set(areas(folder)) != left:
        yield "given back, on are %s" % sorted(areas(folder))
    if os.path.exists(path) != case.kept:
        yield "given back, the file is %s" % ("there" if not case.kept else "gone")


def untrue(told: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """What of two runs is not as check mode told before them; of figures in words, as of what is in use, it may be."""
    done, would = ([re.sub(r"[\d.]+", "#", words) for words in each["actions"]] for each in (first, told))
    if done != would:
        yield "check mode told %s instead of %s" % (would, done)
    if not first["changed"]:
        yield "the first run says that it changed nothing"
    if second["changed"]:
        yield "the second run changed something"
    for when, diff in (("before", told["diff"]["before"]), ("after", second["diff"]["before"])):
        if first["diff"][when] != diff:
            yield "the diff has %s %s instead of %s" % (first["diff"][when], when, diff)
    if told["diff"]["after"] != first["diff"]["after"]:
        yield "check mode told of %s instead of %s" % (told["diff"]["after"], first["diff"]["after"])


def shell(text: str, environment: Mapping[str, str]) -> str:
    """What went wrong; nothing where nothing did."""
    argv = ["sh", "-ec", PRELUDE + text]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=180)
    return "%s: %s" % (text, done.stderr or done.stdout) if done.returncode else ""


def attempt(machine: Machine, number: int, case: Case) -> list[str]:
    """All that is wrong; an error of the module is a wrong like any other."""
    found: list[str] = []
    try:
        for wrong in examine(machine, number, case):
            found.append(wrong)
    except Exception as error:
        found.append("%s: %s" % (type(error).__name__, error))
    finally:
        for path in areas(machine.folder(number)):
            subprocess.run(["swapoff", path], check=False)
        shutil.rmtree(machine.folder(number), ignore_errors=True)
        with open(machine.folder(number) + ".stop", "w"):
            pass
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filesystem", choices=["ext4", "xfs", "btrfs", "f2fs"], default="ext4")
    parser.add_argument("--systemd", action="store_true", help="have systemd told of each change")
    parser.add_argument("cases", nargs="*", help="all when none is named")
    asked = parser.parse_args(arguments)
    if asked.systemd:
        global host
        host = Host()
    here = {name: case for name, case in CASES.items() if asked.filesystem in (case.filesystems or (asked.filesystem,))}
    machine, original = Machine(asked.filesystem), read_fstab()
    machine.mount()
    failed = 0
    try:
        for number, name in enumerate(asked.cases or here):
            began = time.monotonic()
            wrong = attempt(machine, number, here[name])
            failed += bool(wrong)
            seconds = round(time.monotonic() - began, 2)
            print(json.dumps({"case": name, "wrong": wrong, "seconds": seconds}), flush=True)
    finally:
        write_fstab(original)
        machine.unmount()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
