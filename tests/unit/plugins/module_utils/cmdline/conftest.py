# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that boots by GRUB or by boot loader entries. The programs of GRUB are a stand-in: see tests/lab."""

from __future__ import annotations

import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.cmdline import resource
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host

ENTRY = "/boot/loader/entries/debian-%s.conf"
ENTRY_TEXT = "title Debian\nversion %s\noptions    root=UUID=1 ro quiet\nlinux /vmlinuz-%s\n"
DEFAULT = "root=UUID=1 ro quiet"


class Machine:
    """Boots by GRUB, or by entries; its grub-mkconfig puts the drop-ins' words where GRUB's own does."""

    def __init__(self, folder, grub=True) -> None:
        self.folder, self.fails, self.ran = folder, False, 0
        self.default = "quiet"  # what /etc/default/grub says
        self.host = Host(str(folder), self.runner)
        self.write("/proc/cmdline", DEFAULT + "\n")
        if grub:
            self.write("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n")
            self.mkconfig()
        else:
            for version in ("6.1", "6.12"):
                self.write(ENTRY % version, ENTRY_TEXT % (version, version))

    def write(self, path, text) -> None:
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def runner(self, argv, _timeout):
        assert argv == ("/usr/sbin/grub-mkconfig", "-o", "/boot/grub/grub.cfg")
        self.ran += 1
        if self.fails:
            return Completed(1, "", "grub-mkconfig: no space left\n")
        self.mkconfig()
        return Completed(0, "", "")

    def mkconfig(self) -> None:
        words = self.default
        for name in self.host.listdir("/etc/default/grub.d"):
            text = self.host.must_read("/etc/default/grub.d/" + name)
            for line in re.findall(r'(?m)^GRUB_CMDLINE_LINUX_DEFAULT="(.*)"$', text):
                words = line.replace("$GRUB_CMDLINE_LINUX_DEFAULT", words)
        self.write(
            "/boot/grub/grub.cfg",
            "\tlinux\t/vmlinuz root=UUID=1 ro %s\n\tlinux\t/vmlinuz root=UUID=1 ro single\n" % words,
        )

    def boot(self) -> None:
        text = self.host.read("/boot/grub/grub.cfg")
        line = re.findall(r"linux\t/vmlinuz (.*)", text)[0] if text else self.line("6.12")
        self.write("/proc/cmdline", line + "\n")

    def line(self, version):
        return re.findall(r"(?m)^options +(.*)$", self.host.must_read(ENTRY % version))[-1]

    def everything(self):
        return {str(path): path.read_text() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def run(self, check=False, **params):
        asked = {"parameters": {}, "state": "present", "exclusive": False, "on_unsupported": "fail", **params}
        return convergence.converge(resource, asked, self.host, check)

    def cut_off(self, steps, **params) -> bool:
        """A run that is killed after so many steps; whether there was one more."""
        asked = {"parameters": {}, "state": "present", "exclusive": False, "on_unsupported": "fail", **params}
        state = resource.observe(self.host, asked)
        plan = resource.plan(resource.resolve(asked, state), state)
        for step in plan[:steps]:
            step.action.perform(self.host)
        return steps < len(plan)

    def next_boot(self):
        """The words beyond the distribution's own, of the line that boots by default."""
        self.boot()
        return [word for word in self.host.must_read("/proc/cmdline").split() if word not in DEFAULT.split()]


@pytest.fixture(params=[True, False], ids=["grub", "entries"])
def machine(request, tmp_path):
    return Machine(tmp_path, request.param)


@pytest.fixture
def grub(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def entries(tmp_path):
    return Machine(tmp_path, False)
