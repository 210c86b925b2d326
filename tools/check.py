# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the steps of `make test`, or those that are named, and closes with how many tests passed.

A step that fails does not stop the others. Alone, a step shows all its output; in a longer run the
output goes to a file in .cache/logs/, with a sign of life now and then, and its end is shown when the step fails.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

from counts import Counts, total
from paths import LOGS, ROOT
from steps import Step, chosen

SIGN_OF_LIFE = 30  # seconds
PATIENCE = 30  # seconds for a step to put away what it made
TAIL = 60  # lines
WIDTH = 110


class Outcome(NamedTuple):
    step: Step
    counts: Counts
    seconds: float
    problem: str  # empty when all is well


def say(text: str = "") -> None:
    print(text, flush=True)


def run(step: Step, stream: bool) -> Outcome:
    log = LOGS / f"{step.name}.log"
    say(f"── {step.name}: {' '.join(step.command)}")
    began = time.monotonic()
    code = execute(step, log, stream)
    seconds = time.monotonic() - began
    counts, problem = judge(step, log.read_text(errors="replace"), code)
    if problem and not stream:
        show_tail(log)
    say(f"   {problem or 'passed'} after {seconds:.0f} s ({counts})")
    return Outcome(step, counts, seconds, problem)


def execute(step: Step, log: Path, stream: bool) -> int | None:
    """The exit code, or None when the time was up. The step is a process group, so that all of it ends."""
    with log.open("wb") as output, log.open("rb") as reader:
        try:
            process = subprocess.Popen(
                step.command,
                cwd=step.cwd,
                env=step.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            output.write(f"cannot run {step.command[0]}: {error.strerror}\n".encode())
            return 127
        try:
            return follow(process, reader, step, stream)
        finally:
            end(process)


def follow(process: subprocess.Popen[bytes], reader: BinaryIO, step: Step, stream: bool) -> int | None:
    deadline = time.monotonic() + step.minutes * 60
    next_sign = time.monotonic() + SIGN_OF_LIFE
    last = b""
    while True:
        code = process.poll()
        new = reader.read()
        last = (new.strip().splitlines() or [last])[-1]
        if stream:
            sys.stdout.write(new.decode(errors="replace"))
            sys.stdout.flush()
        elif time.monotonic() > next_sign:
            next_sign += SIGN_OF_LIFE
            say(f"   … {last.decode(errors='replace')[:WIDTH]}")
        if code is not None:
            return code
        if time.monotonic() > deadline:
            return None
        time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends what the step may have left running. SIGINT comes first: on that, programs put away what they made."""
    for sign, patience in ((signal.SIGINT, PATIENCE), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        deadline = time.monotonic() + patience
        if alive(process.pid):
            os.killpg(process.pid, sign)
        while alive(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
    process.wait()


def alive(group: int) -> bool:
    """Whether a process group has a member that runs. One that has ended and waits to be collected does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # ended while we looked
            continue
        if int(its_group) == group and state not in "ZX":
            return True
    return False


def judge(step: Step, text: str, code: int | None) -> tuple[Counts, str]:
    """What the step's output and exit code mean. No test at all is a failure too, whatever the exit code."""
    counts = step.counter(text, 1 if code is None else code)
    if code is None:
        problem = f"ended because it took longer than {step.minutes} min"
    elif code != 0:
        problem = f"failed with exit code {code}"
    elif counts.failed:
        problem = "failed"
    elif not counts.passed:
        problem = "ran no test"
    else:
        return counts, ""
    return counts._replace(failed=max(counts.failed, 1)), problem


def show_tail(log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()
    shown = lines[-TAIL:]
    say(f"   the last {len(shown)} of {len(lines)} lines; all are in {log.relative_to(ROOT)}")
    for line in shown:
        say(f"   │ {line}")


def report(outcomes: list[Outcome]) -> None:
    width = max(len(outcome.step.name) for outcome in outcomes)
    say(f"\n{'step':{width}}  result  passed  failed  skipped  seconds")
    for step, counts, seconds, problem in outcomes:
        result = "FAILED" if problem else "ok"
        numbers = f"{counts.passed:6}  {counts.failed:6}  {counts.skipped:7}  {seconds:7.0f}"
        say(f"{step.name:{width}}  {result:6}  {numbers}")
    say()
    for outcome in outcomes:
        if outcome.problem:
            say(f"{outcome.step.name} {outcome.problem}. To run it alone: make {outcome.step.name}")
    say(str(total([outcome.counts for outcome in outcomes])))


def main(names: list[str]) -> int:
    steps = chosen(names)
    LOGS.mkdir(parents=True, exist_ok=True)
    outcomes = [run(step, stream=bool(names)) for step in steps]
    if not outcomes:
        say(f"nothing to test for {' '.join(names)} yet")
        return 0
    report(outcomes)
    return int(any(outcome.problem for outcome in outcomes))


if __name__ == "__main__":
    # So that an ending from outside (a CI's limit) runs the same clean-up as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("stopped before the end")
