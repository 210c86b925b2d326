# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated host that knows what zram, swap and the commands refuse, where pages go, and that memory is finite.

A mock, because no real kernel can be made to stop at each thing that a run does.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import struct

from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import BOOT_ID
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import HOT_ADD, HOT_REMOVE
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import CONTROL, PAGE

MIB = 2**20
RAM = 1024  # MiB, as all amounts here
COMPRESSION = 4
UNITS = "/etc/systemd/system"
DEFAULTS = {name: option.get("default") for name, option in ARGUMENTS.items()}


FRESH = {
    "comp_algorithm": "[lzo] lz4 zstd\n",
    "disksize": "0\n",
    "reset": "\n",
    "mem_limit": "\n",
    "backing_dev": "none\n",
    "bd_stat": "0 0 0\n",
    "recomp_algorithm": "",
    "algorithm_params": "",
}
SEALED = ("disksize", "comp_algorithm", "algorithm_params", "recomp_algorithm", "backing_dev")


def busy(path):
    return OSError(errno.EBUSY, "Device or resource busy", path)


class Kernel(Host):
    """A host whose kernel's zram and swap behave as Documentation/admin-guide/blockdev/zram.rst and mm/swapfile.c do.

    disturb(number): called before each thing that is done, with its number.
    signatures: what wipefs finds, by disk.
    """

    def __init__(self, root, disturb=lambda number: None):
        super().__init__(str(root), self.command)
        self.disturb, self.done, self.signatures = disturb, 0, {}
        if not self.exists("/proc/meminfo"):
            self.put("/proc/stat", "cpu  1\ncpu0 1\n")
            self.put("/proc/self/mounts", "")
            self.put("/proc/self/mountinfo", "")
            self.put("/proc/sys/kernel/osrelease", "6.12.0-test\n")
            self.put("/lib/modules/6.12.0-test/modules.dep", "kernel/drivers/block/zram/zram.ko:\n")
            self.put("/sys/devices/system/cpu/online", "0\n")
            self.make_folder("/run/systemd/system")
            self.put(BOOT_ID, "a boot\n")
            self.disk("vdb")
            self.pages = {"": 300}  # MiB of anonymous memory by the area that they are in, "" for RAM
            self.priorities = {}
            self.tell()
        self.done = 0

    @classmethod
    def after(cls, old, disturb=lambda number: None):
        """The same machine for another process."""
        new = cls(old.root, disturb)
        new.pages, new.priorities = old.pages, old.priorities
        return new

    def put(self, path, text):
        """A file of the kernel's own; in no time, unlike install()."""
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as file:
            file.write(text)

    def disk(self, name):
        for file, text in (("size", "2097152"), ("dev", "254:16"), ("ro", "0")):
            self.put("/sys/class/block/%s/%s" % (name, file), text + "\n")
        self.put("/dev/" + name, "")

    def happens(self):
        self.done += 1
        self.disturb(self.done)

    # -- memory ----------------------------------------------------------------------------------

    def available(self):
        return RAM - 40 - self.pages[""] - sum(self.pages[path] // COMPRESSION for path in self.priorities)

    def room(self, path):
        return int(super().read(self.attribute(path, "disksize"))) // MIB - self.pages[path]

    def swap_out(self):
        """What there is no memory for goes to swap, to areas of higher priority first."""
        for path in sorted(self.priorities, key=lambda path: -self.priorities[path]):
            while self.available() < 60 and self.room(path) >= COMPRESSION and self.pages[""] >= COMPRESSION:
                self.pages[""] -= COMPRESSION
                self.pages[path] += COMPRESSION
        assert self.available() >= 8, "out of memory: %s" % self.pages

    def use(self, more):
        self.pages[""] += more
        self.swap_out()
        self.tell()

    def tell(self):
        """What the kernel shows."""
        free = self.available() * 1024
        amounts = {"MemTotal": RAM * 1024, "MemFree": free, "MemAvailable": free, "AnonPages": self.pages[""] * 1024}
        amounts.update(CommitLimit=1, Committed_AS=0)
        self.put("/proc/meminfo", "".join("%s: %d kB\n" % amount for amount in amounts.items()))
        swaps = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        for path, priority in self.priorities.items():
            size = int(super().read(self.attribute(path, "disksize"))) // 1024 - 4
            swaps += "%s partition %d %d %d\n" % (path, size, self.pages[path] * 1024, priority)
        self.put("/proc/swaps", swaps)
        for name in self.devices():
            used = self.pages.get("/dev/" + name, 0) * MIB
            limit = int(super().read("/sys/block/%s/mem_limit" % name).strip() or "0")
            stat = (used, used // COMPRESSION, used // COMPRESSION, limit, 0, 0, 0, 0, 0)
            self.put("/sys/block/%s/mm_stat" % name, " ".join(map(str, stat)))

    # -- zram ------------------------------------------------------------------------------------

    def devices(self):
        return self.listdir("/sys/block")

    def attribute(self, path, file):
        return "/sys/block/%s/%s" % (path.rpartition("/")[2], file)

    def make(self, number):
        self.make_folder("/sys/block/zram%d" % number)
        for file, text in FRESH.items():
            self.put("/sys/block/zram%d/%s" % (number, file), text)
        self.put("/dev/zram%d" % number, "")
        self.tell()

    def unmake(self, name):
        for file in self.listdir("/sys/block/" + name):
            super().remove("/sys/block/%s/%s" % (name, file))
        self.remove_empty_folders("/sys/block/" + name, "/sys/block")
        super().remove("/dev/" + name)

    def read(self, path):
        if path != HOT_ADD:
            return super().read(path)
        self.happens()
        number = next(n for n in range(9) if "zram%d" % n not in self.devices())
        self.make(number)
        return "%d\n" % number

    def write_kernel(self, path, text):
        self.happens()
        if path == HOT_REMOVE:
            self.refuse_busy("/dev/zram" + text)
            return self.unmake("zram" + text)
        name, file = path.split("/")[-2:]
        size = int(super().read("/sys/block/%s/disksize" % name))
        if file == "reset":
            self.refuse_busy("/dev/" + name)
            # Of one without a size only the limit goes: the disk behind it, for one, stays claimed.
            return self.make(int(name[4:])) if size else self.write_kernel(self.attribute(path, "mem_limit"), "")
        if file in SEALED and size:
            raise busy(path)
        self.put(path, self.taken(path, file, text) + "\n")
        return self.tell()

    def taken(self, path, file, text):
        """What a file of the kernel's says after a write."""
        if file == "comp_algorithm":
            return " ".join("[%s]" % word if word == text else word for word in ("lzo", "lz4", "zstd"))
        if file == "recomp_algorithm":
            return "#{1[1]}: lzo [{0[1]}]".format(*(word.split("=") for word in text.split()))
        if file == "backing_dev" and self.readlink(text):  # shown by the kernel's own name
            text = "/dev/" + os.path.basename(self.readlink(text))
        # Opened for itself alone, since Linux 6.10 even beside what the same device has opened.
        if file == "backing_dev" and any(text == self.behind(name) for name in self.devices()):
            raise busy(path)
        if file == "mem_limit":
            return text.strip("0") and text
        return str(MIB) if text == "1M" else text

    def behind(self, name):
        return super().read("/sys/block/%s/backing_dev" % name).strip()

    def refuse_busy(self, path):
        if path in self.priorities:
            raise busy(path)

    # -- commands and files ----------------------------------------------------------------------

    def command(self, argv, timeout):
        argv = list(argv)
        if argv[0] == "systemd-run":
            argv = argv[argv.index("swapoff") :]
        self.happens()
        done = getattr(self, "command_" + argv[0].replace("-", "_"))(*argv[1:])
        return done or Completed(0, "", "")

    def command_modprobe(self, *words):
        if words[0] == "-r":
            for name in self.devices():
                self.refuse_busy("/dev/" + name)
                self.unmake(name)
            super().remove(HOT_ADD)
            super().remove(HOT_REMOVE)
            return self.remove_empty_folders(CONTROL, "/sys/class")
        self.put(HOT_ADD, "")
        self.put(HOT_REMOVE, "")
        return self.make(0)

    def command_mkswap(self, *words):
        label, path = (words[1] if words[0] == "-L" else ""), words[-1]
        assert path not in self.priorities
        assert int(super().read(self.attribute(path, "disksize"))), "mkswap: a device without a size"
        header = struct.pack("=1024xIII16s16s", 1, 0, 0, b"", label.encode())
        self.put(path, (header.ljust(PAGE - 10, b"\0") + b"SWAPSPACE2").decode("ascii"))

    def command_swapon(self, *words):
        assert super().read(words[-1]), "swapon: read swap header failed"
        self.priorities[words[-1]] = int(words[words.index("-p") + 1])
        self.pages.setdefault(words[-1], 0)
        self.swap_out()
        self.tell()

    def command_swapoff(self, path):
        """Page by page: each comes back, and others may have to go out for it."""
        del self.priorities[path]
        while self.pages[path]:
            step = min(COMPRESSION, self.pages[path])
            self.pages[path] -= step
            self.pages[""] += step
            # What is still in it takes memory though it is off for what is swapped out.
            self.priorities[path] = -99
            room, self.room = self.room, lambda other: 0 if other == path else type(self).room(self, other)
            self.swap_out()
            self.room = room
            del self.priorities[path]
        del self.pages[path]
        self.tell()

    def command_systemctl(self, *words):
        assert words == ("daemon-reload",)

    def install(self, path, text, mode=0o644):
        self.happens()
        super().install(path, text, mode)

    def remove(self, path):
        self.happens()
        super().remove(path)

    def link(self, path, target):
        self.happens()
        super().link(path, target)

    def command_wipefs(self, *words):
        assert "--all" not in words
        return Completed(0, self.signatures.get(words[-1], ""), "")

    # -- the boot --------------------------------------------------------------------------------

    def boots(self):
        """All that is in RAM is gone, and what is written for the boot is done."""
        self.disturb = lambda number: None
        self.priorities.clear()
        self.pages.clear()
        self.pages[""] = 300
        if self.exists(CONTROL):
            self.command_modprobe("-r", "zram")
        shutil.rmtree(self.path("/run"))
        self.make_folder("/run/systemd/system")
        self.put(BOOT_ID, "after %s" % super().read(BOOT_ID))
        self.tell()
        for unit in sorted(self.listdir(UNITS + "/swap.target.wants")):
            self.start(super().read("%s/%s" % (UNITS, unit)))

    def start(self, unit):
        """What a unit of ours runs, one line after the other, until one of them fails."""
        for line in re.findall(r"(?m)^ExecStart=([^-].*)$", unit):
            shell = re.match(r"/bin/sh -c '(.*)'$", line)
            if not self.does(shell.group(1) if shell else line):
                break

    def does(self, line):
        """Whether that line of shell succeeds."""
        if line.startswith("{"):
            return any(all(map(self.does, each[2:-3].split(" && "))) for each in line.split(" || "))
        if line.startswith("test -e"):
            return self.exists(CONTROL) or not self.command_modprobe("zram")
        if line.startswith("until"):
            assert self.exists("/sys/block/zram0")
            return True
        if line.startswith("wipefs"):
            assert "--types noswap " in line
            disk = re.search(r" (/dev/\S+)", line).group(1)
            return not set(self.signatures.get(disk, "").split()) - {"swap"}
        echo = re.match(r"echo (.*) > (\S+)$", line)
        try:
            done = self.write_kernel(*reversed(echo.groups())) if echo else self.command(line.split(), 0)
        except OSError:
            return False
        return done is None or done.status == 0


def state(kernel):
    """All that a run has to bring about: devices and swap with what is in them, files."""
    seen = {
        "swap": dict(kernel.priorities),
        "devices": {
            name: {file: Host.read(kernel, "/sys/block/%s/%s" % (name, file)) for file in (*SEALED, "mem_limit")}
            for name in kernel.devices()
        },
    }
    for folder in (
        "/run",
        "/etc/systemd/system",
        "/etc/systemd/system/swap.target.wants",
        "/var/lib/highwater/memory/zram_device",
        "/var/lib/highwater/memory/zram_module",
    ):
        seen[folder] = {
            file: Host.read(kernel, folder + "/" + file)
            for file in kernel.listdir(folder)
            if file not in kernel.subfolders(folder)
        }
    return seen


def run(kernel, options):
    return converge(resource, dict(DEFAULTS, **options), kernel, False)


BEFORE = {"size": "2GiB", "algorithm": ["lz4"], "headroom": "64MiB"}
