# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind of machine this is: a container, a kubelet's node; what it runs."""

from __future__ import annotations

import os
import re

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

# user_namespaces(7): the initial namespace maps every id onto itself, in one line.
INITIAL_UID_MAP = "0 0 4294967295"
# The machine's own PID namespace: PROC_PID_INIT_INO of linux/proc_ns.h, the same on every kernel.
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
KUBELET_UNITS = (
    "/etc/systemd/system/kubelet.service",
    "/usr/lib/systemd/system/kubelet.service",
    "/lib/systemd/system/kubelet.service",
)
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
KUBELET_FLAGS = (
    "/var/lib/kubelet/kubeadm-flags.env",
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
) + KUBELET_UNITS


def container(host: Host) -> str | None:
    """The container's kind ("podman", "systemd-nspawn", "user namespace" ...), None on a machine of its own.

    Source: systemd's container interface (/run/systemd/container, PID 1's ``container=``), podman's and docker's files;
    without such a mark, as in pods of Kubernetes with containerd, the namespaces, as systemd-detect-virt(1) has it.
    """
    kind = host.read("/run/systemd/container")
    if kind and kind.strip():
        return kind.strip()
    match = re.search(r"(?:^|\0)container=([^\0]+)", _environment_of_init(host))
    if match:
        return match.group(1)
    if host.exists("/run/.containerenv"):
        return "podman"
    if host.exists("/.dockerenv") and not _was_an_image(host):
        return "docker"
    uid_map = host.read("/proc/self/uid_map")
    if uid_map is not None and " ".join(uid_map.split()) != INITIAL_UID_MAP:
        return "user namespace"
    if host.readlink("/proc/self/ns/pid") not in (None, INITIAL_PID_NAMESPACE):
        return "PID namespace"
    return None


def _was_an_image(host: Host) -> bool:
    """Whether /.dockerenv only tells where the disk came from: small virtual machines boot images of docker's.

    A container has a PID namespace of its own, and one that was given the machine's (--pid=host) still has its root
    on an overlay.
    """
    initial = host.readlink("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE
    roots = re.findall(r"(?m)^\S+ / (\S+) ", host.read("/proc/self/mounts") or "")
    return initial and bool(roots) and roots[-1] != "overlay"


def _environment_of_init(host: Host) -> str:
    try:
        return host.read("/proc/1/environ") or ""
    except OSError:  # not ours to read: seen in user namespaces, which are told by their uid_map
        return ""


def refuse_container(host: Host, what: str) -> None:
    """Raise Unsupported in a container: ``what`` ("zram0", "swap on /swapfile") belongs to its kernel's host."""
    kind = container(host)
    if kind:
        raise Unsupported(
            "%s cannot be set up in a container (%s): swap and vm settings belong to the machine whose "
            "kernel this is, so run it there" % (what, kind),
            reason="container",
            container=kind,
        )


def refuse_kubelet(host: Host, what: str) -> None:
    """Raise Unsupported where a kubelet would not start beside swap.

    Source: KubeletConfiguration v1beta1, failSwapOn is true by default; ``--fail-swap-on=false`` is the flag.
    """
    found = [path for path in KUBELET_UNITS + (KUBELET_CONFIG,) if host.exists(path)]
    if not found or _kubelet_takes_swap(host):
        return
    raise Unsupported(
        "%s would keep the kubelet of this host (%s) from starting: set failSwapOn: false in %s first"
        % (what, found[0], KUBELET_CONFIG),
        reason="kubelet",
        file=found[0],
    )


def _kubelet_takes_swap(host: Host) -> bool:
    if re.search(r"(?m)^failSwapOn:\s*false\b", host.read(KUBELET_CONFIG) or ""):
        return True
    return any("--fail-swap-on=false" in (host.read(path) or "") for path in KUBELET_FLAGS)


def os_id(host: Host) -> str | None:
    """ID of os-release(5) ("debian"), None where there is no such file."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        match = re.search(r"""(?m)^ID=["']?([\w.-]+)""", host.read(path) or "")
        if match:
            return match.group(1)
    return None


def kernel(host: Host) -> str:
    """The kernel's release, as uname -r says it."""
    return (host.read("/proc/sys/kernel/osrelease") or os.uname().release).strip()


def runs_systemd(host: Host) -> bool:
    """Whether systemd is the init that runs. Source: sd_booted(3)."""
    return host.exists("/run/systemd/system")


def cpus(host: Host) -> int:
    """Processors that are online: ``0-3,6`` is five. Source: the kernel's cputopology.rst."""
    count = 0
    for part in (host.read("/sys/devices/system/cpu/online") or "0").strip().split(","):
        first, _dash, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count
