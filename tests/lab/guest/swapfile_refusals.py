# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""All that a swapfile must refuse, or must leave as it was where a step fails: on real filesystems, as root.

The same rules as in swapfile_states.py. After each case the folder, fstab, the swap areas and our own record have to be
as they were, byte for byte.

    python3 swapfile_refusals.py [CASE ...]
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from swapfile_cases import OTHERS
from swapfile_states import FSTAB, Machine, areas, read_fstab, run, write_fstab

RECORD = "/var/lib/highwater"
CAP_SYS_ADMIN, CAPABILITIES_3 = 21, 0x20080522  # linux/capability.h

# A filesystem writes to its image by itself, so that lies beside the folder that is looked at.
PRELUDE = """
swap() { fallocate -l "$2" "$1"; chmod 600 "$1"; mkswap "$1"; }
acl() { python3 -c 'import os, struct, sys
# What setfacl -m u:7:rwx makes of 0755: owner, user 7, group, mask, others.
entries = ((1, 7, -1), (2, 7, 7), (4, 5, -1), (16, 7, -1), (32, 5, -1))
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
os.setxattr(sys.argv[1], "system.posix_acl_access", acl)' "$1"; }
image() { truncate -s "$2" "$D.$1"; losetup -f --show "$D.$1" > "$D.$1.loop"; }
"""


class Refusal(NamedTuple):
    """setup: how it comes about, D being its folder; path: below the folder unless absolute; options: beside size.

    reason, says: what the error has to be. clean: what undoes the setup. without: a capability to be without.
    needs: a file of the kernel's without which there is no such case.
    """

    setup: str
    reason: str
    says: str
    path: str = "swap"
    options: Mapping[str, Any] = MappingProxyType({})
    clean: str = ":"
    without: int | None = None
    needs: str = "/proc/swaps"


ABSENT = {"state": "absent"}
PAGE = os.sysconf("SC_PAGE_SIZE")
SUSPENDED = f"truncate -s 24M $D/swap; printf S1SUSPEND | dd of=$D/swap bs=1 seek={PAGE - 10} conv=notrunc"
FOREIGN = SUSPENDED.replace(str(PAGE - 10), str((PAGE << 1) - 10))
OFFSET = "/sys/power/resume_offset"
RESUMED = (
    "swap $D/swap 24M; sync; "
    f"filefrag -v $D/swap | awk '$1 == \"0:\" {{print $4 + 0}}' > {OFFSET}; test $(cat {OFFSET}) -gt 0"
)
PRECIOUS = 'echo precious > "$D/swap"'
UNMOUNT = 'umount "$D/m"'

LINKED = "cp /etc/fstab /etc/fstab.real; ln -sf fstab.real /etc/fstab"
UNLINKED = "rm /etc/fstab; mv /etc/fstab.real /etc/fstab"

