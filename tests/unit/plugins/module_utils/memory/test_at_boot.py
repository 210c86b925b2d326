# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the next boot makes of vm settings and of swap, beside what is now.

Fails when a difference that a boot would make is missed, when one is said that it would not make, when a line on a
setting that the kernel does not show ends the look, and when the short way of memory_info (all lines agree with the
kernel) differs from that of vm_sysctl.
"""

from __future__ import annotations

import errno
import os
import struct
import tempfile
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.memory import at_boot, boot_files, findings
from ansible_collections.highwater.memory.plugins.module_utils.memory.sample import Sample
from ansible_collections.highwater.memory.plugins.module_utils.memory.state import State
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.vm import precedence
from hypothesis import given, settings
from hypothesis import strategies as st

UUID = "8a3bd2a1-6c0a-4e0d-8f8a-0c7d0d0c0a02"
LIVE = {"swappiness": 60, "dirty_ratio": 20, "dirty_bytes": 0, "lowmem_reserve_ratio": "256\t256\t32\t0"}


class Machine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = Host(str(folder))
        for name, value in LIVE.items():
            self.write("/proc/sys/vm/" + name, "%s\n" % value)
        self.write("/proc/sys/kernel/numa_balancing", "1\n")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="surrogatepass")

    def drift(self) -> list[tuple[str, str, str, str]]:
        found = at_boot.observe(self.host, ())
        assert found is not None
        return [tuple(one) for one in found.drift]  # type: ignore[misc]

    def look(self, *areas: SwapArea) -> at_boot.AtBoot:
        found = at_boot.observe(self.host, areas)
        assert found is not None
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def area(path: str, priority: int = -2) -> SwapArea:
    return SwapArea(path, "file", 2**30, 0, priority)


def test_the_folders_are_those_of_vm_sysctl() -> None:
    assert at_boot.SYSCTL_FOLDERS == precedence.FOLDERS
    assert at_boot.SYSCTL_CONF == precedence.SYSCTL_CONF


SYSCTL: list[tuple[str, dict[str, str], list[tuple[str, str, str, str]]]] = [
    ("no files", {}, []),
    ("the same", {"a.conf": "vm.swappiness = 60\nkernel.pid_max = 7\n"}, []),
    ("another", {"a.conf": "#\nvm.swappiness=7"}, [("vm.swappiness", "7", "60", "/etc/sysctl.d/a.conf, line 2")]),
    ("the last is right", {"a.conf": "vm.swappiness=7", "b.conf": "vm.swappiness=60"}, []),
    ("the last is wrong", {"a.conf": "vm.swappiness=60", "b.conf": "vm/swappiness = 0x7"},
     [("vm.swappiness", "7", "60", "/etc/sysctl.d/b.conf, line 1")]),
    ("the same number", {"a.conf": "-vm.swappiness = 074"}, []),
    ("taken back", {"a.conf": "vm.swappiness = 7\n", "b.conf": "-vm.swappiness\n"}, []),
    ("no value", {"a.conf": "vm.swappiness =\n"}, []),
    ("no number", {"a.conf": "vm.swappiness = 7 of 100"},
     [("vm.swappiness", "7 of 100", "60", "/etc/sysctl.d/a.conf, line 1")]),
    ("several numbers", {"a.conf": "vm.lowmem_reserve_ratio = 256  256 32 0"}, []),
    ("a comment", {"a.conf": "# vm.swappiness = 7\n;vm.swappiness = 8"}, []),
    ("a kernel without it", {"a.conf": "vm.nothing_like_it = 7"}, []),
    ("not in vm", {"a.conf": "kernel.numa_balancing=0\nnet.core.rmem_max=1"},
     [("kernel.numa_balancing", "0", "1", "/etc/sysctl.d/a.conf, line 1")]),
    ("of two that exclude each other", {"a.conf": "vm.dirty_ratio = 5\nvm.dirty_bytes = 0"},
     []),
    ("the other of the two", {"a.conf": "vm.dirty_bytes = 8192"},
     [("vm.dirty_bytes", "8192", "0", "/etc/sysctl.d/a.conf, line 1")]),
    ("no conf", {"a.conf.bak": "vm.swappiness = 7"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("why", "files", "drift"), SYSCTL)
def test_sysctl(why: str, files: dict[str, str], drift: list[tuple[str, str, str, str]], machine: Machine) -> None:
    for name, text in files.items():
        machine.write("/etc/sysctl.d/" + name, text)
    assert machine.drift() == drift, why


NAMES = ("swappiness", "min_free_kbytes", "dirty_ratio", "lowmem_reserve_ratio", "page-cluster", "*", "drop_caches")
lines = st.tuples(
    st.sampled_from(("", "-", "#", " ")), st.sampled_from(NAMES), st.sampled_from((" = ", "=", "")), st.text(max_size=8)
)


@settings(max_examples=50, deadline=None)
@given(st.lists(lines, max_size=4))
def test_whatever_stands_in_a_file_ends_no_look(found: list[tuple[str, str, str, str]]) -> None:
    """Others write these files. Fails where a value that is none is an error instead of a difference."""
    with tempfile.TemporaryDirectory() as name:
        machine = Machine(Path(name))
        machine.write("/proc/sys/vm/min_free_kbytes", "67584\n")
        machine.write("/etc/sysctl.d/a.conf", "".join("%svm.%s%s%s\n" % line for line in found))
        state = State(1.0, 4096, huge={"enabled": "[always] madvise never"}, at_boot=machine.look())
        names = {one["name"] for one in findings.of(Sample(state))}
    assert names <= {"sysctl_file_differs"}


class Mute(Host):
    """A stand-in for a kernel that refuses to show a setting: root reads every file of a folder, whatever its mode."""

    def __init__(self, folder: Path, refused: dict[str, int]) -> None:
        super().__init__(str(folder))
        self.refused = refused

    def read_bytes(self, path: str) -> bytes | None:
        folder, _slash, name = path.rpartition("/")
        if folder == "/proc/sys/vm" and name in self.refused:
            raise OSError(self.refused[name], os.strerror(self.refused[name]), path)
        return super().read_bytes(path)


# drop_caches and compact_memory can only be written; huge pages that the processor has not are not supported.
MUTE = {"drop_caches": errno.EACCES, "compact_memory": errno.EACCES, "nr_hugepages": errno.EOPNOTSUPP}


@pytest.mark.parametrize("name", sorted(MUTE))
def test_a_setting_that_cannot_be_read(name: str, machine: Machine) -> None:
    """Fails where such a line ends the look, is called a difference, or hides that of its neighbour."""
    machine.host = Mute(machine.folder, MUTE)
    machine.write("/etc/sysctl.d/a.conf", "vm.%s = 3\n" % name)
    assert machine.drift() == []
    machine.write("/etc/sysctl.d/a.conf", "vm.%s = 3\nvm.swappiness = 7\n" % name)
    assert machine.drift() == [("vm.swappiness", "7", "60", "/etc/sysctl.d/a.conf, line 2")]


def test_a_setting_that_cannot_be_read_costs_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where the short way takes it for a difference: what compares precisely must not even be asked."""
    machine.host = Mute(machine.folder, MUTE)
    machine.write("/etc/sysctl.d/a.conf", "".join("vm.%s = 3\n" % name for name in MUTE))
    monkeypatch.delattr(boot_files, "observe")
    assert machine.drift() == []


