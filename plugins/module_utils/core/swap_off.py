# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a swap area goes off: in a process and, with systemd, a unit of its own.

A global OOM kill takes the swapoff first, and systemd 252 and later end the whole session scope in which one happened:
with OOMPolicy=continue it is only the swapoff that ends, and the area is put back by the kernel.

In a call that works in slices it may outlast the call that began it, and each call watches it for a while. The system
call itself cannot be put down half-way. While it lasts, /proc/swaps goes on showing the area, with less and
less in use; what it began with is kept in a note in /run, by which the next call finds it and tells how far it is.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time

from ansible_collections.highwater.memory.plugins.module_utils.core.areas import swap_areas
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS, Meter
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import NOTE
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea

SWAPOFF_TIMEOUT = 3600.0  # a slow disk brings back some 20 MiB/s
SWAPOFF_NO_MEMORY = 2  # swapoff(8), util-linux 2.36 and later
LOOK = 0.1  # seconds between two looks at it
SETTLES = 30.0  # seconds that systemd may take to see that a process has ended
GOING = ("activating", "active", "deactivating")


def swap_off(host: Host, path: str) -> None:
    """Swap the area at path off; in a call that works in slices, Unfinished where it takes longer than that."""
    try:
        done = _tried(host, path)
    except (HighwaterError, OSError) as error:
        if _is_on(host, path):
            raise
        if isinstance(error, Stopped):  # too late: this step is done, and taken back like any other
            SIGNALS.wait(error)
        return
    if done.status != 0 and not _is_on(host, path):
        return
    if done.status == SWAPOFF_NO_MEMORY:
        raise HighwaterError(
            "the kernel had not enough memory to swap off %s, which is still on: free memory, "
            "or use apply: next_boot" % path,
            reason="headroom",
        )
    if done.status != 0:
        raise HighwaterError(
            "swapoff %s: %s" % (path, done.err.strip() or "exit status %d" % done.status), reason="command_failed"
        )


def _tried(host: Host, path: str) -> Completed:
    done = _run(host, path)
    end = time.monotonic() + SWAPOFF_TIMEOUT
    while done.status != 0 and _goes_off_anyway(host, path, done) and time.monotonic() < end:
        SIGNALS.check()
        time.sleep(0.2)
        done = _run(host, path)
    return done


def _is_on(host: Host, path: str) -> bool:
    return _area(host, path) is not None


def _area(host: Host, path: str) -> SwapArea | None:
    """The area that is on at a path, which may be a link to the one that the kernel shows (/dev/mapper)."""
    names = (path, os.path.realpath(host.path(path)))
    return next((area for area in swap_areas(host) if area.path in names and not area.deleted), None)


def _goes_off_anyway(host: Host, path: str, done: Completed) -> bool:
    """Whether it is on its way off already, by the swapoff of a run that was cut off: the kernel takes no second one,
    and shows the area until all of it is back.
    """
    return "nvalid argument" in done.err and _is_on(host, path)


def _run(host: Host, path: str) -> Completed:
    argv: tuple[str, ...] = ("swapoff", path)
    alone = not runs_systemd(host)  # a unit would go on without the command that waits for it
    if not alone:
        if host.slice.end is not None:
            return watch(host, path)
        argv = ("systemd-run", "--wait", "--pipe", "--quiet", "--collect", "-p", "OOMPolicy=continue") + argv
    return host.run(*argv, check=False, timeout=SWAPOFF_TIMEOUT, may_end=alone)


# -- one that outlasts the call ------------------------------------------------------------------------------------


class Begun(NamedTuple):
    """What the note says: the area's path, the bytes that were in use when it began, the unit, and the run."""

    path: str
    used: int
    unit: str
    run: str


def noted(host: Host) -> Begun | None:
    """The swapoff that was begun last in this boot, over by now or not; None for none."""
    text = host.read(NOTE)
    try:
        return Begun(*json.loads(text)) if text else None
    except (TypeError, ValueError):  # half a note, of a run that was cut off
        return None


def is_going(host: Host, path: str) -> bool:
    """Whether a swapoff of that area is under way."""
    return bool(_process(host, path))


