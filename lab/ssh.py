# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Secure shell into the machines."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

from lab import paths
from lab.errors import LabError, Stopped
from lab.waiting import STOP, pause, ticks

# The machines are new each time and at home on 127.0.0.1, so there is no host key worth remembering.
OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=8",
)

LOGIN_SECONDS = 20.0  # emulated, on a busy machine


def key() -> Path:
    """The private key of the lab, made once; its public half is in every image.

    It is RSA because that is the one kind that all tools that are pointed at the machines can use.
    """
    private = paths.folder(paths.cache() / "key") / "id_rsa"
    with paths.locked("key", paths.cache()):
        if not private.exists():
            with paths.scratch() as folder:
                new = folder / "id_rsa"
                command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-N", "", "-C", "highwater-lab", "-f"]
                subprocess.run([*command, str(new)], check=True, stdin=subprocess.DEVNULL)
                # The public half goes first: where there is a private key there is a public one.
                (folder / "id_rsa.pub").rename(private.with_suffix(".pub"))
                new.rename(private)
    return private


def public_key() -> str:
    return key().with_suffix(".pub").read_text().strip()


def options() -> list[str]:
    return [word for option in OPTIONS for word in ("-o", option)]


def command_line(port: int, user: str, *extra: str) -> list[str]:
    """What goes before a remote command."""
    return ["ssh", "-F", "none", "-i", str(key()), "-p", str(port), *options(), *extra, f"{user}@127.0.0.1"]


def run(port: int, command: str, timeout: float = 20) -> tuple[Optional[int], str]:
    """Runs a command as root; returns its exit code (None when the time was up) and what it printed."""
    line = command_line(port, "root", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(timeout))}")
    child = subprocess.Popen(
        [*line, command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + timeout
    while True:
        try:
            output, _none = child.communicate(timeout=0.1)
            return child.returncode, output
        except subprocess.TimeoutExpired:
            if STOP.is_set() or time.monotonic() > deadline:
                child.kill()
                output, _none = child.communicate()
                if STOP.is_set():
                    raise Stopped from None
                return None, output


def checked(port: int, command: str, timeout: float = 20) -> str:
    """Runs a command as root that has to succeed."""
    code, output = run(port, command, timeout)
    if code != 0:
        outcome = f"did not end within {timeout:.0f} s" if code is None else f"failed with exit code {code}"
        raise LabError(f"`{command}` {outcome} in the machine", output.strip())
    return output


def wait(port: int, timeout: float, healthy: Callable[[], None]) -> None:
    """Returns when a machine lets us in; its clock is right then.

    The clock is set by the command that tries the door: a machine that comes from a snapshot is as late as that is
    old, and one more login would cost a second. `healthy` raises an error when there is nothing left to wait for.
    """
    patience = 1.0
    for passed in ticks(timeout, every=0.05):
        healthy()
        if not answers(port, patience):
            # Each try costs the machine the start of a process: impatience would keep a slow one busy for good.
            patience = min(2 * patience, LOGIN_SECONDS)
        else:
            # One login that hangs must not use up the time of all.
            left = max(5.0, min(LOGIN_SECONDS, timeout - passed))
            if run(port, f"date --utc --set=@{time.time():.2f}", left)[0] == 0:
                return
            pause(0.2)
    raise LabError(f"the machine's ssh did not answer within {timeout:.0f} s")


def answers(port: int, patience: float) -> bool:
    """Whether something says the words of an ssh server; cheaper to ask than a login."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def enter(port: int, user: str, command: list[str]) -> None:
    """Becomes an ssh session; does not return."""
    line = [*command_line(port, user), *command]
    os.execvp(line[0], line)
