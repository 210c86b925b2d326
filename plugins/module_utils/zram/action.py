# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions of their own that zram needs; each can be carried out now and written down for the next boot."""

from __future__ import annotations

import contextlib
import errno
import time

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, cause
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import constant, echo
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import (
    BUSY_PATIENCE,
    Run,
    Write,
    let_udev_finish,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.zram.algorithm import (
    Algorithm,
    Recompression,
    choose,
    refuse_unknown,
    without_params,
    without_recompression,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import CONTROL, attribute, node
from ansible_collections.highwater.memory.plugins.module_utils.zram.writeback import BY_ORDER, without_writeback

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
            let_udev_finish(host, end - time.monotonic())
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
        """Those that it made on the way go again at the end: sort(1) waits for the last."""
        add = "until test -e /sys/block/zram%d; do cat %s" % (self.number, HOT_ADD)
        if not self.number:
            return ("%s > /dev/null || exit 1; done" % add,)
        away = 'xargs -I N sh -c "echo N > %s" || true' % HOT_REMOVE
        return ("%s || exit 1; done | sort | grep -vx %d | %s" % (add, self.number, away),)


def remove(number: int) -> Write:
    """Take a device away."""
    return Write(HOT_REMOVE, str(number), patience=BUSY_PATIENCE)


class Reset(NamedTuple):
    """Have a device forget all that it holds and how it was set up; it has to be out of use.

    udev may hold it for a moment. Who else has it open for longer is named in the error.
    """

    name: str
    patience: float = BUSY_PATIENCE

    def perform(self, host: Host) -> None:
        try:
            Write(attribute(self.name, "reset"), "1", self.patience).perform(host)
        except OSError as error:
            held = openers(host, node(self.name)) if error.errno == errno.EBUSY else ()
            if not held:
                raise
            raise HighwaterError(
                "%s is held open by %s: end that first, or use apply: next_boot" % (node(self.name), ", ".join(held)),
                reason="in_use",
            ) from error


def openers(host: Host, path: str) -> tuple[str, ...]:
    """The processes that have a device open, described; the first three."""
    from ansible_collections.highwater.memory.plugins.module_utils.core.processes import described, descriptors, pids

    found = []
    for pid in pids(host):
        links = ["/proc/%d/fd/%d" % (pid, number) for number in descriptors(host, pid)]
        if path in [host.readlink(link) for link in links]:
            found.append(described(host, pid))
    return tuple(found[:3])


class SetUp(NamedTuple):
    """Give a device that is not set up all that its size seals: algorithm (the first of the list that works),
    recompression, the disk behind it (a path, empty for none), and the size (bytes).

    The kernel's list may name what it cannot load, which only the size brings to light; so these go together.
    """

    name: str
    algorithms: tuple[Algorithm, ...]
    size: int
    recompress: tuple[Recompression, ...] = ()
    writeback_device: str = ""

    def perform(self, host: Host) -> None:
        chosen, offered = parse_choice(host.must_read(attribute(self.name, "comp_algorithm")))
        self._refuse_without(host, offered)
        for write in self._backing():
            write.perform(host)
        try:
            self._size(host, offered)
        except (HighwaterError, OSError):
            if chosen and (self.writeback_device or self.recompress or any(one.params for one in self.algorithms)):
                _let_go(host, self.name, chosen)
            raise

    def _refuse_without(self, host: Host, offered: tuple[str, ...]) -> None:
        """Raise HighwaterError where the kernel lacks what is asked for, before anything is set."""
        if self.writeback_device and not host.exists(attribute(self.name, "backing_dev")):
            raise without_writeback()
        refuse_unknown(self.recompress, offered)
        if self.recompress and not host.exists(attribute(self.name, "recomp_algorithm")):
            raise without_recompression()
        for each in self.recompress:
            if each.params and not self._takes_params(host):
                raise without_params("recompress", each)

    def _takes_params(self, host: Host) -> bool:
        return host.exists(attribute(self.name, "algorithm_params"))

    def _size(self, host: Host, offered: tuple[str, ...]) -> None:
        refused: list[tuple[str, OSError]] = []
        for algorithm in choose(self.algorithms, offered):
            if algorithm.params and not self._takes_params(host):
                raise without_params("algorithm", algorithm)
            try:
                return write_all(host, self.writes(algorithm))
            except OSError as error:
                if error.errno not in NOT_TO_BE_HAD:
                    raise
                refused.append((algorithm.words(), error))
        raise _all_refused(refused, offered)

    def writes(self, algorithm: Algorithm) -> tuple[Write, ...]:
        """The order is the kernel's: the size builds the compressors from what was set before it."""
        writes = [Write(attribute(self.name, "comp_algorithm"), algorithm.name)]
        if algorithm.params:
            writes.append(Write(attribute(self.name, "algorithm_params"), " ".join(algorithm.params)))
        for again in self.recompress:
            which = "priority=%d" % again.priority
            writes.append(Write(attribute(self.name, "recomp_algorithm"), "algo=%s %s" % (again.name, which)))
            if again.params:
                writes.append(Write(attribute(self.name, "algorithm_params"), " ".join((which,) + again.params)))
        return tuple(writes) + (Write(attribute(self.name, "disksize"), str(self.size)),)

    def _backing(self) -> tuple[Write, ...]:
        if not self.writeback_device:
            return ()
        return (Write(attribute(self.name, "backing_dev"), self.writeback_device, patience=BUSY_PATIENCE),)

    def boot_commands(self) -> tuple[str, ...]:
        """One line a write where the algorithm is settled, else the alternatives in one line."""
        look = (_look(self.writeback_device),) if BY_ORDER.match(self.writeback_device) else ()
        backing = look + tuple(map(echo, self._backing()))
        alternatives = [[echo(write) for write in self.writes(algorithm)] for algorithm in self.algorithms]
        if len(alternatives) == 1:
            return backing + tuple(alternatives[0])
        return backing + (" || ".join("{ %s; }" % " && ".join(lines) for lines in alternatives),)


def _look(disk: str) -> str:
    """That path may lead to another disk at boot, and the kernel takes whatever is not in use yet. The first half fails
    where there is no such disk or command, the second shows in the log what was found.

    A swap area is what it may be of our own: pages of a zram, its swap header among them, which Linux since 6.19 also
    writes to the first block. So a name that lasts is not looked at: what is there is what we have written.
    """
    look = "wipefs --noheadings --types noswap %s" % constant(disk)
    return "%s > /dev/null && ! %s | grep ." % (look, look)


def write_all(host: Host, writes: tuple[Write, ...]) -> None:
    """What the size seals and the size, which comes last and is tried again for a while where the kernel refuses it."""
    for write in writes[:-1]:
        write.perform(host)
    try:
        writes[-1].perform(host)
    except OSError as error:
        from ansible_collections.highwater.memory.plugins.module_utils.zram.shortage import try_again

        try_again(host, writes, error)


def _all_refused(refused: list[tuple[str, OSError]], offered: tuple[str, ...]) -> HighwaterError:
    from ansible_collections.highwater.memory.plugins.module_utils.zram.shortage import words

    said = "; ".join("%s: %s" % (algorithm, cause(error)) for algorithm, error in refused)
    return HighwaterError(
        "algorithm: the kernel lists but does not take it (%s): %schoose another from %s"
        % (said, words([error for _algorithm, error in refused]), ", ".join(offered)),
        algorithms=list(offered),
    )


def _let_go(host: Host, name: str, algorithm: str) -> None:
    from ansible_collections.highwater.memory.plugins.module_utils.zram.let_go import LetGo

    with contextlib.suppress(HighwaterError, OSError):  # the error that came before is the one to show
        LetGo(name, (algorithm,)).perform(host)


def swap_on(path: str, priority: int, discard: bool) -> Run:
    """Swap on a device; areas of higher priority are used first. Short options, as busybox has only those."""
    return Run(("swapon", "-p", str(priority)) + (("-d",) if discard else ()) + (path,))
