# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who sets vm settings besides sysctl.d, after it was read: tuned, the kubelet, udev, tmpfiles.d and commands."""

from __future__ import annotations

import re
from typing import Iterable, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core import boot_commands
from ansible_collections.highwater.memory.plugins.module_utils.core.dropins import TMPFILES_FOLDERS, texts_with
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import (
    KUBELET_CONFIG,
    KUBELET_FLAGS,
    KUBELET_UNITS,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import Assignment
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full

# The kubelet inside of k3s, RKE2 and MicroK8s.
KUBELETS_INSIDE = (
    "/etc/systemd/system/k3s.service",
    "/etc/systemd/system/k3s-agent.service",
    "/usr/local/lib/systemd/system/rke2-server.service",
    "/usr/local/lib/systemd/system/rke2-agent.service",
    "/etc/systemd/system/snap.microk8s.daemon-kubelite.service",
)
# What it wants, by pkg/util/sysctl of Kubernetes; kernel.panic and kernel.panic_on_oops are no business of ours.
KUBELET_WANTS = {"overcommit_memory": "1", "panic_on_oom": "0"}
_PROTECTED = r"(?:^\s*protectKernelDefaults:|--protect-kernel-defaults=|protect-kernel-defaults:)\s*\"?true"

TUNED = "/etc/tuned"
UDEV_FOLDERS = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d")
# Patterns are compiled where a file has what they look for: most hosts have no such line.
_NAME = r"vm[./](?P<name>[a-z][a-z0-9_-]*)"
_UDEV = (r"SYSCTL\{%s\}\s*=\s*\"(?P<value>[^\"]*)\"" % _NAME,)  # udev(7)
# tmpfiles.d(5): the path, mode, user, group, age, and what is written
_TMPFILES = (r"^w\S*\s+/proc/sys/%s\s+(?:\S+\s+){4}(?P<value>.+)" % _NAME,)
_SYSCTL = (r"[\s\"']%s\s*=\s*[\"']?(?P<value>[0-9]+)" % _NAME,)  # of the arguments
_ECHO = (boot_commands.ECHO + r"/proc/sys/%s" % _NAME,)


def observe(host: Host) -> Mapping[str, Assignment]:
    """Settings by name that are set after sysctl.d was read, each by who comes last."""
    found: dict[str, Assignment] = {}
    for each in _tmpfiles(host):
        found.setdefault(each.name, each)  # of two lines on one path the first, see tmpfiles.d(5)
    for each in (*_udev(host), *_commands(host)):
        found[each.name] = each
    if host.exists(TUNED):
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.vm import tuned

        found.update(tuned.observe(host))
    found.update((each.name, each) for each in _kubelet(host))
    return found


def _udev(host: Host) -> Iterable[Assignment]:
    for path, text in texts_with(host, UDEV_FOLDERS, ".rules", "SYSCTL{"):
        yield from _lines(path, text, _UDEV, "a rule of udev's")


def _tmpfiles(host: Host) -> Iterable[Assignment]:
    for path, text in texts_with(host, TMPFILES_FOLDERS, ".conf", "/proc/sys/"):
        yield from _lines(path, text, _TMPFILES, "which systemd-tmpfiles writes")


def _commands(host: Host) -> Iterable[Assignment]:
    for path, text, who in boot_commands.texts(host, "vm"):
        if "sysctl" in text or "/proc/sys/vm" in text:
            found = [*_lines(path, text, _ECHO, who), *_lines(path, _arguments(text), _SYSCTL, who)]
            yield from sorted(found, key=lambda one: one.line or 0)


def _arguments(text: str) -> str:
    """By lines, what comes after ``sysctl``."""
    return "\n".join("" if line.lstrip().startswith("#") else line.partition("sysctl")[2] for line in text.split("\n"))


def _lines(path: str, text: str, patterns: Iterable[str], who: str) -> Iterable[Assignment]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#"):
            for match in (found for pattern in patterns for found in re.finditer(pattern, line)):
                yield Assignment(path, number, full(match.group("name")), canonical(match.group("value")), who)


def _kubelet(host: Host) -> Iterable[Assignment]:
    """What the kubelet sets when it starts or, by protectKernelDefaults, does not start beside any other value of."""
    units = [path for path in KUBELET_UNITS + KUBELETS_INSIDE if host.exists(path)]
    if not units and not host.exists(KUBELET_CONFIG):
        return
    file, line, who = (units or [KUBELET_CONFIG])[0], None, "the kubelet sets it when it starts"
    for path in (KUBELET_CONFIG, "/etc/rancher/k3s/config.yaml", "/etc/rancher/rke2/config.yaml", *KUBELET_FLAGS):
        for number, text in enumerate((host.read(path) or "").splitlines(), 1):
            if re.search(_PROTECTED, text):
                file, line, who = path, number, "the kubelet does not start beside any other value"
    for name, value in KUBELET_WANTS.items():
        yield Assignment(file, line, full(name), value, who)