CASES = {
    # -- filesystems ---------------------------------------------------------------------------------------------------
    "tmpfs": Refusal("mkdir $D/m; mount -t tmpfs hw $D/m", "filesystem", "is on tmpfs", "m/swap", clean=UNMOUNT),
    "overlay": Refusal(
        "mkdir $D/m $D/l $D/u $D/w; mount -t overlay hw -o lowerdir=$D/l,upperdir=$D/u,workdir=$D/w $D/m",
        "filesystem",
        "is on overlay",
        "m/swap",
        clean=UNMOUNT,
    ),
    "proc": Refusal(":", "filesystem", "is on proc", "/proc/swap"),
    "read-only": Refusal(
        "mkdir $D/m; image i 128M; mkfs.ext4 -q $D.i; mount -o ro $(cat $D.i.loop) $D/m",
        "filesystem",
        "mounted read-only",
        "m/swap",
        clean=UNMOUNT + "; losetup -d $(cat $D.i.loop)",
    ),
    "btrfs of two devices": Refusal(
        "mkdir $D/m; image i 128M; image j 128M; mkfs.btrfs -q -f $(cat $D.i.loop) $(cat $D.j.loop); "
        "btrfs device scan; mount $(cat $D.i.loop) $D/m",
        "filesystem",
        "a btrfs of 2 devices",
        "m/swap",
        clean=UNMOUNT + "; losetup -d $(cat $D.i.loop) $(cat $D.j.loop)",
    ),
    "btrfs that keeps data twice": Refusal(
        "mkdir $D/m; image i 256M; mkfs.btrfs -q -f -d dup $(cat $D.i.loop); mount $(cat $D.i.loop) $D/m",
        "filesystem",
        "another profile than single",
        "m/swap",
        clean=UNMOUNT + "; losetup -d $(cat $D.i.loop)",
    ),
    # -- what stands there ---------------------------------------------------------------------------------------------
    "a link": Refusal("swap $D/real 24M; ln -s real $D/swap", "not_a_file", "is a symbolic link"),
    "a link to nothing": Refusal("ln -s nothing $D/swap", "not_a_file", "is a symbolic link"),
    "a link on the way": Refusal("mkdir $D/real; ln -s real $D/m", "symlink", "goes through", "m/swap"),
    "a file on the way": Refusal("echo > $D/m", "symlink", "goes through", "m/swap"),
    "a folder": Refusal("mkdir $D/swap", "not_a_file", "is a folder"),
    "a pipe": Refusal("mkfifo $D/swap", "not_a_file", "not a regular file"),
    "a device": Refusal("mknod $D/swap b 7 250", "not_a_file", "not a regular file"),
    "somebody's file": Refusal(PRECIOUS, "not_swap", "somebody's file"),
    "somebody's file, absent": Refusal(PRECIOUS, "not_swap", "somebody's file", options=ABSENT),
    **{
        f"somebody's file, in fstab{what}": Refusal(
            PRECIOUS + '; echo "$D/swap none swap sw 0 0" >> /etc/fstab', "not_swap", "somebody's file", options=options
        )
        for what, options in (("", {}), (", absent", ABSENT), (", disabled", {"state": "disabled"}))
    },
    "zeros, absent": Refusal("truncate -s 1M $D/swap", "not_swap", "somebody's file", options=ABSENT),
    "a hibernated system": Refusal(SUSPENDED, "hibernation", "hibernated system"),
    "a hibernated system of another page size": Refusal(FOREIGN, "hibernation", "hibernated system"),
    "a hibernated system, absent": Refusal(SUSPENDED, "hibernation", "hibernated system", options=ABSENT),
    **{
        f"the file to resume from{what}": Refusal(
            RESUMED, "hibernation", "resume_offset is", options=options, clean=f"echo 0 > {OFFSET}", needs=OFFSET
        )
        for what, options in (("", {"size": "16MiB"}), (", absent", ABSENT))
    },
    # -- folders of others ---------------------------------------------------------------------------------------------
    "a folder for all": Refusal("mkdir -m 777 $D/m", "folder", "mode 0777", "m/swap"),
    "a folder for all, sticky": Refusal("mkdir -m 1777 $D/m", "folder", "mode 1777", "m/swap"),
    "a folder of a group": Refusal("mkdir -m 775 $D/m; chgrp 100 $D/m", "folder", "0:100", "m/swap"),
    "a folder with an access list": Refusal("mkdir $D/m; acl $D/m", "folder", r"mode 0775\+, owner 0:0", "m/swap"),
    "a folder of somebody": Refusal("mkdir $D/m; chown 7 $D/m", "folder", "7:0", "m/swap"),
    "below a folder of somebody": Refusal("mkdir -p $D/m/n; chown 7 $D/m", "folder", "7:0", "m/n/swap"),
    "a folder for all, absent": Refusal(
        "mkdir -m 777 $D/m; swap $D/m/swap 24M", "folder", "mode 0777", "m/swap", ABSENT
    ),
    # -- options -------------------------------------------------------------------------------------------------------
    **{
        f"size {size}": Refusal(":", "options", f"size: {size} {says}", options={"size": size})
        for size, says in (
            ("512", "has no unit"),
            ("-1GiB", "is negative"),
            ("0", "is not even one byte"),
            ("ram / 0", "divides by zero"),
            ("4KiB", "is 4 KiB: write at least 1MiB"),
        )
    },
    "size for no disk": Refusal(":", "disk", "9 TiB for .* would leave nothing free", options={"size": "9TiB"}),
    "keep_free": Refusal(":", "disk", "less than keep_free: 1 TiB", options={"keep_free": "1TiB"}),
    "headroom": Refusal(
        "swap $D/swap 16M; swapon $D/swap; python3 $PAGES $D.stop $D.result",
        "headroom",
        "less than headroom: 1 TiB",
        options={"headroom": "1TiB"},
        clean="touch $D.stop",
    ),
    **{
        f"priority {number}": Refusal(":", "options", f"priority: {number} .*32767", options={"priority": number})
        for number in (-1, 32768)
    },
    "label": Refusal(":", "options", "at most 15", options={"label": "sixteen bytes..."}),
    **{
        f"path {path!r}": Refusal(":", "options", "^path: ", path=path)
        for path in ("", "/", "//swapfile", "/a/../swapfile", "/swapfile/", "/swap\nfile", "/swap\x1bfile")
    },
    "a path that is too long": Refusal(":", "options", "^path: .* is too long", path="/" + "/".join(["a b"] * 50)),
    "a name that is too long": Refusal(":", "options", "^path: .* is too long", path="/" + "x" * 255),
    # -- what fails half-way -------------------------------------------------------------------------------------------
    "no right to swap on": Refusal(":", "not_permitted", "is not permitted here", without=CAP_SYS_ADMIN),
    "no right to swap on again": Refusal(
        "swap $D/swap 16M; chattr +i $D/swap", "kernel", "not permitted", clean="chattr -i $D/swap"
    ),
    "fstab is a link": Refusal(LINKED, "symlink", "symbolic link", clean=UNLINKED),
    "fstab is a link, one that is on": Refusal(
        "swap $D/swap 24M; swapon $D/swap; " + LINKED, "symlink", "symbolic link", clean=UNLINKED
    ),
    "fstab must not change": Refusal("chattr +i /etc/fstab", "kernel", "not permitted", clean="chattr -i /etc/fstab"),
}  # fmt: skip


