# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The device through which an encrypted swapfile is used: dm-crypt, with a key that is forgotten when it goes, on a
loop device that cryptsetup(8) sets up on the file and that goes with it.
"""

from __future__ import annotations

import os
import re
from typing import Dict

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

PREFIX = "highwater-"
FOLDER = "/dev/mapper"
LONGEST_NAME = 127  # DM_NAME_LEN of linux/dm-ioctl.h is 128, with the zero at its end
# A key of 512 bits is AES-256 in XTS mode. Sectors as large as the smallest page: nothing less is ever written.
CIPHER, KEY_BITS, SECTOR, KEY = "aes-xts-plain64", 512, 4096, "/dev/urandom"
TIMEOUT = 120.0  # the kernel may have to load its ciphers first

Mapped = Dict[str, str]


def mapping_name(path: str) -> str:
    """What the device of a file is called: ``highwater-var-swap`` for /var/swap; no two files have the same."""
    escaped = re.sub(rb"[^A-Za-z0-9./]", lambda byte: b"_%02x" % byte.group()[0], os.fsencode(path[1:]))
    return PREFIX + escaped.decode("ascii").replace("/", "-")


def _file_of(name: str) -> str:
    """The file that a device of ours is called after."""
    plain = name[len(PREFIX) :].replace("-", "/").encode("ascii", "replace")
    return "/" + os.fsdecode(re.sub(rb"_([0-9a-f]{2})", lambda code: bytes((int(code.group(1), 16),)), plain))


def node(name: str) -> str:
    """The device's file."""
    return "%s/%s" % (FOLDER, name)


def by_file(host: Host, areas: tuple[SwapArea, ...]) -> tuple[tuple[SwapArea, ...], Mapped, tuple[str, ...]]:
    """The areas, those on the device of an encrypted file by that file's path; of each such file the device's name; and
    the paths of those that were removed or moved since, where another file may stand by now.

    A device of ours, which has its name from the path that it was made for, counts also where no swap is on it.
    """
    devices = {os.path.basename(area.path) for area in areas if area.path.startswith("/dev/dm-")}
    for name in host.listdir(FOLDER):
        if name.startswith(PREFIX):
            devices.add(os.path.basename(host.readlink(node(name)) or ""))
    files = {}
    mapped = {}
    gone = []
    for device in devices - {""}:
        behind = _file_behind(host, device)
        name = (host.read("/sys/block/%s/dm/name" % device) or "").strip()
        if behind and name:
            # The kernel marks a file that is gone, and follows one that is renamed, of which we would know nothing.
            file = _file_of(name) if name.startswith(PREFIX) else re.sub(r" \(deleted\)\Z", "", behind)
            files["/dev/" + device] = file
            mapped[file] = name
            gone += [file] if file != behind else []
    return tuple(area._replace(path=files.get(area.path, area.path)) for area in areas), mapped, tuple(gone)


def _file_behind(host: Host, device: str) -> str | None:
    """The file of the loop device that a dm-crypt device is on, in the kernel's words; None for any other device."""
    if not (host.read("/sys/block/%s/dm/uuid" % device) or "").startswith("CRYPT-"):
        return None
    below = host.listdir("/sys/block/%s/slaves" % device)
    file = host.read("/sys/block/%s/loop/backing_file" % below[0]) if len(below) == 1 else None
    return file.rstrip("\n") if file else None


class Open(NamedTuple):
    """A new device on a file, with a new key, formatted as swap; what an earlier run has left open goes first."""

    path: str
    name: str

    def perform(self, host: Host) -> None:
        if host.exists(node(self.name)):
            Close(self.name).perform(host)
        host.run(
            *("cryptsetup", "open", "--batch-mode", "--type", "plain", "--cipher", CIPHER, "--key-size", str(KEY_BITS)),
            *("--sector-size", str(SECTOR), "--key-file", KEY, host.path(self.path), self.name),
            timeout=TIMEOUT,
        )
        try:
            host.run("mkswap", node(self.name), timeout=TIMEOUT)
        except BaseException:
            host.run(*Close(self.name).argv(), check=False, timeout=TIMEOUT)  # the first error is the one to show
            raise


class Close(NamedTuple):
    """Take the device away, and with it the key; whatever was in the file is noise from then on."""

    name: str

    def argv(self) -> tuple[str, ...]:
        """The command that does it."""
        return ("cryptsetup", "close", self.name)

    def perform(self, host: Host) -> None:
        # udev may still be looking at a device that has just changed: cryptsetup tries again by itself for a while.
        host.run(*self.argv(), timeout=TIMEOUT)
