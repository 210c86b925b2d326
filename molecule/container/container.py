# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""An unprivileged container from a root tree: namespaces and an sshd, without an engine.

    container.py up FOLDER --name NAME --kind KIND --tree TAR    prints, as JSON, where ssh finds it
    container.py down FOLDER

Its files are in memory and its mounts in a namespace of their own: when its processes end, nothing of it is left.
It ends by itself when nobody has come for half an hour. FOLDER holds what is needed to end it, and its log.

Two kinds, both without any mark by which engines give themselves away, since these are the hardest to recognise:

    rootless   a user namespace, as podman has it without root and docker with userns-remap
    pod        no user namespace, but few capabilities and /proc/sys read-only, as in pods of Kubernetes

Run by a user other than root, both are in a user namespace; that takes the package uidmap and subordinate ids.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Callable, NoReturn, Optional

ROOT = Path("/mnt")  # where the tree is put together; in a mount namespace of its own, so the real one is not touched
SIZE = "1g"  # of the tree in memory, at most
PATIENCE = 60  # seconds for the container to come up, or to end
FIRST_ID = 0x70000000  # the container's root on the machine: nobody's id there
IDS = 65536
NAMESPACES = ("CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWNET", "CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWCGROUP")

# Docker's, without mknod: there is no device cgroup here that would hold it back. Source: moby, oci/caps/defaults.go.
CAPABILITIES = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_raw": 13,
    "sys_chroot": 18,
    "audit_write": 29,
    "setfcap": 31,
}
PR_SET_PDEATHSIG, PR_CAPBSET_DROP = 1, 24  # linux/prctl.h
MNT_DETACH = 2  # linux/fs.h

# Source: moby, oci/defaults.go (MaskedPaths, ReadonlyPaths).
HIDDEN = ("kcore", "keys", "latency_stats", "timer_list", "sched_debug")
READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
ZRAM_CONTROL = "class/zram-control/hot_add"
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")

# Not unpacked: a container has no kernel of its own, and its devices come from the machine.
LEFT_OUT = ("boot/", "dev/", "proc/", "sys/", "usr/lib/modules/", "usr/lib/firmware/")

# What becomes of the container's first process, run by the tree's own Python: an sshd for each connection.
# The listening socket was made outside, so that no port has to be guessed and none is waited for.
INIT = """
import os, socket, sys, time
os.makedirs("/run/sshd", exist_ok=True)
os.makedirs("/run/lock", exist_ok=True)
listener = socket.socket(fileno=int(sys.argv[1]))
listener.settimeout(5)

def connections():
    "Collects processes that have ended; whether any runs."
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False

last = time.monotonic()
while time.monotonic() < last + 1800:
    if connections():
        last = time.monotonic()
    try:
        connection = listener.accept()[0]
    except socket.timeout:
        continue
    stdio = [(os.POSIX_SPAWN_DUP2, connection.fileno(), fd) for fd in (0, 1)]
    os.posix_spawn("/usr/sbin/sshd", ["/usr/sbin/sshd", "-i", "-e"], os.environ, file_actions=stdio)
    connection.close()
    last = time.monotonic()
"""


# -- on the machine ----------------------------------------------------------------------------------------------------


def up(folder: Path, name: str, kind: str, tree: Path) -> None:
    down(folder)
    folder.mkdir(mode=0o700, parents=True)
    listener = socket.create_server(("127.0.0.1", 0))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *([] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--map-auto"]),
                *(sys.executable, "-I", __file__, "run", str(listener.fileno())),
                *("--name", name, "--kind", kind, "--tree", str(tree)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
            start_new_session=True,  # a Ctrl-C here is for us, and we pass it on
        )
    try:
        state = {"pid": process.pid, "started": started(process.pid)}
        (folder / "process.json").write_text(json.dumps(state))
        port = listener.getsockname()[1]
        listener.close()
        greet(port, process, folder / "log")
    except BaseException:
        down(folder, keep_log=True)
        raise
    print(json.dumps({"address": "127.0.0.1", "port": port}))


def greet(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until its sshd says its name. Before there is one, the connection waits at the listening socket."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.settimeout(1)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            try:
                if connection.recv(4) == b"SSH-":
                    return
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    said = log.read_text(errors="replace").strip() or f"it said nothing for {PATIENCE} s"
    sys.exit(f"the container did not come up: {said}")


def down(folder: Path, keep_log: bool = False) -> None:
    """Ends the container, if there is one, and waits for the end of all its processes."""
    try:
        state = json.loads((folder / "process.json").read_text())
        handle = os.pidfd_open(state["pid"])
    except (FileNotFoundError, ValueError, ProcessLookupError):
        handle = -1
    if handle >= 0 and started(state["pid"]) == state["started"]:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], PATIENCE)[0]:
            sys.exit(f"the container's process {state['pid']} does not end: see {folder}/log")
    if keep_log:
        (folder / "process.json").unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def started(pid: int) -> Optional[str]:
    """When a process began: with its id, this tells it from any other. None when it is no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return None


# -- between the machine and the container -----------------------------------------------------------------------------


def run(listener: int, name: str, kind: str, tree: Path) -> NoReturn:
    """Makes the namespaces and stays with the container's first process, whose end is the end of all in them."""
    within_another = "4294967295" not in Path("/proc/self/uid_map").read_text()
    first_id = FIRST_ID if kind == "rootless" and not within_another else 0
    for flag in NAMESPACES:
        os.unshare(getattr(os, flag))
    init = os.fork()
    if init == 0:
        try:
            become_container(listener, name, first_id, tree)
        except Exception as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)
    os.close(listener)
    handle = os.pidfd_open(init)
    signal.signal(signal.SIGTERM, lambda *_: signal.pidfd_send_signal(handle, signal.SIGKILL))
    os.waitpid(init, 0)  # Python begins it again after a signal
    os._exit(0)


