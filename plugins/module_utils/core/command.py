# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands, run without a shell (see Host.run())."""

from __future__ import annotations

import subprocess
import time
from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS

# The whole of what a command of ours may find in its environment; LC_ALL so that what it prints can be parsed.
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
LOOK = 0.5  # seconds between two looks at whether a signal has come


def run_command(argv: Sequence[str], timeout: float) -> Completed:
    """Run argv to its end without a shell.

    Raises HighwaterError where the command does not exist or runs longer than timeout seconds.
    """
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(  # pylint: disable=ansible-bad-function
            list(argv), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=ENVIRONMENT
        ) as process:
            try:
                out, err = _said(process, timeout)
            except BaseException:
                process.kill()
                raise
    except FileNotFoundError:
        raise HighwaterError(
            "%s is not on this host: install the package that has it (util-linux for swap commands)" % argv[0],
            reason="command_missing",
            command=argv[0],
        ) from None
    except subprocess.TimeoutExpired:
        raise HighwaterError("%s did not end within %d seconds" % (" ".join(argv), timeout), reason="timeout") from None
    return Completed(process.returncode, *(text.decode("utf-8", "surrogateescape") for text in (out, err)))


def _said(process: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bytes]:
    """What a command says until its end. Raises TimeoutExpired, and Stopped where a signal is to end it."""
    end = time.monotonic() + timeout
    while True:
        try:
            return process.communicate(timeout=max(min(LOOK, end - time.monotonic()), 0))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
        if SIGNALS.ends_command:
            SIGNALS.check()


def refuse_failure(argv: Sequence[str], done: Completed) -> None:
    """Raise HighwaterError where a command has exited with anything but 0, with what it said."""
    if done.status != 0:
        raise HighwaterError(
            "%s: %s" % (" ".join(argv), _last_line(done) or "exit status %d" % done.status),
            reason="command_failed",
            command=" ".join(argv),
        )


def _last_line(done: Completed) -> str:
    """The line that says why a command failed: the last one of stderr, else of stdout."""
    for text in (done.err, done.out):
        lines = text.strip().splitlines()
        if lines:
            return lines[-1]
    return ""