def watch(host: Host, path: str) -> Completed:
    """Have the area swapped off, or go on watching where an earlier call of this run began that; how it ended.

    Raises Unfinished where the slice of this call is over. Where anything else goes wrong, the swapoff is stopped, and
    over when this returns: the kernel has put the area back by then, so that its pages may be counted on again.
    """
    begun, going = noted(host), is_going(host, path)
    if begun is None or begun.path != path or not going:
        if begun and begun.path == path and begun.run == host.slice.run:
            done = _ended(host, begun)
            if done.status:
                host.remove(NOTE)
                return done
        begun = _note(host, path)
    try:
        if not going:
            _start(host, begun)
        meter = Meter(host.slice, "swapping off %s" % path, begun.used - _used(host, path), begun.used)
        process = _process(host, path)
        while process and host.exists("/proc/%s" % process):
            time.sleep(LOOK)
            meter.reached(begun.used - _used(host, path))
    except (HighwaterError, OSError):
        _stop(host, begun)
        raise
    host.remove(NOTE)
    return _ended(host, begun)


def _note(host: Host, path: str) -> Begun:
    """The note comes first, so that whoever finds the swapoff knows what it began with."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", path)[-64:]
    unit = "highwater-swapoff-%s%s.service" % (host.slice.run[:8], name)
    begun = Begun(path, _used(host, path), unit, host.slice.run)
    host.install(NOTE, json.dumps(begun) + "\n", 0o600)
    return begun


def _start(host: Host, begun: Begun) -> None:
    # Type=exec: it is there when this returns. Not --collect: a unit that failed has to stay until it was asked why.
    properties = ("-p", "Type=exec", "-p", "OOMPolicy=continue")
    host.run("systemd-run", "--quiet", "--unit=%s" % begun.unit, *properties, "swapoff", begun.path)


def _stop(host: Host, begun: Begun) -> None:
    """End it, whatever becomes of our asking: it looks at signals now and then only, longer than systemctl may wait."""
    end = time.monotonic() + SWAPOFF_TIMEOUT
    try:
        host.run("systemctl", "stop", begun.unit, check=False)
    except (HighwaterError, OSError):
        pass
    while is_going(host, begun.path) and time.monotonic() < end:
        time.sleep(LOOK)


def _ended(host: Host, begun: Begun) -> Completed:
    """How it ended. Nothing but that the area is gone says that it went well: a unit that did is gone, of one that
    failed the result is left, and what it said is in the journal.
    """
    found = _shown(host, begun)
    end = time.monotonic() + SETTLES
    while found.get("ActiveState", "") in GOING and time.monotonic() < end:
        time.sleep(LOOK)
        found = _shown(host, begun)
    if not _is_on(host, begun.path):
        return Completed(0, "", "")
    host.run("systemctl", "reset-failed", begun.unit, check=False)
    status = int(found.get("ExecMainStatus") or 0) or 1
    # The kernel takes the swapoff first where memory runs out, and puts the area back. By which word systemd says so
    # depends on OOMPolicy= and its version.
    killed = found.get("Result") == "oom-kill" or (found.get("Result") == "signal" and status == signal.SIGKILL)
    status = SWAPOFF_NO_MEMORY if killed else status
    return Completed(status, "", "exit status %d, see journalctl -u %s" % (status, begun.unit))


def _shown(host: Host, begun: Begun) -> dict[str, str]:
    wanted = ("-p", "ActiveState", "-p", "ExecMainStatus", "-p", "Result")
    shown = host.run("systemctl", "show", *wanted, begun.unit, check=False).out
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _used(host: Host, path: str) -> int:
    area = _area(host, path)
    return area.used if area else 0


def _process(host: Host, path: str) -> str:
    """The process that swaps it off; empty for none."""
    for pid in filter(str.isdigit, host.listdir("/proc")):
        words = _words(host, pid)
        if words[0].rpartition("/")[2] == "swapoff" and path in words[1:]:
            return pid
    return ""


def _words(host: Host, pid: str) -> list[str]:
    try:
        return (host.read("/proc/%s/cmdline" % pid) or "").split("\0")
    except ProcessLookupError:  # it has just ended
        return [""]
