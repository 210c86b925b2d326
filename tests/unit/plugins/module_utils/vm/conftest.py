# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine to try vm_sysctl on: a folder with its files, and a kernel that refuses and couples as Linux does."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import BOOT_ID
from ansible_collections.highwater.memory.plugins.module_utils.vm import settings_table, sysctl

DEFAULTS = {
    "compaction_proactiveness": 20, "dirtytime_expire_seconds": 43200, "kernel.numa_balancing": 1, "panic_on_oom": 0,
    "zone_reclaim_mode": 0,
    "dirty_background_bytes": 0, "dirty_background_ratio": 10, "dirty_bytes": 0, "dirty_ratio": 20,
    "extfrag_threshold": 500, "lowmem_reserve_ratio": "256\t256\t32\t0", "max_map_count": 65530,
    "min_free_kbytes": 67584, "overcommit_kbytes": 0, "overcommit_memory": 0, "overcommit_ratio": 50, "page-cluster": 3,
    "swappiness": 60, "vfs_cache_pressure": 100, "watermark_boost_factor": 15000, "watermark_scale_factor": 10,
}  # fmt: skip
PARAMS = {
    "settings": {}, "profiles": [], "expect_swap": [], "expect_huge_pages": None,
    "state": "present", "exclusive": False, "unknown": "fail",
    "file": "/etc/sysctl.d/90-highwater.conf", "force": False, "persistent": True, "apply": "now",
}  # fmt: skip
ZONE = "Node 0, zone %s\n  pages free %d\n        boost 0\n        min %d\n        low %d\n        high %d\n" \
       "        spanned %d\n        present %d\n        managed %d\n        protection: (0, 0)\n"  # fmt: skip


class KernelHost(Host):
    """A host whose /proc/sys/vm couples pairs, refuses what is out of range, and fails where it is told to.

    refuses: names that give EINVAL whatever is written; halves: names that make half of what they are given.
    """

    refuses: tuple[str, ...] = ()
    halves: tuple[str, ...] = ()

    def write_kernel(self, path: str, text: str) -> None:
        name = os.path.basename(path)
        bounds = settings_table.row(name).range((6, 12))
        number = int(text.split()[0])
        too_much = bounds.high is not None and number > bounds.high
        if name in self.refuses or number < bounds.low or too_much:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        if name in self.halves:
            text = str(number // 2)
        unchanged = (self.read(path) or "").strip() == text and name.startswith("dirty_")
        super().write_kernel(path, text + "\n")
        for partner in settings_table.group(name)[1:]:
            if not unchanged:
                super().write_kernel(os.path.dirname(path) + "/" + partner, "0\n")


class Machine:
    """ram in MiB, in two zones of which the second has three quarters."""

    def __init__(self, folder: Path, ram: int = 4096, thp: str = "madvise", kernel: str = "6.12.0") -> None:
        self.folder = folder
        self.host = KernelHost(str(folder))
        self.boots = 0
        pages = ram * 256
        self.write(
            "/proc/meminfo",
            "MemTotal: %d kB\nMemFree: %d kB\nMemAvailable: %d kB\nCommitted_AS: 300000 kB\n"
            "SwapTotal: 0 kB\n" % (ram * 1024, ram * 512, ram * 768),
        )
        self.zones(("DMA32", pages // 4), ("Normal", pages - pages // 4))
        self.swap()
        self.write("/proc/sys/kernel/osrelease", kernel)
        self.write("/proc/self/uid_map", "0 0 4294967295\n")
        self.write(
            "/sys/kernel/mm/transparent_hugepage/enabled",
            " ".join("[%s]" % word if word == thp else word for word in ("always", "madvise", "never")),
        )
        self.write("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n")
        self.write("/sys/devices/system/cpu/online", "0-1\n")
        self.write("/usr/lib/systemd/systemd-sysctl", "")
        # As large as three zones make it, and at most about a twentieth.
        self.defaults = dict(DEFAULTS, min_free_kbytes=min(67584, ram * 50))
        self.boot()

    def boot(self) -> None:
        self.boots += 1
        self.write(BOOT_ID, "boot-%d\n" % self.boots)
        for name, value in self.defaults.items():
            self.write(settings_table.path(name), "%s\n" % value)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def zones(self, *sizes: tuple[str, int]) -> None:
        """Zones by name and pages."""
        self.write(
            "/proc/zoneinfo",
            "".join(
                ZONE % (name, size // 2, size // 100, size // 80, size // 60, size, size, size) for name, size in sizes
            ),
        )

    def link(self, path: str, target: str) -> None:
        link = self.folder / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def swap(self, *paths: str) -> None:
        self.write(
            "/proc/swaps",
            "Filename Type Size Used Priority\n" + "".join("%s partition 1000 0 100\n" % path for path in paths),
        )

    def reboot(self) -> None:
        """The kernel's own values, then our file's, as systemd-sysctl writes them."""
        self.boot()
        for line in (self.text("/etc/sysctl.d/90-highwater.conf") or "").splitlines():
            if line[:1] not in ("", "#"):
                name, _equals, value = line.partition(" = ")
                self.host.write_kernel("/proc/sys/" + name.replace(".", "/"), value)

    def text(self, path: str) -> str | None:
        return self.host.read(path)

    def live(self, name: str) -> str:
        return (self.text(settings_table.path(name)) or "").strip()

    def everything(self) -> dict[str, str]:
        """All files but the lock's folder, and the boot's id."""
        return {
            str(path.relative_to(self.folder)): path.read_text()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and path.name != os.path.basename(BOOT_ID)
        }

    def run(self, check: bool = False, **params: object) -> dict:
        return convergence.converge(sysctl, dict(PARAMS, **params), self.host, check)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def make_machine(tmp_path):
    """Machines of other sizes: make_machine(512), make_machine(4096, thp="never")."""
    count = iter(range(1000))
    return lambda *args, **kwargs: Machine(tmp_path / str(next(count)), *args, **kwargs)