def test_sysctl_conf_where_procps_reads_it(machine: Machine) -> None:
    machine.write("/etc/sysctl.conf", "vm.swappiness = 7\n")
    assert machine.drift() == [("vm.swappiness", "7", "60", "/etc/sysctl.conf, line 1")]
    machine.write("/usr/lib/systemd/systemd-sysctl", "")
    assert machine.drift() == []


def test_a_file_that_is_hidden(machine: Machine) -> None:
    machine.write("/usr/lib/sysctl.d/a.conf", "vm.swappiness = 7\n")
    machine.write("/etc/sysctl.d/a.conf", "vm.swappiness = 60\n")
    assert machine.drift() == []


def test_who_comes_later_at_boot(machine: Machine) -> None:
    """A rule of udev's gives what the kernel has: the file is not what counts."""
    machine.write("/etc/sysctl.d/a.conf", "vm.swappiness = 7\n")
    machine.write("/etc/udev/rules.d/a.rules", 'ACTION=="add", SYSCTL{vm.swappiness}="60"\n')
    assert machine.drift() == []
    machine.write("/etc/udev/rules.d/a.rules", 'ACTION=="add", SYSCTL{vm.swappiness}="8"\n')
    (found,) = machine.drift()
    assert found[:3] == ("vm.swappiness", "8", "60")
    assert "udev" in found[3]


def test_a_container(machine: Machine) -> None:
    machine.write("/etc/sysctl.d/a.conf", "vm.swappiness = 7\n")
    machine.write("/run/systemd/container", "lxc\n")
    assert at_boot.observe(machine.host, (area("/swapfile"),)) is None


