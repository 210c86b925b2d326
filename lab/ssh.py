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
from lab.waiting import STOP, ticks

# The machines are new each time and at home on 127.0.0.1, so there is no host key worth remembering.
OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    # A machine that has to swap in sshd itself may be silent for minutes; of one that is gone, QEMU's port is.
    "ServerAliveInterval=15",
    "ServerAliveCountMax=20",
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


class Door:
    """The ssh port of a machine that may still be booting.

    Every knock costs the machine a process of sshd, so knocking faster than it can open keeps a slow machine busy with
    nothing else. Hence each knock that is not answered makes the next one more patient.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.patience = 1.0

    def answers(self) -> bool:
        """Whether something says the words of an ssh server; cheaper to ask than a login."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.settimeout(0.2)
                for _passed in ticks(self.patience, every=0.01):
                    try:
                        return connection.recv(4) == b"SSH-"
                    except socket.timeout:  # noqa: UP041 - Python 3.9 has two
                        continue
                self.patience = min(self.patience + 0.5, LOGIN_SECONDS)
        except OSError:
            pass
        return False


def wait(port: int, timeout: float, healthy: Callable[[], None], listening: bool = False) -> None:
    """Returns when a machine lets us in; its clock is right then.

    The clock is set by the command that tries the door: a machine that comes from a snapshot is as late as that is
    old, and one more login would cost a second. `healthy` raises an error when there is nothing left to wait for.
    With `listening`, sshd is known to be there, and only needs time.
    """
    door = Door(port)
    login = LOGIN_SECONDS
    for _passed in ticks(timeout, every=0.1):
        healthy()
        if listening or door.answers():
            if run(port, f"date --utc --set=@{time.time():.2f}", login)[0] == 0:
                return
            login *= 1.5  # one that hangs must not use up the time of all, nor may all be too short
    raise LabError(f"the machine's ssh did not answer within {timeout:.0f} s")


def enter(port: int, user: str, command: list[str]) -> None:
    """Becomes an ssh session; does not return."""
    line = [*command_line(port, user), *command]
    os.execvp(line[0], line)