def become_container(listener: int, name: str, first_id: int, tree: Path) -> NoReturn:
    socket.sethostname(name)
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", f"mode=755,uid={first_id},gid={first_id},size={SIZE}", "tmpfs", str(ROOT))
    unpack(tree, first_id)
    (ROOT / "etc/hostname").write_text(f"{name}\n")
    (ROOT / "etc/hosts").write_text(f"127.0.0.1 localhost {name}\n")
    mount_proc_and_sys()
    mount_devices(first_id)
    libc = ctypes.CDLL(None, use_errno=True)  # while the machine's files are in sight
    leave_the_machine(libc)
    if first_id:
        enter_user_namespace(first_id)
    os.setgroups([])
    for capability in range(64):
        if capability not in CAPABILITIES.values():
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # refused beyond the kernel's last
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # now, since a change of user takes it back
    os.set_inheritable(listener, True)
    os.umask(0o022)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
    os.execve("/usr/bin/python3", ["init", "-I", "-c", INIT, str(listener)], {"PATH": path})


def mount(*arguments: str) -> None:
    command("mount", *arguments)


def command(*argv: str) -> None:
    subprocess.run(argv, check=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})


def unpack(tree: Path, first_id: int) -> None:
    """Writes the tree's files, their owners counted from first_id on."""

    def place(member: tarfile.TarInfo, _path: str) -> Optional[tarfile.TarInfo]:
        name = member.name.removeprefix("./")
        if member.isdev() or name.startswith(LEFT_OUT):
            return None
        return member.replace(uid=member.uid + first_id, gid=member.gid + first_id, deep=False)

    with tarfile.open(tree) as archive:
        archive.errorlevel = 2  # an owner that cannot be set is an error too
        archive.extractall(ROOT, numeric_owner=True, filter=place)


def mount_proc_and_sys() -> None:
    proc = ROOT / "proc"
    mount("-t", "proc", "-o", "nosuid,nodev,noexec", "proc", str(proc))
    for path in (proc / name for name in READ_ONLY if (proc / name).exists()):
        mount("--bind", str(path), str(path))
        mount("-o", "remount,bind,ro,nosuid,nodev,noexec", str(path))
    for path in (proc / name for name in HIDDEN if (proc / name).exists()):
        mount("--bind", "/dev/null", str(path))
    mount("-t", "sysfs", "-o", "ro,nosuid,nodev,noexec", "sysfs", str(ROOT / "sys"))
    # Engines leave this open: whoever may read it makes a zram device on the machine, without any capability.
    if (ROOT / "sys" / ZRAM_CONTROL).exists():
        mount("--bind", "/dev/null", str(ROOT / "sys" / ZRAM_CONTROL))


def mount_devices(first_id: int) -> None:
    folder = ROOT / "dev"
    mount("-t", "tmpfs", "-o", f"mode=755,uid={first_id},gid={first_id},size=64k,nosuid,noexec", "tmpfs", str(folder))
    for name in DEVICES:
        (folder / name).touch()
        mount("--bind", f"/dev/{name}", str(folder / name))
    for name in ("pts", "shm"):
        (folder / name).mkdir()
    terminals = f"newinstance,ptmxmode=0666,mode=620,uid={first_id},gid={first_id + 5},nosuid,noexec"
    mount("-t", "devpts", "-o", terminals, "devpts", str(folder / "pts"))
    mount("-t", "tmpfs", "-o", "mode=1777,size=64m,nosuid,nodev,noexec", "tmpfs", str(folder / "shm"))
    (folder / "ptmx").symlink_to("pts/ptmx")
    (folder / "fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (folder / name).symlink_to(f"/proc/self/fd/{number}")


def leave_the_machine(libc: ctypes.CDLL) -> None:
    """Makes the tree the root and lets go of the machine's file systems. From here on, commands are the tree's."""
    (ROOT / "old").mkdir()
    os.chdir(ROOT)
    command("pivot_root", ".", "old")
    os.chdir("/")
    # Not by the tree's command: by its setuid bit that would become the container's root, who may not.
    if libc.umount2(b"/old", MNT_DETACH):
        raise OSError(ctypes.get_errno(), "umount2", "/old")
    os.rmdir("/old")


def enter_user_namespace(first_id: int) -> None:
    """Becomes root in a user namespace that owns none of the other namespaces.

    It must not be the machine's root: the kernel lets that write to /proc/sys without asking for any capability.
    """
    wait, go = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        os.close(go)
        os.read(wait, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/1/{name}").write_text(f"0 {first_id} {IDS}\n")
        os._exit(0)
    os.unshare(os.CLONE_NEWUSER)
    os.close(go)
    os.close(wait)
    if os.waitpid(mapper, 0)[1]:
        raise OSError("the ids of the user namespace could not be mapped")
    os.setgid(0)
    os.setuid(0)


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    sub = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "run"):
        new = sub.add_parser(name)
        if name in ("up", "down"):
            new.add_argument("folder", type=Path)
        if name == "run":
            new.add_argument("listener", type=int)
        if name in ("up", "run"):
            new.add_argument("--name", required=True)
            new.add_argument("--kind", required=True, choices=["rootless", "pod"])
            new.add_argument("--tree", type=Path, required=True)
    arguments = vars(parser.parse_args())
    commands: dict[str, Callable[..., None]] = {"up": up, "down": down, "run": run}
    commands[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
