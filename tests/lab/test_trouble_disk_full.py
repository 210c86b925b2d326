# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Playbook disk_full on a host whose / is full to the last block, by a user with sudo.

The image has /tmp on /, so nothing can be copied to where Ansible would copy it (which is shown first). Fails where the
playbook does not get through on such a host, where it changes what was not named, where what was named does not give
its room back (statvfs), or where a byte of the log is lost.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import HERE, Machine, Played

PLAYBOOK = "highwater.memory.disk_full"
LOG, NEIGHBOUR = "/var/log/app/app.log.1", "/var/log/app/app.log.2"
GONE, KEPT = "/var/log/app/access.log", "/var/log/app/audit.log"
LOG_MIB, GONE_MIB = 24, 64
SLOW = 600.0  # seconds for a playbook on an emulated machine

# Lines as a program writes them: repetitive, and no two alike.
WRITE_LOG = """
import sys, zlib
size, number = int(sys.argv[2]) << 20, 0
with open(sys.argv[1], "w") as file:
    while file.tell() < size:
        second = "2026-11-20T16:%02d:%02d host app[811]:" % (number // 300000 % 60, number // 5000 % 60)
        lines = range(number, number + 5000)
        file.writelines("%s GET /item/%08x 200 in %d ms\\n" % (second, zlib.crc32(b"%d" % n), n % 97) for n in lines)
        number += 5000
"""
# A program whose log was deleted under it; told by a signal, it writes a line.
WRITER = """
import os, signal, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | int(sys.argv[3]), 0o640)
os.posix_fallocate(fd, 0, int(sys.argv[2]) << 20)
os.lseek(fd, 0, os.SEEK_END)
os.unlink(sys.argv[1])
signal.signal(signal.SIGUSR1, lambda *_: os.write(fd, b"a line\\n"))
open("/run/%d.ready" % os.getpid(), "w").close()
while True:
    signal.pause()
"""
APPEND, PLAIN = "1024", "0"  # O_APPEND, and without it

pytestmark = pytest.mark.machine(image="bookworm", memory=512)


def prepare(machine: Machine, what: str) -> None:
    """Two logs, two files that are deleted but open, and no room left at all."""
    machine.put("/root/log.py", WRITE_LOG)
    machine.put("/root/writer.py", WRITER)
    machine.put("/root/fill_disk.py", (HERE / "guest" / "fill_disk.py").read_text(encoding="utf-8"))
    machine.shell(f"mkdir /var/log/app && chown nobody /var/log/app && python3 /root/log.py {LOG} {LOG_MIB}")
    machine.shell(f"cp {LOG} {NEIGHBOUR} && chown nobody:adm {LOG} && chmod 640 {LOG}")
    machine.spawn("gone", f"python3 /root/writer.py {GONE} {GONE_MIB} {APPEND}")
    machine.spawn("kept", f"python3 /root/writer.py {KEPT} {GONE_MIB // 2} {PLAIN}")
    machine.until(lambda: machine.shell("ls /run/*.ready | wc -l").strip() == "2", 60, "both writers' being ready")
    machine.shell(f"python3 /root/fill_disk.py /srv {what}", timeout=SLOW)


def refuses_root(machine: Machine) -> bool:
    """Whether there is not one block, or not one inode, for root either. (What the kernel keeps for itself, some 16 MiB
    on ext4, statvfs calls free.)
    """
    return "No space left on device" in machine.attempt("echo one block > /srv/one; rm /srv/one").err


def room(machine: Machine) -> tuple[int, int]:
    """Free blocks in bytes and free inodes of /: statvfs(3)."""
    blocks, size, inodes = machine.shell("stat -f -c '%f %S %d' /").split()
    return int(blocks) * int(size), int(inodes)


def digest(machine: Machine, command: str) -> str:
    return machine.shell(f"{command} | sha256sum").split()[0]


def play(machine: Machine, *arguments: str, **variables: Any) -> Played:
    """As a user with sudo; what is printed is what docs/disk_full.md shows."""
    given = json.dumps(dict(ansible_user="operator", **variables))
    played = machine.play(PLAYBOOK, "-e", given, *arguments, timeout=SLOW)
    print(played.output)
    return played


def pid(machine: Machine, unit: str) -> int:
    return int(machine.shell(f"systemctl show -P MainPID {unit}"))


def open_file(machine: Machine, unit: str) -> tuple[int, int]:
    """Bytes by length and on disk of the file that the program has open."""
    size, blocks = machine.shell(f"stat -L -c '%s %b' /proc/{pid(machine, unit)}/fd/3").split()
    return int(size), int(blocks) * 512


def refused_elsewhere(machine: Machine) -> None:
    """Ansible without what the playbook does: it cannot even copy a module."""
    ping = "- hosts: all\n  gather_facts: false\n  tasks: [ansible.builtin.ping: ]\n"
    with pytest.raises(AssertionError, match="No space left on device"):
        machine.play(ping, "-e", json.dumps({"ansible_user": "operator", "ansible_ssh_pipelining": False}))


def test_full_to_the_last_block(machine: Machine) -> None:
    prepare(machine, "blocks")
    full = room(machine)[0]
    assert refuses_root(machine)
    refused_elsewhere(machine)
    expected = digest(machine, f"cat {LOG}")

    # Even where there can be no pipelining, as with sudo's requiretty.
    seen = play(machine, ansible_ssh_pipelining=False, ansible_pipelining=False)
    assert seen.changed == 0
    for words in ("100.0 %", LOG, GONE, KEPT, "/var/log/app", "/srv/blocks"):
        assert words in seen.output, words
    assert room(machine)[0] == full
    assert digest(machine, f"cat {LOG}") == expected

    done = play(machine, disk_full_truncate=[GONE], disk_full_compress=[{"path": LOG}])
    assert done.changed == 2
    assert room(machine)[0] - full > (GONE_MIB << 20) + (LOG_MIB << 19)
    assert digest(machine, f"zcat {LOG}.gz") == expected
    assert machine.shell(f"ls /var/log/app; stat -c '%U:%G %a' {LOG}.gz").split() == [
        "app.log.1.gz",
        "app.log.2",
        "nobody:adm",
        "640",
    ]
    assert open_file(machine, "gone") == (0, 0)
    assert open_file(machine, "kept") == (GONE_MIB << 19, GONE_MIB << 19)
    machine.shell(f"kill -USR1 {pid(machine, 'gone')}")  # it appends, so its log begins anew
    machine.until(lambda: open_file(machine, "gone")[0] == len("a line\n"), 30, "the next line")

    again = play(machine, disk_full_truncate=[GONE], disk_full_compress=[{"path": LOG}])
    assert again.changed == 1  # the line that was just written; nothing else

    # What would empty all files, or none, is refused before any is looked at.
    module = "highwater.memory.deleted_open_files"
    assert machine.refused(module)["msg"].endswith("missing required arguments: match")
    assert machine.refused(module, match=["*"])["reason"] == "match"
    assert open_file(machine, "kept") == (GONE_MIB << 19, GONE_MIB << 19)

    # What is refused fails the host, after the disks as they are now.
    with pytest.raises(AssertionError, match=r"none\.log does not exist") as caught:
        play(machine, disk_full_compress=["/var/log/app/none.log"])
    table = str(caught.value).partition("TASK [What was freed, and how full the disks are now]")[2]
    assert "mounted at" in table
