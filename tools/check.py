# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the steps of `make test`, or those that are named, and closes with how many tests passed.

A step that fails does not stop the others. Alone, a step shows all its output; in a longer run the
output goes to a file in .cache/logs/, with a sign of life now and then, and its end is shown when the step fails.
In the whole run, lanes of steps go side by side, since an emulated machine keeps one processor busy.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from counts import Counts, total
from paths import LOGS, ROOT
from steps import Step, chosen

SIGN_OF_LIFE = 30  # seconds
PATIENCE = 30  # seconds for a step to put away what it made
TAIL = 60  # lines
TELLING = 8  # lines
TELLING_WIDTH = 400
REASON = re.compile(r"^(fatal|failed): \[|^E  |^FAILED |^ERROR|\bassert\b|: Killed process ")
MESSAGE = '"msg": '  # after all that a failed task returned before it
IGNORED = "...ignoring"  # what Ansible says after a failure that the playbook wanted
WIDTH = 110
LIMIT = 84  # minutes for the whole run, so that its table is still told where a CI would end it after 90 without a word
STOP = threading.Event()  # Ctrl-C reaches the main thread alone


class Outcome(NamedTuple):
    step: Step
    counts: Counts
    seconds: float
    problem: str  # empty when all is well
    left_out: bool = False

    @property
    def result(self) -> str:
        return "FAILED" if self.problem else "no time" if self.left_out else "ok"


def say(text: str = "") -> None:
    print(text, flush=True)


def run(step: Step, stream: bool) -> Outcome:
    log = LOGS / f"{step.name}.log"
    say(f"── {step.name}: {' '.join(step.command)}")
    began = time.monotonic()
    code = execute(step, log, stream)
    seconds = time.monotonic() - began
    text = log.read_text(errors="replace")
    if cut_off(step, text, code, stream):
        say(f"{shown_tail(log)}   {step.name}: cut off after {seconds:.0f} s, for want of time")
        return Outcome(step, Counts(), seconds, "", left_out=True)
    counts, problem = judge(step, text, code)
    tail = shown_tail(log) if problem and not stream else ""
    say(f"{tail}   {step.name}: {problem or 'passed'} after {seconds:.0f} s ({counts})")
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
            say(f"   … {step.name}: {last.decode(errors='replace')[:WIDTH]}")
        if code is not None:
            return code
        if time.monotonic() > deadline or STOP.is_set():
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


def cut_off(step: Step, text: str, code: int | None, alone: bool) -> bool:
    """Whether all that is wrong with a step of the whole run is that this computer is slower than its bound allows for.
    Only what goes by time may be: alone, a step that reaches its bound has failed.
    """
    late = code is None and not STOP.is_set()
    return late and step.if_time and not alone and not step.counter(text, 0).failed


def judge(step: Step, text: str, code: int | None) -> tuple[Counts, str]:
    """What the step's output and exit code mean. No test at all is a failure too, whatever the exit code."""
    counts = step.counter(text, 1 if code is None else code)
    if code is None and STOP.is_set():
        problem = "was stopped"
    elif code is None:
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


def shown_tail(log: Path) -> str:
    """In one piece, so that nothing of another lane comes between."""
    lines = log.read_text(errors="replace").splitlines()
    shown = lines[-TAIL:]
    head = f"   the last {len(shown)} of {len(lines)} lines; all are in {log.relative_to(ROOT)}\n"
    return head + "".join(f"   │ {line}\n" for line in shown)


def telling(step: Step) -> list[str]:
    """The lines of its log that most likely say why it failed: a CI often keeps no more than the end of an output."""
    lines = (LOGS / f"{step.name}.log").read_text(errors="replace").splitlines()
    found = [
        line[line.find(MESSAGE) if line.startswith("fatal") and MESSAGE in line else 0 :]
        for line, following in itertools.zip_longest(lines, lines[1:], fillvalue="")
        if REASON.search(line) and following != IGNORED
    ]
    return (found or lines)[-TELLING:]


def report(outcomes: list[Outcome]) -> None:
    width = max(len(outcome.step.name) for outcome in outcomes)
    say(f"\n{'step':{width}}  result   passed  failed  skipped  seconds")
    for outcome in outcomes:
        counts = outcome.counts
        numbers = f"{counts.passed:6}  {counts.failed:6}  {counts.skipped:7}  {outcome.seconds:7.0f}"
        say(f"{outcome.step.name:{width}}  {outcome.result:7}  {numbers}")
    say()
    late = [outcome.step.name for outcome in outcomes if outcome.left_out]
    if late:
        say(f"Left out or cut off on this computer, for want of time: make {' '.join(late)} runs it.")
    for outcome in outcomes:
        if outcome.problem:
            say(f"{outcome.step.name} {outcome.problem}. To run it alone: make {outcome.step.name}")
            for line in telling(outcome.step) if outcome.seconds else ():
                say(f"   │ {line[:TELLING_WIDTH]}")
    say(str(total([outcome.counts for outcome in outcomes])))


def run_in_lanes(steps: Sequence[Step], minutes: float = LIMIT) -> list[Outcome]:
    """Side by side, until the time for all of them is up. Outcomes in the order of the steps."""
    deadline = time.monotonic() + minutes * 60
    lanes = [[step for step in steps if step.lane == lane] for lane in dict.fromkeys(step.lane for step in steps)]
    with concurrent.futures.ThreadPoolExecutor(max(len(lanes), 1)) as pool:
        futures = [pool.submit(run_lane, lane, deadline) for lane in lanes]
        try:
            while concurrent.futures.wait(futures, timeout=0.2).not_done:
                if time.monotonic() > deadline and not STOP.is_set():
                    say(f"── the whole takes longer than {minutes:g} min and is ended")
                    STOP.set()
        except KeyboardInterrupt:
            STOP.set()
            raise
    outcomes = {outcome.step.name: outcome for future in futures for outcome in future.result()}
    return [outcomes[step.name] for step in steps]


def run_lane(steps: Sequence[Step], deadline: float) -> list[Outcome]:
    """What has to run and is not begun any more has failed: nothing is left out in silence."""
    return [run_of_lane(step, deadline) for step in steps]


def run_of_lane(step: Step, deadline: float) -> Outcome:
    if step.if_time and (STOP.is_set() or time.monotonic() + step.minutes * 60 > deadline):
        return Outcome(step, Counts(), 0, "", left_out=True)
    if STOP.is_set():
        return Outcome(step, Counts(failed=1), 0, "was not begun")
    return run(step, stream=False)


def heed_endings() -> None:
    """An ending from outside (a CI's limit) runs the same clean-up as Ctrl-C, here and in the steps.

    A shell starts what it puts into the background with SIGINT ignored, and what is ignored is handed on to the steps
    and their children, which then cannot be ended by it. A handler is not: they begin with the default.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def main(names: list[str]) -> int:
    steps = chosen(names)
    LOGS.mkdir(parents=True, exist_ok=True)
    outcomes = [run(step, stream=True) for step in steps] if names else run_in_lanes(steps)
    if not outcomes:
        say(f"nothing to test for {' '.join(names)} yet")
        return 0
    report(outcomes)
    return int(any(outcome.problem for outcome in outcomes))


if __name__ == "__main__":
    heed_endings()
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("stopped before the end")