def shell(text: str, folder: str) -> str:
    """What went wrong; nothing where nothing did."""
    environment = {**os.environ, "D": folder, "PAGES": __file__.replace("refusals", "pages")}
    done = subprocess.run(["sh", "-ec", PRELUDE + text], env=environment, capture_output=True, text=True)
    return f"{text}: {done.stderr or done.stdout}" if done.returncode else ""


def snapshot(folder: str) -> dict[str, str]:
    """All there is below a folder and below our record, fstab, and the areas that are on."""
    found = {FSTAB: repr(read_fstab()), "on": repr(areas(folder))}
    for above in (folder, RECORD):
        for where, folders, names in os.walk(above):
            for name in folders + names:
                path = os.path.join(where, name)
                status = os.lstat(path)
                found[path] = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
                if stat.S_ISREG(status.st_mode):
                    with open(path, "rb") as file:
                        found[path] += f" {status.st_size} {hashlib.sha256(file.read()).hexdigest()}"
    return found


def attempt(case: Refusal, folder: str) -> list[str]:
    """All that is wrong."""
    os.mkdir(folder, 0o755)
    write_fstab(OTHERS)
    wrong = shell(case.setup, folder)
    if wrong:
        return ["the state did not come about: " + wrong]
    before = snapshot(folder)
    path = case.path if case.path.startswith("/") or not case.path else os.path.join(folder, case.path)
    options = {"path": path, "size": "24MiB", "keep_free": "16MiB", **case.options}
    try:
        in_a_child(options, case)
        found = []
    except AssertionError as error:
        found = [str(error)]
    after = snapshot(folder)
    found += [
        f"{key}: {before.get(key)} became {after.get(key)}"
        for key in before | after
        if before.get(key) != after.get(key)
    ]
    for area in areas(folder):
        subprocess.run(["swapoff", area], check=False)
    wrong = shell(case.clean, folder)
    return found + ([wrong] if wrong else [])


def in_a_child(options: dict[str, Any], case: Refusal) -> None:
    """In a process of its own, since what it is without it cannot get back; AssertionError where it goes otherwise."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        if case.without is not None:
            be_without(case.without)
        os.write(writing, json.dumps(outcome(options)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as answer:
        reason, message = json.load(answer)
    assert reason == case.reason, f"{reason}: {message}"
    assert re.search(case.says, message), message


def be_without(capability: int) -> None:
    """Give up a capability below 32; this process does not get it back."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, of the lower 32 and then of the others
    assert libc.capget(header, sets) == 0
    for number in range(3):
        sets[number] &= ~(1 << capability)
    assert libc.capset(header, sets) == 0, os.strerror(ctypes.get_errno())


def outcome(options: dict[str, Any]) -> tuple[str, str]:
    try:
        run(**options)
    except HighwaterError as error:
        return error.reason, error.message
    except Exception as error:
        return type(error).__name__, str(error)
    return "none", "it was not refused"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="all when none is named")
    machine, original = Machine("ext4"), read_fstab()
    machine.mount()
    failed = 0
    try:
        here = [name for name, case in CASES.items() if os.path.exists(case.needs)]
        for number, name in enumerate(parser.parse_args(arguments).cases or here):
            wrong = attempt(CASES[name], machine.folder(number))
            failed += bool(wrong)
            print(json.dumps({"case": name, "wrong": wrong}), flush=True)
    finally:
        write_fstab(original)
        machine.unmount()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
