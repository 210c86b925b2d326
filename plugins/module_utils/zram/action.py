# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions of their own that zram needs; each can be carried out now and written down for the next boot."""

from __future__ import annotations

import errno
import time
from typing import NamedTuple

from ansible_collections.highwater.memory.plugins.module_utils.core.boot import echo
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import BUSY_PATIENCE, Run, Write, cause
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.zram.spec import Algorithm, choose, without_params
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import CONTROL, attribute

HOT_ADD, HOT_REMOVE = CONTROL + "/hot_add", CONTROL + "/hot_remove"

# What disksize says where the algorithm is listed but its crypto module cannot be loaded, or takes no such parameter.
NOT_TO_BE_HAD = (errno.EINVAL, errno.ENOMEM, errno.ENOENT)


class Load(NamedTuple):
    """Load the kernel module, which makes zram0 on the way."""

    def perform(self, host: Host) -> None:
        host.run("modprobe", "zram")

    def boot_commands(self) -> tuple[str, ...]:
        return ("test -e %s || modprobe zram" % CONTROL,)


class Unload(NamedTuple):
    """Unload the kernel module; udev may hold a device for a moment."""

    patience: float = BUSY_PATIENCE

    def perform(self, host: Host) -> None:
        end = time.monotonic() + self.patience
        while host.run("modprobe", "-r", "zram", check=time.monotonic() >= end).status != 0:
            time.sleep(0.1)


class Add(NamedTuple):
    """Make the device of that number: the kernel gives the lowest free one, so those before it go again."""

    number: int

    def perform(self, host: Host) -> None:
        on_the_way = []
        try:
            while not host.exists("/sys/block/zram%d" % self.number):
                given = int(host.must_read(HOT_ADD))
                if given != self.number:
                    on_the_way.append(given)
                if given > self.number:
                    raise HighwaterError("the kernel gives zram%d instead of zram%d" % (given, self.number))
        finally:
            for number in on_the_way:
                remove(number).perform(host)

    def boot_commands(self) -> tuple[str, ...]:
        return ("until test -e /sys/block/zram%d; do cat %s || exit 1; done" % (self.number, HOT_ADD),)


def remove(number: int) -> Write:
    """Take a device away."""
    return Write(HOT_REMOVE, str(number), patience=BUSY_PATIENCE)


class SetUp(NamedTuple):
    """Give a device that is not set up its algorithm and size (bytes): the first of the list that works.

    The kernel's list may name what it cannot load, which only the size brings to light; so the two go together.
    """

    name: str
    algorithms: tuple[Algorithm, ...]
    size: int

    def perform(self, host: Host) -> None:
        offered = parse_choice(host.must_read(attribute(self.name, "comp_algorithm"))).offered
        refused = []
        for algorithm in choose(self.algorithms, offered):
            if algorithm.params and not host.exists(attribute(self.name, "algorithm_params")):
                raise without_params(algorithm)
            try:
                for write in self.writes(algorithm):
                    write.perform(host)
                return
            except OSError as error:
                if error.errno not in NOT_TO_BE_HAD:
                    raise
                refused.append("%s: %s" % (algorithm.words(), cause(error)))
        raise HighwaterError(
            "algorithm: the kernel lists but does not take it (%s): choose another from %s"
            % ("; ".join(refused), ", ".join(offered)),
            algorithms=list(offered),
        )

    def writes(self, algorithm: Algorithm) -> tuple[Write, ...]:
        """The order is the kernel's: the size builds the compressor from what was set before it."""
        params = (Write(attribute(self.name, "algorithm_params"), " ".join(algorithm.params)),)
        return (
            (Write(attribute(self.name, "comp_algorithm"), algorithm.name),)
            + (params if algorithm.params else ())
            + (Write(attribute(self.name, "disksize"), str(self.size)),)
        )

    def boot_commands(self) -> tuple[str, ...]:
        """One line a write where the algorithm is settled, else the alternatives in one line."""
        alternatives = [[echo(write) for write in self.writes(algorithm)] for algorithm in self.algorithms]
        if len(alternatives) == 1:
            return tuple(alternatives[0])
        return (" || ".join("{ %s; }" % " && ".join(lines) for lines in alternatives),)


def swap_on(path: str, priority: int, discard: bool) -> Run:
    """Swap on a device; areas of higher priority are used first. Short options, as busybox has only those."""
    return Run(("swapon", "-p", str(priority)) + (("-d",) if discard else ()) + (path,))
