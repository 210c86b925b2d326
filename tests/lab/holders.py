# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The process of a machine that has a file open: told to end, or waited for until it has.

It is looked for by one process in the machine: a loop of programs would be behind a run that works in short calls, and
take from it the processor that it waits for.
"""

from __future__ import annotations

from harness import Machine

LOOK = """\
import glob, os, signal, sys, time

def holders():
    found = set()
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            if any(os.readlink(fd.path) == sys.argv[1] for fd in os.scandir(folder + "/fd")):
                found.add(int(folder[len("/proc/"):]))
        except OSError:
            pass
    return found

def turns():
    while time.monotonic() < end:
        yield holders()
        time.sleep(0.01)

end = time.monotonic() + float(sys.argv[2])
"""
TELL = """\
number, patience, since = signal.Signals["SIG" + sys.argv[3]], float(sys.argv[4]), {}
for found in turns():
    since = {pid: since.get(pid, time.monotonic()) for pid in found}
    for pid in found:
        if time.monotonic() - since[pid] >= patience:
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # it has just ended
                continue
            sys.exit(0)
sys.exit("no process has had %s open for %s s" % (sys.argv[1], sys.argv[4]))
"""
WAIT = """\
for found in turns():
    if not found:
        sys.exit(0)
sys.exit("%s still have %s open" % (found, sys.argv[1]))
"""


def tell(machine: Machine, path: str, signal: str, held: float = 0, seconds: float = 60) -> None:
    """Sends a signal (TERM, KILL ...) to the process that has the file open, once it has had it for as long as held."""
    machine.put("/root/tell.py", LOOK + TELL)
    machine.shell(f"python3 /root/tell.py {path} {seconds} {signal} {held}")


def await_none(machine: Machine, path: str, seconds: float = 60) -> None:
    """Returns when no process has the file open."""
    machine.put("/root/await_none.py", LOOK + WAIT)
    machine.shell(f"python3 /root/await_none.py {path} {seconds}")