def test_fstab_by_path(machine: Machine) -> None:
    machine.write(
        "/etc/fstab", "/dev/vda1 / ext4 defaults 0 1\n/swapfile none swap sw,pri=5 0 0\n/b none swap sw 0 0\n"
    )
    on = area("/swapfile", 5)
    assert machine.look(on) == at_boot.AtBoot((), (
        at_boot.Promise("/swapfile", 2, 5, on),
        at_boot.Promise("/b", 3, None, None),
    ))  # fmt: skip


def test_fstab_by_a_link(machine: Machine) -> None:
    """An encrypted swap is called otherwise in fstab than in /proc/swaps."""
    machine.write("/etc/fstab", "/dev/mapper/cryptswap none swap sw 0 0\n")
    machine.write("/dev/dm-0", "")
    (machine.folder / "dev/mapper").mkdir()
    os.symlink("../dm-0", machine.folder / "dev/mapper/cryptswap")
    on = area("/dev/dm-0")
    assert [promise.area for promise in machine.look(on).promises] == [on]


@pytest.mark.parametrize("spec", ["/data/swapfile", "//srv/./swapfile", "/data/../srv/swapfile", "/loop/swapfile"])
def test_fstab_by_another_way_to_the_file(spec: str, machine: Machine) -> None:
    """Fails where swap is called off that is on under the name that the kernel gives it: without any link."""
    (machine.folder / "srv").mkdir()
    (machine.folder / "srv/swapfile").touch()
    os.symlink("/srv/", machine.folder / "data")
    os.symlink("loop", machine.folder / "loop")
    machine.write("/etc/fstab", "%s none swap sw 0 0\n" % spec)
    on = area("/srv/swapfile")
    assert [promise.area for promise in machine.look(on).promises] == [None if "loop" in spec else on]


@pytest.mark.parametrize("spec", ["UUID=" + UUID.upper(), 'uuid="%s"' % UUID])
def test_fstab_by_uuid_of_a_device(spec: str, machine: Machine) -> None:
    machine.write("/etc/fstab", "%s none swap sw 0 0\n" % spec)
    machine.write("/dev/vdb", "")
    (machine.folder / "dev/disk/by-uuid").mkdir(parents=True)
    os.symlink("../../vdb", machine.folder / "dev/disk/by-uuid" / UUID)
    on = area("/dev/vdb")
    assert [promise.area for promise in machine.look(on).promises] == [on]
    assert machine.look(area("/dev/vdc")).promises[0].area is None


@pytest.mark.parametrize(
    ("spec", "found"), [("UUID=" + UUID, True), ("LABEL=spare", True), ("LABEL=other", False), ("LABEL=Spare", False)]
)
def test_fstab_by_the_header_of_a_file(spec: str, found: bool, machine: Machine) -> None:
    """udev makes no links to files."""
    size = os.sysconf("SC_PAGE_SIZE")
    header = struct.pack("=III16s16s", 1, 99, 0, bytes.fromhex(UUID.replace("-", "")), b"spare")
    page = (bytes(1024) + header).ljust(size - 10, b"\0") + b"SWAPSPACE2"
    (machine.folder / "swapfile").write_bytes(page)
    machine.write("/etc/fstab", spec + " none swap sw 0 0\n")
    assert (machine.look(area("/swapfile")).promises[0].area is not None) is found


def test_fstab_noauto(machine: Machine) -> None:
    machine.write("/etc/fstab", "/swapfile none swap noauto 0 0\n# /b none swap sw 0 0\n")
    assert machine.look().promises == ()


def test_what_nothing_turns_on(machine: Machine) -> None:
    """fstab names one, a unit another, a link in a unit a third; a zram is made anew at each boot."""
    machine.write("/etc/fstab", "/a none swap sw 0 0\n")
    machine.write("/etc/systemd/system/b.swap", "[Swap]\nWhat=/b\nPriority=3\n")
    machine.write("/run/systemd/generator/dev-by.swap", "[Swap]\nWhat=/dev/by/c\n")
    machine.write("/etc/systemd/system/d.service", "[Service]\nWhat=/d\n")
    (machine.folder / "dev/by").mkdir(parents=True)
    os.symlink("../c", machine.folder / "dev/by/c")
    areas = [area(path) for path in ("/a", "/b", "/dev/c", "/d", "/dev/zram0")]
    assert machine.look(*areas).unlisted == ("/d",)
