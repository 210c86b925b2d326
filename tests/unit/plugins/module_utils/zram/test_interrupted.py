# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is cut off, or that meets an error, at each thing that it does: the next run makes all right.

A mock, because no real kernel can be made to stop at each of them: it knows what zram, swap and the commands refuse,
where pages go, and that memory is finite. (tests/lab/test_zram_crash.py stops real runs between the steps.)

Fails where the second run does not end in the state that an undisturbed run ends in, where anything temporary stays,
where a page is lost or memory would have run out, or where an error leaves the device otherwise than it was.
"""

from __future__ import annotations

import errno
import os
import struct

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import converge
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import HOT_ADD, HOT_REMOVE
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import CONTROL, PAGE

MIB = 2**20
RAM = 1024  # MiB, as all amounts here
COMPRESSION = 4
DEFAULTS = {name: option.get("default") for name, option in ARGUMENTS.items()}


class CutOff(BaseException):
    """The process is gone: nothing is taken back."""


class Kernel(Host):
    """A host whose kernel's zram and swap behave as Documentation/admin-guide/blockdev/zram.rst and mm/swapfile.c do.

    disturb(number): called before each thing that is done, with its number.
    """

    def __init__(self, root, disturb=lambda number: None):
        super().__init__(str(root), self.command)
        self.disturb, self.done = disturb, 0
        if not self.exists("/proc/meminfo"):
            self.put("/proc/stat", "cpu  1\ncpu0 1\n")
            self.put("/proc/self/mounts", "")
            self.put("/proc/self/mountinfo", "")
            self.put("/proc/sys/kernel/osrelease", "6.12.0-test\n")
            self.put("/lib/modules/6.12.0-test/modules.dep", "kernel/drivers/block/zram/zram.ko:\n")
            self.put("/sys/devices/system/cpu/online", "0\n")
            self.make_folder("/run/systemd/system")
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
            stat = (used, used // COMPRESSION, used // COMPRESSION, 0, 0, 0, 0, 0, 0)
            self.put("/sys/block/%s/mm_stat" % name, " ".join(map(str, stat)))

    # -- zram ------------------------------------------------------------------------------------

    def devices(self):
        return self.listdir("/sys/block")

    def attribute(self, path, file):
        return "/sys/block/%s/%s" % (path.rpartition("/")[2], file)

    def make(self, number):
        self.make_folder("/sys/block/zram%d" % number)
        for file, text in (("comp_algorithm", "[lzo] lz4 zstd"), ("disksize", "0"), ("reset", ""), ("mem_limit", "")):
            self.put("/sys/block/zram%d/%s" % (number, file), text + "\n")
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
            return self.make(int(name[4:]))
        if file in ("disksize", "comp_algorithm") and size:
            raise OSError(errno.EBUSY, "Device or resource busy", path)
        if file == "comp_algorithm":
            text = " ".join("[%s]" % word if word == text else word for word in ("lzo", "lz4", "zstd"))
        return self.put(path, text + "\n")

    def refuse_busy(self, path):
        if path in self.priorities:
            raise OSError(errno.EBUSY, "Device or resource busy", path)

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


def state(kernel):
    """All that a run has to bring about: devices and swap with what is in them, files."""
    seen = {
        "swap": dict(kernel.priorities),
        "devices": {
            name: (
                Host.read(kernel, "/sys/block/%s/disksize" % name),
                Host.read(kernel, "/sys/block/%s/comp_algorithm" % name),
            )
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
SCENARIOS = {
    # name: (what was asked before, MiB in use beside, what is asked, whether the pages need a temporary device)
    "fresh": (None, 0, BEFORE, False),
    "resized": (BEFORE, 0, dict(BEFORE, size="1GiB"), False),
    "absent": (BEFORE, 0, {"state": "absent"}, False),
    "resized when full": (BEFORE, 1500, dict(BEFORE, size="3GiB"), True),
    "smaller when full": (BEFORE, 1500, dict(BEFORE, size="1900MiB"), True),
    "algorithm when full": (BEFORE, 1500, dict(BEFORE, algorithm=["zstd"]), True),
    "priority when full": (BEFORE, 1500, dict(BEFORE, priority=7), True),
    "not persistent when full": (BEFORE, 1500, dict(BEFORE, discard=False, persistent=False), True),
}


def prepared(root, scenario, disturb=lambda number: None):
    before, use, options, _full = SCENARIOS[scenario]
    kernel = Kernel(root)
    if before:
        run(kernel, before)
    kernel.use(use)
    return Kernel.after(kernel, disturb), options


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_undisturbed(tmp_path, scenario):
    kernel, options = prepared(tmp_path, scenario)
    held = sum(kernel.pages.values())
    done = run(kernel, options)
    assert any("temporary" in action for action in done["actions"]) == SCENARIOS[scenario][3]
    assert not any("temporary" in path for path in kernel.listdir("/run"))
    assert list(kernel.priorities) == ([] if options.get("state") else ["/dev/zram0"])
    assert sum(kernel.pages.values()) == held
    assert not run(kernel, options)["changed"]


def each_thing(tmp_path, scenario, disturbance):
    """The kernel after a run that was disturbed at the first thing that it does, at the second, to the last."""
    number = 0
    while True:
        number += 1
        root = tmp_path / str(number)
        root.mkdir()
        kernel, options = prepared(root, scenario)
        before = state(kernel)
        kernel.disturb = disturbance(number)
        try:
            run(kernel, options)
            break
        except (CutOff, HighwaterError, OSError):
            yield kernel, options, before
    assert number > 3, "nothing was disturbed"


def cut_off(number):
    """The run ends at the thing of that number."""

    def disturb(now):
        if now == number:
            raise CutOff

    return disturb


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_cut_off_at_each_thing(tmp_path, scenario):
    whole, options = prepared(tmp_path, scenario)
    run(whole, options)
    for kernel, options, _before in each_thing(tmp_path, scenario, cut_off):
        held = sum(kernel.pages.values())
        again = Kernel.after(kernel)
        run(again, options)
        assert state(again) == state(whole)
        assert sum(again.pages.values()) == held


@pytest.mark.parametrize("scenario", ["fresh", "absent"])
def test_cut_off_and_not_wanted_any_more(tmp_path, scenario):
    """Fails where name: all does not find what a run has left that was cut off before the record is there, or after."""
    nothing = Kernel(tmp_path)
    for kernel, _options, _before in each_thing(tmp_path, scenario, cut_off):
        again = Kernel.after(kernel)
        run(again, {"name": "all", "state": "absent"})
        assert state(again) == state(nothing)
        assert not again.exists(CONTROL)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_error_at_each_thing(tmp_path, scenario):
    def fail(number):
        def disturb(now):
            if now == number:
                raise OSError(errno.EIO, "Input/output error")

        return disturb

    for kernel, _options, before in each_thing(tmp_path, scenario, fail):
        assert state(kernel) == before
