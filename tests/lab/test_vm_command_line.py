# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""kernel_command_line where it counts: on a machine that boots by its own GRUB, and on entries that the distribution's
kernel-install made. zswap too, which the kernels of the other images lack.

It fails where the kernel that GRUB has started does not have the parameters, has them still after they were taken back,
where a later file of GRUB's that wins is not named, or where a file is left changed.
"""

from __future__ import annotations

from typing import Any

import pytest
from harness import Machine

pytestmark = pytest.mark.machine(image="grub")

PARAMETERS = {"transparent_hugepage": "never", "zswap.enabled": 1, "slub_max_order": 1}
WORDS = {"transparent_hugepage=never", "zswap.enabled=1", "slub_max_order=1"}
# The disk has no partitions, so GRUB has to find its core by block lists; the machine has nothing but a serial line.
INSTALL_GRUB = """
set -e
cat > /etc/default/grub <<'END'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=lab
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=ttyS0 net.ifnames=0 mitigations=off"
GRUB_TERMINAL=serial
END
grub-install --target=i386-pc --force /dev/vda 2>&1
update-grub 2>&1
sync
"""
LOADER_FILES = "find /etc/default /boot/grub/grub.cfg /etc/kernel /var/lib/highwater -type f | sort | xargs sha256sum"


def line(machine: Machine) -> set[str]:
    return set((machine.read("/proc/cmdline") or "").split())


def test_a_boot_through_grub(machine: Machine) -> None:
    refused = machine.refused("highwater.memory.kernel_command_line", parameters=PARAMETERS)
    assert refused["reason"] == "boot_loader"
    machine.shell(INSTALL_GRUB)
    files = machine.attempt(LOADER_FILES).out
    check = machine.module("highwater.memory.kernel_command_line", check=True, parameters=PARAMETERS)
    assert machine.attempt(LOADER_FILES).out == files
    done = machine.module("highwater.memory.kernel_command_line", parameters=PARAMETERS)
    assert check["actions"] == done["actions"]
    assert done["reboot_required"] is True
    assert not WORDS & line(machine)
    machine.shell("sync")
    machine.cut()
    machine.start(own_loader=True)
    assert line(machine) >= WORDS | {"quiet", "net.ifnames=0"}
    assert any(word.startswith("BOOT_IMAGE=") for word in line(machine)), "it was not GRUB that booted it"
    assert "[never]" in (machine.read("/sys/kernel/mm/transparent_hugepage/enabled") or "")
    assert machine.read("/sys/module/zswap/parameters/enabled") == "Y\n"
    again = machine.module("highwater.memory.kernel_command_line", parameters=PARAMETERS)
    assert (again["changed"], again["reboot_required"], again["warnings"]) == (False, False, [])
    machine.module("highwater.memory.kernel_command_line", state="absent")
    assert machine.attempt(LOADER_FILES).out == files
    machine.reboot()
    assert not WORDS & line(machine)
    assert "quiet" in line(machine)


def test_a_later_file_of_grub_s_that_wins(machine: Machine) -> None:
    """What can be read there is refused before anything is done. For the rest GRUB's own program decides what is on the
    line, and what it made of ours is taken back with our file.
    """
    machine.shell(INSTALL_GRUB)
    later = "/etc/default/grub.d/99-z.cfg"
    machine.shell("mkdir -p /etc/default/grub.d")
    reset = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
    for text, said in (
        (reset, f"would not be on the line: {later}, line 1, sets GRUB_CMDLINE_LINUX_DEFAULT after ours"),
        (f"if true; then\n  {reset}fi\n", "is not on the line that GRUB made"),
    ):
        machine.put(later, text)
        machine.shell("update-grub 2>&1")
        files = machine.attempt(LOADER_FILES).out
        refused = machine.refused("highwater.memory.kernel_command_line", parameters=PARAMETERS)
        assert said in refused["msg"]
        assert refused["reason"] == "overridden"
        assert machine.attempt(LOADER_FILES).out == files
    # This one leaves the other parameters of ours on the line, so that it has to be made once more without them.
    machine.put(later, 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT slub_max_order=0"\n')
    machine.shell("update-grub 2>&1")
    files = machine.attempt(LOADER_FILES).out
    refused = machine.refused("highwater.memory.kernel_command_line", parameters=PARAMETERS)
    assert "slub_max_order=1 does not count on the line that GRUB made" in refused["msg"]
    assert machine.attempt(LOADER_FILES).out == files


def test_entries_of_kernel_install(machine: Machine) -> None:
    """The entries are real, and what would boot by them is not here: a firmware for it is no part of the lab."""
    machine.shell("mkdir -p /boot/loader/entries && echo 'root=/dev/vda ro quiet' > /etc/kernel/cmdline")
    machine.put("/etc/kernel/install.conf", "layout=bls\n")
    release = machine.shell("uname -r").strip()
    machine.shell(f"kernel-install --verbose add {release} /boot/vmlinuz-{release}")
    before = machine.shell("head -50 /boot/loader/entries/*.conf /etc/kernel/cmdline")
    assert "root=/dev/vda ro quiet" in before
    done = machine.module("highwater.memory.kernel_command_line", parameters=PARAMETERS)
    assert done["boot_loader"] == "boot loader entries"
    after = machine.shell("grep -h ^options /boot/loader/entries/*.conf; cat /etc/kernel/cmdline")
    assert all(set(one.split()) >= WORDS for one in after.splitlines())
    # What the distribution makes of it for the next kernel.
    machine.shell(f"kernel-install add {release} /boot/vmlinuz-{release}")
    assert set(machine.shell("grep -h ^options /boot/loader/entries/*.conf").split()) >= WORDS
    assert machine.module("highwater.memory.kernel_command_line", parameters=PARAMETERS)["changed"] is False
    machine.module("highwater.memory.kernel_command_line", state="absent")
    machine.shell(f"kernel-install add {release} /boot/vmlinuz-{release}")
    assert machine.shell("head -50 /boot/loader/entries/*.conf /etc/kernel/cmdline") == before


def test_zswap_is_set_across_a_reboot_and_given_back(machine: Machine) -> None:
    look = "grep -r . /sys/module/zswap/parameters | sort"
    before = machine.shell(look)
    machine.module("highwater.memory.swapfile", path="/swapfile", size="256MiB")
    wanted: dict[str, Any] = {"enabled": True, "max_pool_percent": 35, "shrinker_enabled": True}
    wanted |= {"compressor": ["842x", "zstd", "lzo"], "zpool": "zsmalloc", "accept_threshold_percent": 80}
    done = machine.module("highwater.memory.zswap", **wanted)
    assert (done["changed"], done["warnings"]) == (True, [])
    after = machine.shell(look)
    for name, value in (
        ("enabled", "Y"),
        ("compressor", "zstd"),
        ("zpool", "zsmalloc"),
        ("max_pool_percent", "35"),
        ("accept_threshold_percent", "80"),
        ("shrinker_enabled", "Y"),
    ):
        assert f"/{name}:{value}\n" in after
    assert machine.module("highwater.memory.zswap", **wanted)["changed"] is False
    assert machine.refused("highwater.memory.zswap", compressor=["842x"])["reason"] == "feature"
    # It has to do what it is there for: pages on their way to the swapfile are taken.
    machine.shell("python3 -c \"import mmap; m = mmap.mmap(-1, 64 << 20); m.write(b'ab' * (32 << 20)); m.madvise(21)\"")
    assert int(machine.shell("grep -w zswpout /proc/vmstat").split()[1]) > 0
    machine.reboot()
    assert machine.shell(look) == after
    machine.module("highwater.memory.zswap", state="absent")
    assert machine.shell(look) == before
    machine.module("highwater.memory.swapfile", path="/swapfile", state="absent")
    assert machine.attempt("ls /etc/tmpfiles.d /var/lib/highwater").out.split() in ([], ["/etc/tmpfiles.d:"])
