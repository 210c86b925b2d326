# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""QEMU's monitor: a conversation in lines of JSON over a socket in the machine's folder (QMP)."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.waiting import ticks

SOCKET = "monitor.sock"


class Monitor:
    """A connection to a running QEMU; use it in a `with`."""

    def __init__(self, home: Path, timeout: float = 60) -> None:
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(timeout)
        # A socket's path may have 107 characters at most; by way of an open folder it is short however deep that is.
        folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            self.lines = self.connection.makefile("rwb")
            self.lines.readline()  # the greeting
            self.command("qmp_capabilities")
        except OSError as error:
            self.connection.close()
            raise LabError(f"QEMU's monitor does not answer ({error})") from None
        finally:
            os.close(folder)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.lines.close()
        self.connection.close()

    def command(self, name: str, **arguments: Any) -> Any:
        """Gives a command and returns its answer; events in between are of no interest."""
        request = {"execute": name, "arguments": arguments}
        try:
            self.lines.write(json.dumps(request).encode() + b"\n")
            self.lines.flush()
            while True:
                line = self.lines.readline()
                if not line:
                    raise LabError(f"QEMU ended while it was asked for {name}")
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise LabError(f"QEMU refused {name}: {answer['error']['desc']}")
        except OSError as error:
            raise LabError(f"QEMU did not answer to {name} ({error})") from None

    def state(self) -> str:
        """`running`, `inmigrate` while a snapshot is being loaded, `paused`, …"""
        return str(self.command("query-status")["status"])

    def save_memory(self, command: str, timeout: float = 300) -> None:
        """Pipes the machine's whole state, but for the disk, into a shell command; the machine stands still then.

        It is not paused before, because one that is loads again as a paused one.
        """
        self.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.command("migrate", uri=f"exec:{command}")
        for _passed in ticks(timeout):
            status = self.command("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise LabError(f"QEMU's saving of the memory {status}")
        raise LabError(f"QEMU did not save the memory within {timeout:.0f} s")
