# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan for a swapfile can do, as values with perform(host); each leaves nothing behind where it fails."""

from __future__ import annotations

import errno
import os
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.replace import sync_folder
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import parse_header
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import filesystem
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import Close, Open, node
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND


class Place(NamedTuple):
    """Rename a finished file to its path, and note in our record which file it is; noted: not where it is turned on
    next, which notes that too. over: the inode of the file in whose place it comes; None where there is none.
    """

    draft: str
    path: str
    noted: bool = True
    over: Optional[int] = None

    def perform(self, host: Host) -> None:
        try:
            self._rename(host, host.lstat(self.path))
        except FileExistsError as error:
            raise HighwaterError(
                "another file stands at %s by now than when this run began: move it away, or run again" % self.path,
                reason="not_swap",
            ) from error
        sync_folder(os.path.dirname(host.path(self.path)))
        if self.noted:
            note_file(host, self.path)

    def _rename(self, host: Host, found: os.stat_result | None) -> None:
        # Imported here because a converged host has no use for it.
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile.calls import rename_new

        if found is not None and found.st_ino == self.over:
            os.rename(host.path(self.draft), host.path(self.path))
        else:
            rename_new(host.path(self.draft), host.path(self.path))


class Several(NamedTuple):
    """Actions that are one step to a reader; what fails within is taken back by ``clean``, as far as it was done: the
    first error is the one to show.
    """

    actions: tuple[Any, ...]
    clean: tuple[Any, ...] = ()

    def perform(self, host: Host) -> None:
        try:
            for action in self.actions:
                action.perform(host)
        except Unfinished:
            raise
        except BaseException:
            for action in self.clean:
                _attempt(action, host)
            raise


def _attempt(action: Any, host: Host) -> None:
    try:
        action.perform(host)
    except (HighwaterError, OSError):
        pass


class SwapOn(NamedTuple):
    """swapon(2). priority None or below 0: the kernel's. noted: keep in our record which file it is, and the
    discard policy, which the kernel shows nowhere. stays: also where that cannot be noted, since it was on before.
    """

    path: str
    priority: Optional[int] = None
    discard: str = "none"
    noted: bool = True
    stays: bool = False

    def perform(self, host: Host) -> None:
        refusal = None
        try:
            refusal = self._turn_on(host)
            if refusal is None and self.noted:
                boot_id = (host.read("/proc/sys/kernel/random/boot_id") or "").strip()
                note_file(host, self.path, on={"boot_id": boot_id, "discard": self.discard})
        except BaseException:  # a signal too; no undo knows of a step that failed
            if not self.stays:
                host.slice = Slice()
                SwapOff(self.path).perform(host)
            raise
        if refusal is not None:
            raise _not_on(self.path, refusal) from refusal

    def _turn_on(self, host: Host) -> OSError | None:
        """What the kernel says where it does not take it."""
        # Imported here because a converged host has no use for it.
        from ansible_collections.highwater.memory.plugins.module_utils.swapfile.calls import swap_on

        priority = None if self.priority is None or self.priority < 0 else self.priority
        try:
            swap_on(host.path(self.path), priority, self.discard)
        except OSError as error:
            return error
        return None


def _not_on(path: str, error: OSError) -> HighwaterError:
    """Why the kernel does not take it, in a sentence."""
    said = os.strerror(error.errno or 0)
    if error.errno in (errno.EPERM, errno.EACCES):
        return Unsupported(
            "swap on %s is not permitted here, even to root (%s): a container, a missing CAP_SYS_ADMIN, or a rule of "
            "AppArmor or SELinux forbids it, and the kernel's log names the last two: allow it there, or run on the "
            "machine itself" % (path, said),
            reason="not_permitted",
        )
    if error.errno == errno.EINVAL:
        said += ": the kernel's log says what it does not like about the file"
    return HighwaterError("swapon %s: %s" % (path, said), reason="command_failed")


def turn_on(
    path: str,
    priority: int | None,
    discard: str = "none",
    device: str | None = None,
    noted: bool = True,
    stays: bool = False,
) -> Any:
    """The action that swaps a file on, through a new device of that name where it is to be encrypted."""
    if device is None:
        return SwapOn(path, priority, discard, noted, stays)
    # Its discard policy is always none, which needs no note.
    return Several((Open(path, device), SwapOn(node(device), priority, noted=False)), clean=(Close(device),))


def turn_off(path: str, device: str | None = None, back: Any = None) -> Any:
    """The action that swaps a file off, and closes the device through which it was on; back: the area that it goes on
    as again, where the device cannot be closed. One that is still on stays as it is.
    """
    if device is None:
        return SwapOff(path)
    clean = (SwapOn(node(device), back.priority, noted=False, stays=True),) if back else ()
    return Several((SwapOff(node(device)), Close(device)), clean)


class BridgeAway(NamedTuple):
    """Swap the bridge off and remove it.

    It never fails: by now the new file is on, and taking that back would be worse than a bridge that stays. The
    runner looks at the host again and says that it is still there, and our record has whose it is.
    """

    path: str
    device: Optional[str] = None

    def perform(self, host: Host) -> None:
        try:
            self._take_away(host)
        except Stopped:  # as the rest is done, so is this, in peace
            host.slice = Slice()
            self._take_away(host)

    def _take_away(self, host: Host) -> None:
        try:
            turn_off(self.path, self.device).perform(host)
            host.remove(self.path)
        except Stopped:
            raise
        except (HighwaterError, OSError):
            pass


def note_file(host: Host, path: str, **facts: object) -> None:
    """Note which file stands at path and how it is called, so that it is known again as ours, and what else there is
    to say of it.
    """
    status = host.lstat(path)
    if status is None:
        raise HighwaterError("%s is gone although it was just put there" % path, reason="kernel")
    with open(host.path(path), "rb") as file:
        found = parse_header(file.read(os.sysconf("SC_PAGE_SIZE")))
        generation = filesystem.generation(file.fileno())
    names = {"uuid": found.uuid if found else None, "label": found.label if found else None}
    entry = dict(recall(host, KIND, path), inode=status.st_ino, generation=generation, **names, **facts)
    Remember(KIND, path, entry).perform(host)
