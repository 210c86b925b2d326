# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine to try the modules below /sys on: a folder with its files, and a kernel that answers as Linux does."""

from __future__ import annotations

import errno
import os
import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import BOOT_ID
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import resource

THP = "/sys/kernel/mm/transparent_hugepage"
ZSWAP = "/sys/module/zswap/parameters"
LRU_GEN = "/sys/kernel/mm/lru_gen"
# As Linux 6.12 prints them.
MIN_FREE = "/proc/sys/vm/min_free_kbytes"
AUTOMATIC = {"always": 67584, "madvise": 67584, "never": 8000}
DEFAULTS = {
    MIN_FREE: "67584",
    THP + "/enabled": "[always] madvise never",
    THP + "/defrag": "always defer defer+madvise [madvise] never",
    THP + "/shmem_enabled": "always within_size advise [never] deny force",
    THP + "/khugepaged/defrag": "1",
    ZSWAP + "/enabled": "N",
    ZSWAP + "/compressor": "lzo",
    ZSWAP + "/zpool": "zsmalloc",
    ZSWAP + "/max_pool_percent": "20",
    ZSWAP + "/accept_threshold_percent": "90",
    ZSWAP + "/shrinker_enabled": "N",
    LRU_GEN + "/enabled": "0x0000",
    LRU_GEN + "/min_ttl_ms": "0",
}
COMMON = {
    "state": "present", "exclusive": False, "unknown": "fail", "persistent": True, "apply": "now",
    "on_unsupported": "fail",
}  # fmt: skip
BOOT = "/etc/tmpfiles.d/highwater-%s.conf"


class KernelHost(Host):
    """Its files take what Linux takes, print it as Linux prints it, and refuse where they are told to."""

    refuses: tuple[str, ...] = ()
    user_min_free = 0

    def write_kernel(self, path: str, text: str) -> None:
        old = self.must_read(path)
        if path in self.refuses or ("[" in old and text not in re.findall(r"[\w+]+", old)):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        if "[" in old:
            text = " ".join("[%s]" % word if word == text else word for word in re.findall(r"[\w+]+", old))
        if path == LRU_GEN + "/enabled":
            text = {"y": "0x0007", "n": "0x0000"}[text]
        if path == THP + "/enabled":  # set_recommended_min_free_kbytes(): never below what a user has set
            chosen = re.findall(r"\[(\w+)\]", text)[0]
            super().write_kernel(MIN_FREE, "%d\n" % max(AUTOMATIC[chosen], self.user_min_free))
        if path == MIN_FREE:
            self.user_min_free = int(text)
        super().write_kernel(path, text + "\n")


class Machine:
    """Linux 6.12 with systemd, as it has booted."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.host = KernelHost(str(folder))
        self.boots = 0
        self.write("/proc/sys/kernel/osrelease", "6.12.0\n")
        self.write("/proc/self/uid_map", "0 0 4294967295\n")
        self.write("/proc/crypto", "name         : lzo\ndriver       : lzo-scomp\n\nname         : crct10dif\n")
        self.write("/lib/modules/6.12.0/modules.alias", "alias crypto-zstd zstd\nalias crypto-aes aes_generic\n")
        self.write("/lib/modules/6.12.0/modules.builtin.modinfo", "zsmalloc.alias=zpool-zsmalloc\0zbud.license=GPL\0")
        self.swap()
        (folder / "run/systemd/system").mkdir(parents=True)
        self.boot()

    def boot(self) -> None:
        """The kernel's own values."""
        self.boots += 1
        self.write(BOOT_ID, "boot-%d\n" % self.boots)
        for path, text in DEFAULTS.items():
            self.write(path, text + "\n")
        self.host.user_min_free = 0

    def reboot(self) -> None:
        """The kernel's own values, then what tmpfiles.d says, as systemd-tmpfiles writes it."""
        self.boot()
        for name in self.host.listdir("/etc/tmpfiles.d"):
            for line in self.host.must_read("/etc/tmpfiles.d/" + name).splitlines():
                if line.startswith("w "):
                    _kind, path, *_dashes, value = line.split()
                    self.host.write_kernel(path, value)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def remove(self, path: str) -> None:
        (self.folder / path.lstrip("/")).unlink()

    def swap(self, *paths: str) -> None:
        areas = "".join("%s partition 1000 0 100\n" % path for path in paths)
        self.write("/proc/swaps", "Filename Type Size Used Priority\n" + areas)

    def text(self, path: str) -> str | None:
        return self.host.read(path)

    def everything(self) -> dict[str, str]:
        """All files but the lock's, and the boot's id."""
        return {
            str(path): path.read_text()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != os.path.basename(BOOT_ID)
        }

    def run(self, module: str, check: bool = False, **params: object) -> dict:
        one = getattr(resource, module)
        subsystem = one.observe.args[0]
        options = {setting.option: None for setting in subsystem.settings}
        return convergence.converge(one, {**COMMON, **options, **params}, self.host, check)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)
