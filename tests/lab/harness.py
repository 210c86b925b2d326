# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Tests on a machine that one may break: reboots, power cuts, memory filled to the brim.

For what a module does by itself there is tests/integration/; here are tests that need the machine's whole life.
A test asks for `machine` and says what kind it wants; it gets a pristine, booted one, in about two seconds:

    @pytest.mark.machine(image="bookworm", memory=512, cpus=2, extra=1)
    def test_zram_is_back_after_a_reboot(machine):
        done = machine.module("highwater.memory.zram_device", size="256MiB")
        assert done["changed"]
        machine.reboot()
        assert "/dev/zram0" in machine.shell("cat /proc/swaps")

| of a machine | |
|---|---|
| `shell(command)` | runs a command as root that has to succeed; what it printed on stdout |
| `attempt(command)` | the same where it may fail: `code` (None: time was up), `out`, `err` |
| `read(path)`, `put(path, text)` | a file's text (None where there is none); a file made |
| `spawn(unit, command)` | starts a program in a systemd unit of its own: what happens to it does not end our session |
| `module(name, **options)` | one module call; what it returned, `warnings` as sentences. `check=True`: check mode |
| `refused(name, **options)` | the same where the module has to fail |
| `begin(name, **options)` | the same, begun: a process whose output is what the terminal shows |
| `play(playbook, *arguments)` | a playbook (text, path or name), which has to succeed: `changed`, `ok`, `output` |
| `reboot()` | proved by the kernel's boot id |
| `cut()`, `start()` | QEMU ended at once, as a power cut would; booted again from the disk as it was left |
| `start(own_loader=True)` | the same by the boot loader on the disk, where there is one; image `grub` has GRUB |
| `pristine()` | as new again |
| `throttle(mib=…, operations=…)` | a slow disk |
| `until(condition, seconds)` | waits for a condition; fails the test when the time is up |

`extra=1` gives a second, empty disk of 1 GiB, /dev/vdb. One machine lives at a time; it is taken down at the end and on
Ctrl-C. Its name is the test file's (and the worker's, where pytest-xdist runs tests side by side), so two files may run
at the same time, beside molecule and the benchmark.

How often a series is repeated: `rounds` is a number for a loop, `turn` makes a test of each round (each on a pristine
machine). It is 2 unless `--rounds` or HIGHWATER_ROUNDS says otherwise, as `make soak` does.

A machine that does not come up is the lab's fault and is tried again, with a bound; an assertion never is. Where a test
fails, the report shows what was done on the machine, its kernel log and its console.

    .venv/tools/bin/pytest tests/lab/test_zram.py -k live      # the checkout as it is; `make lab-zram`: as users get it
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import paths

from lab import machine as lab_machine
from lab import paths as lab_paths
from lab import qemu, report, ssh
from lab.errors import LabError, tail
from lab.images import Shape
from lab.process import read
from lab.progress import Board, Job
from lab.waiting import pause

HERE = Path(__file__).resolve().parent
PATIENCE = 300.0  # seconds for a command, a module call or a playbook, unless the test says otherwise
ATTEMPTS = 3  # to bring a machine up
SHOWN = 12  # calls in the report of a failed test
QUESTION = "cat /proc/swaps; head -3 /proc/meminfo; dmesg | tail -30; journalctl -b -q -p warning | tail -20"


class Done(NamedTuple):
    """A command that has ended; ``code`` is None where its time was up."""

    code: Optional[int]
    out: str
    err: str


class Played(NamedTuple):
    """A playbook that has run: the numbers of its recap."""

    ok: int
    changed: int
    output: str


