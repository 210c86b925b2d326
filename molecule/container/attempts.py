# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints, as JSON, with which error each attempt to change the kernel's settings ended; null where it went through.

Harmless where one goes through: what is given to swapon(2) is no swap, to swapoff(2) no swap that is on, what is
written is what is there. The kernel asks for the capability before it looks at any of that.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import stat
import tempfile

MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096  # linux/mount.h


def call(name: str, *arguments: object) -> str | None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) == 0:
        return None
    return errno.errorcode[ctypes.get_errno()]


def write_back(path: str) -> str | None:
    try:
        with open(path) as file:
            value = file.read()
        with open(path, "w") as file:
            file.write(value)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return None


def create_zram() -> str | None:
    """Without reading the file, since that alone makes a device: container.py must have put another in its place."""
    control = "/sys/class/zram-control/hot_add"
    if not os.path.exists(control):
        return "ENOENT"
    return "hidden" if stat.S_ISCHR(os.stat(control).st_mode) else None


def main() -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(1 << 20)
        path = file.name.encode()
        attempts = {
            "swapon(2)": call("swapon", path, 0),
            "swapoff(2)": call("swapoff", path),
            "remount /proc/sys": call("mount", None, b"/proc/sys", None, MS_REMOUNT | MS_BIND | MS_RDONLY, None),
            "write /proc/sys/vm/swappiness": write_back("/proc/sys/vm/swappiness"),
            "create zram": create_zram(),
        }
    print(json.dumps(attempts))


if __name__ == "__main__":
    main()
