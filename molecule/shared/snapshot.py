# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints, as JSON, what a role of ours could leave on a host: the kernel's settings and every file it may write.

Run on the host. It reads the kernel and the files itself and knows nothing of the collection, so that
two prints compare what the host is like before us and after `remove`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess

# Where a role could leave something, and what changes there by itself.
FOLDERS = ("/etc", "/usr/local", "/usr/lib/systemd", "/usr/lib/sysctl.d", "/var/lib", "/boot")
BY_ITSELF = re.compile(
    r"^/(etc/(mtab|ld\.so\.cache|resolv\.conf|adjtime|machine-id)|var/lib/(systemd|dbus|apt|dpkg|private|sudo)|boot/grub)(/|$)"
)
WATERMARK = re.compile(r"^\s+(?:(boost|min|low|high|managed)\s+(\d+)$|pages free)", re.M)


def text(path: str) -> str | None:
    """A file's content; None where it is missing or write-only."""
    try:
        with open(path, errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return None


def swaps() -> list[str]:
    """Path, kind, size and priority of each area; not how much of it is used."""
    lines = (text("/proc/swaps") or "").splitlines()[1:]
    return sorted(" ".join(field for i, field in enumerate(line.split()) if i != 3) for line in lines)


def zram() -> dict[str, dict[str, str]]:
    """Each zram device: size in bytes, the kernel's line of algorithms, mm_stat's limit."""
    names = sorted(name for name in os.listdir("/sys/block") if name.startswith("zram"))
    return {
        name: {
            "disksize": (text("/sys/block/%s/disksize" % name) or "").strip(),
            "comp_algorithm": (text("/sys/block/%s/comp_algorithm" % name) or "").strip(),
            "mem_limit": ((text("/sys/block/%s/mm_stat" % name) or "").split() + [""] * 4)[3],
        }
        for name in names
    }


def ram() -> int:
    """MemTotal in bytes."""
    match = re.search(r"MemTotal:\s+(\d+) kB", text("/proc/meminfo") or "")
    assert match, "no MemTotal in /proc/meminfo"
    return int(match.group(1)) * 1024


def vm() -> dict[str, str | None]:
    """All that can be read of /proc/sys/vm, but for what each boot computes anew from the memory that is free then."""
    names = set(os.listdir("/proc/sys/vm")) - {"user_reserve_kbytes", "admin_reserve_kbytes"}
    return {name: text("/proc/sys/vm/" + name) for name in sorted(names)}


def watermarks() -> list[int]:
    """min, low and high in pages, summed over zones, without the boost, which comes and goes.

    Zone by zone they move by some pages, for the same settings, when they are written for the first time after the
    boot: the kernel shares out by the size of the zones, and has given its own init memory to them meanwhile.
    """
    sums = [0, 0, 0]
    for zone in (text("/proc/zoneinfo") or "").split("\nNode "):
        found = {name: int(value) for name, value in WATERMARK.findall(zone) if name}
        if found.get("managed"):
            for at, name in enumerate(("min", "low", "high")):
                sums[at] += found[name] - found.get("boost", 0)
    return sums


def files() -> dict[str, str]:
    """Every file and link below FOLDERS and directly in /, with mode, owner and a digest of what it holds."""
    found = {"/" + name: describe("/" + name) for name in os.listdir("/") if not os.path.isdir("/" + name)}
    for top in FOLDERS:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if not BY_ITSELF.match(folder + "/" + name)]
            for name in folders + names:
                path = folder + "/" + name
                if not BY_ITSELF.match(path):
                    found[path] = describe(path)
    return found


def describe(path: str) -> str:
    status = os.lstat(path)
    kind = ""
    if stat.S_ISLNK(status.st_mode):
        kind = "-> " + os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            # A swapfile changes as it is used: its size will do.
            kind = str(status.st_size) if status.st_size > 1 << 26 else hashlib.sha256(file.read()).hexdigest()
    return "%o %d:%d %s" % (status.st_mode, status.st_uid, status.st_gid, kind)


def units() -> list[str]:
    """What systemd has made of fstab, and the swap units that are active; none in a container.

    Unit files and whether they are enabled are files and links below /etc, which files() sees.
    """
    generated = "/run/systemd/generator"
    if not os.path.exists(generated):
        return []
    argv = ["systemctl", "--no-legend", "--plain", "list-units", "--type=swap", "--state=active"]
    listed = subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    return sorted(os.listdir(generated)) + sorted(line.split()[0] for line in listed)


def main() -> None:
    print(
        json.dumps(
            {
                "swaps": swaps(),
                "zram": zram(),
                "zram_module": "\nzram " in "\n" + (text("/proc/modules") or ""),
                "vm": vm(),
                "watermarks": watermarks(),
                "ram": ram(),
                "swapfile_size": os.stat("/swapfile").st_size if os.path.exists("/swapfile") else None,
                "fstab": text("/etc/fstab"),
                "files": files(),
                "units": units(),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