class Machine:
    """One machine of the lab, for one test at a time; ``folder`` is for what is kept of it here."""

    def __init__(self, name: str, image: str, shape: Shape, folder: Path) -> None:
        self.name, self.image, self.shape = name, image, shape
        self.folder = folder
        self.boots = 0
        self.calls: list[str] = []
        self.job = Job(Board(), name)

    # -- its life --------------------------------------------------------------------------------

    def pristine(self) -> None:
        """As new, booted and at rest."""
        self._hang_up()
        lab_machine.bring_up(self.name, self.image, self.shape, self.job)
        self._greet("pristine")

    def reboot(self) -> None:
        """In good order. A kernel that panics on its way up under emulation gets the power switch."""
        self._hang_up()
        try:
            lab_machine.reboot(self.name, self.job)
        except LabError as error:
            if "panicked" not in str(error):
                raise
            self._note(f"reboot: {error}")
            lab_machine.cut(self.name)
            self._infrastructure(self._boot)
        self._greet("reboot")

    def cut(self) -> None:
        """Takes the power away: what was not flushed is lost."""
        lab_machine.cut(self.name)
        self._hang_up()
        self._note("cut")

    def start(self, own_loader: bool = False, degraded: bool = False) -> None:
        """Boots what was cut, from its disk as that is; with own_loader, by the boot loader on that disk; degraded:
        services of it may have failed.
        """
        self._infrastructure(lambda: self._boot(own_loader, degraded))
        self._greet("start")

    def throttle(self, mib: int = 0, operations: int = 0) -> None:
        """Makes the disk as slow as that (MiB and operations a second; 0: no limit), until `pristine` or `start`."""
        lab_machine.throttle(self.name, mib, operations)
        self._note(f"throttle {mib} MiB/s, {operations} operations/s")

    def down(self) -> None:
        """Leaves nothing of it."""
        self._hang_up()
        lab_machine.down(self.name)

    def _boot(self, own_loader: bool = False, degraded: bool = False) -> None:
        it = lab_machine.existing(self.name)
        if it.running:
            lab_machine.cut(self.name)
        try:
            lab_machine.boot(self.name, self.job, own_loader)
        except LabError as error:
            if not degraded or "services that failed" not in str(error):
                raise
            self._note(f"start: {error}: {error.evidence}")

    def _infrastructure(self, work: Callable[[], Any]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                work()
                return
            except LabError as error:
                self._note(f"attempt {attempt} of {ATTEMPTS} to bring it up: {error}")
                if attempt == ATTEMPTS:
                    raise

    def _greet(self, how: str) -> None:
        self.boots += 1
        self._sockets().mkdir(parents=True)
        self.inventory.write_text(report.inventory([lab_machine.existing(self.name)], "root"))
        self._note(how)

    # -- connections -----------------------------------------------------------------------------

    def _sockets(self) -> Path:
        """Each boot has its own, so that no connection to the machine as it was is taken for one to it as it is."""
        return self.folder / str(self.boots)

    @property
    def inventory(self) -> Path:
        """The file for Ansible; that of another machine may be given to `play` beside it ("-i", path)."""
        return self.folder / "inventory.yml"

    def _port(self) -> int:
        return lab_machine.existing(self.name).port

    def _hang_up(self) -> None:
        """Ends the shared connections, which would outlive the machine by minutes."""
        for socket in self._sockets().glob("*") if self.boots else ():
            command = ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "127.0.0.1"]
            # One that does not hear is no harm: nobody asks it again (see _sockets), and it ends by itself.
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)

    # -- commands --------------------------------------------------------------------------------

    def attempt(self, command: str, timeout: float = PATIENCE, text: str = "") -> Done:
        """Runs a command as root; `text` is its standard input."""
        shared = (f"ControlPath={self._sockets()}/%C", "ControlMaster=auto", "ControlPersist=300")
        options = [word for option in (*shared, "BatchMode=yes") for word in ("-o", option)]
        done = execute([*ssh.command_line(self._port(), "root", *options), command], timeout, text=text)
        self._note(f"$ {command}\n-> {done.code}\n{tail(done.out + done.err, 12)}")
        return done

    def shell(self, command: str, timeout: float = PATIENCE, text: str = "") -> str:
        """Runs a command as root that has to succeed; what it printed on standard output."""
        done = self.attempt(command, timeout, text)
        assert done.code == 0, f"`{command}` ended with {done.code} on {self.name}: {tail(done.out + done.err, 30)}"
        return done.out

    def read(self, path: str) -> Optional[str]:
        """The text of a file; None where there is none."""
        done = self.attempt(f"test -e {shlex.quote(path)} || exit 44; cat {shlex.quote(path)}")
        assert done.code in (0, 44), f"cannot read {path} on {self.name}: {done.err}"
        return done.out if done.code == 0 else None

    def put(self, path: str, text: str, mode: str = "0644") -> None:
        """Makes a file; its folder has to be there."""
        where = shlex.quote(path)
        done = self.attempt(f"cat > {where} && chmod {mode} {where}", text=text)
        assert done.code == 0, f"cannot write {path} on {self.name}: {done.err}"

    def spawn(self, unit: str, command: str, *properties: str) -> None:
        """Starts a program in a systemd unit; properties are like MemoryMax=100M."""
        options = " ".join(f"-p {shlex.quote(one)}" for one in ("OOMPolicy=continue", *properties))
        self.shell(f"systemd-run --quiet --unit={unit} {options} -- {command}")

    def until(self, condition: Callable[[], object], seconds: float, what: str = "") -> None:
        """Waits for a condition to hold, and fails the test where it does not in that time."""
        end = time.monotonic() + seconds
        while True:
            began = time.monotonic()
            if condition():
                return
            asked = time.monotonic()
            assert asked < end, f"{what or 'the condition'} did not come true within {seconds:.0f} s"
            pause(min(max(0.3, 3 * (asked - began)), 3))  # asking takes time from what is waited for

    # -- Ansible ---------------------------------------------------------------------------------

    def module(self, name: str, /, **options: Any) -> dict[str, Any]:
        """One call that has to succeed; what the module returned. Not the module's: check (mode), timeout (seconds)."""
        outcome, result = self._call(name, options)
        assert outcome == "ok", f"{name} {options} failed on {self.name}: {why(result)}{self._kills()}"
        return result

    def _kills(self) -> str:
        """Why a process may have died in this boot, by the kernel's word: for want of memory, or of a page of its own;
        empty for nothing.
        """
        told = self.attempt("dmesg | grep -E 'Killed process|segfault|(Read|Write)-error' | tail -5").out.strip()
        return f" | {told}" if told else ""

    def refused(self, name: str, /, **options: Any) -> dict[str, Any]:
        """One call that the module has to refuse; what it returned, `msg` and `reason` among it."""
        outcome, result = self._call(name, options)
        assert outcome == "failed", f"{name} {options} was to fail on {self.name} and returned {result}"
        return result

    def begin(self, name: str, **options: Any) -> subprocess.Popen[str]:
        """One call, begun; `communicate` gives what the terminal shows. It is the test's to end: see cut_off()."""
        self._note(f"{name} {json.dumps(options)} (begun)")
        stdio: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        environment = self._environment()
        return subprocess.Popen(
            self._command(name, options), cwd=paths.ROOT, env=environment, text=True, start_new_session=True, **stdio
        )

    def _command(self, name: str, options: dict[str, Any]) -> list[str]:
        given = ["-a", json.dumps(options)] if options else []  # an empty dict would be taken for free words
        return ["ansible", self.name, "-i", str(self.inventory), "-m", name, *given, "--diff"]

    def _call(self, name: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        check, timeout = options.pop("check", False), options.pop("timeout", PATIENCE)
        command = self._command(name, options)
        env = {"ANSIBLE_STDOUT_CALLBACK": "result_json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
        done = execute([*command, *(["--check"] if check else [])], timeout, env={**self._environment(), **env})
        mode = " (check mode)" if check else ""
        self._note(f"{name} {json.dumps(options)}{mode}\n-> {done.code}\n{tail(done.out, 40)}")
        lines = [line for line in done.out.splitlines() if line.startswith('{"outcome": ')]
        if not lines:
            how = f"did not end within {timeout:.0f} s" if done.code is None else f"ended with {done.code}"
            raise LabError(f"{name} {how} and no result: {tail(done.out + done.err, 20)}")
        answer = json.loads(lines[-1])
        if answer["outcome"] == "unreachable":
            raise LabError(f"{self.name} cannot be reached: {answer['result'].get('msg')}")
        answer["result"]["warnings"] = [said(one) for one in answer["result"].get("warnings", [])]
        return answer["outcome"], answer["result"]

    def play(self, playbook: str, *arguments: str, timeout: float = 4 * PATIENCE) -> Played:
        """A playbook that has to succeed: its text, a path, or a name such as highwater.memory.site."""
        if "\n" in playbook:
            path = self.folder / "playbook.yml"
            path.write_text(playbook)
            playbook = str(path)
        command = ["ansible-playbook", "-i", str(self.inventory), playbook, *arguments]
        done = execute(command, timeout, env=self._environment())
        self._note(f"$ {' '.join(command[3:])}\n-> {done.code}\n{tail(done.out + done.err, 60)}")
        assert done.code == 0, f"{playbook} ended with {done.code}:\n{tail(done.out + done.err, 60)}"
        recap = re.findall(rf"^{re.escape(self.name)}\s.*\bok=(\d+)\s+changed=(\d+)", done.out, re.MULTILINE)
        assert recap, f"{playbook} did nothing on {self.name}:\n{tail(done.out, 60)}"
        return Played(int(recap[-1][0]), int(recap[-1][1]), done.out)

    def _environment(self) -> dict[str, str]:
        return {
            **paths.environment(f"core-{paths.NEWEST_CORE}"),
            # A step of `make` tests what users get; pytest by hand, the checkout as it is.
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(paths.LINK)),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._sockets()),
            "ANSIBLE_TIMEOUT": "60",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
        }

    # -- proof -----------------------------------------------------------------------------------

    def _note(self, call: str) -> None:
        if self.calls and self.calls[-1][9:] == call.rstrip():  # asked again and again, by until()
            self.calls.pop()
        self.calls.append(f"{time.strftime('%H:%M:%S')} {call.rstrip()}")

    def evidence(self) -> str:
        """What was done on it last, and what it says of itself; never fails."""
        parts = ["\n".join(self.calls[-SHOWN:])]
        try:
            login = ssh.command_line(self._port(), "root", "-o", "BatchMode=yes")
            parts += ["── the machine", execute([*login, QUESTION], 60).out]
            parts += ["── its console", tail(read(lab_machine.existing(self.name).home / qemu.CONSOLE), 15)]
        except LabError as error:
            parts.append(str(error))
        return "\n".join(parts)


def why(result: dict[str, Any]) -> str:
    """What a failed call says of itself; of a module that died, what it printed, the end of it."""
    printed = (
        f"{name}: {result[name]}" for name in ("rc", "exception", "module_stderr", "module_stdout") if name in result
    )
    return " | ".join([str(result.get("msg")), *(tail(one, 15) for one in printed)])


def execute(command: list[str], timeout: float, *, text: str = "", env: Optional[dict[str, str]] = None) -> Done:
    """Runs a program here, a process group of its own, for so many seconds; Ctrl-C ends the wait (lab.waiting)."""
    with tempfile.TemporaryFile("w+") as given:  # communicate() would write no more of it once it has timed out
        given.write(text)
        given.seek(0)
        pipes: dict[str, Any] = {"stdin": given, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            command, cwd=paths.ROOT, env=env, text=True, errors="replace", start_new_session=True, **pipes
        )
    deadline = time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            try:
                out, err = process.communicate(timeout=0.2)
                return Done(process.returncode, out, err)
            except subprocess.TimeoutExpired:
                pause(0)
    finally:
        cut_off(process)
    out, err = process.communicate()
    return Done(None, out, err)


def cut_off(process: subprocess.Popen[str]) -> None:
    """Kills what `begin` has begun, with Ansible's workers: each has a session of its own and would go on."""
    for pid in [*_workers(process.pid), process.pid] if process.poll() is None else []:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _workers(parent: int) -> list[int]:
    """The processes that one has begun, and those that they have."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], stdout=subprocess.PIPE, text=True)
    children = [int(pid) for pid in found.stdout.split()]
    return children + [pid for child in children for pid in _workers(child)]


def said(warning: Any) -> str:
    """A warning's sentence: from ansible-core 2.19 on it is wrapped."""
    while isinstance(warning, dict):
        warning = warning.get("msg") or warning.get("event") or ""
    return str(warning)


def lock(name: str) -> Any:
    """Held while the machine of that name is ours; an error where another run has it."""

    def busy() -> None:
        raise LabError(f"another run of these tests has the machine {name}")

    return lab_paths.locked(f"tests-{name}", lab_paths.machines(), busy)
