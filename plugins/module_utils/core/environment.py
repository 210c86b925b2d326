# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind of machine this is, what keeps it from having swap (a container, a kubelet), and what it runs."""

from __future__ import annotations

import os
import re

from ansible_collections.highwater.memory.plugins.module_utils.core.container import container, inside
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

SYSTEMD, OPENRC = "systemd", "OpenRC"  # init systems that we write boot artefacts for
SYSTEMD_FILES = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")

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


def refuse_container(host: Host, what: str) -> None:
    """Raise Unsupported in a container: ``what`` ("zram0", "swap on /swapfile") belongs to its kernel's host."""
    kind = container(host)
    if kind:
        raise Unsupported(
            "%s cannot be set up in %s: swap and vm settings belong to the machine whose "
            "kernel this is, so run it there" % (what, inside(kind)),
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


def runs_selinux(host: Host) -> bool:
    """Whether the running kernel has SELinux on, enforcing or not. Source: selinux(8), is_selinux_enabled(3)."""
    return host.exists("/sys/fs/selinux/enforce")


def init_system(host: Host, next_boot: bool = False) -> str | None:
    """What starts this machine: SYSTEMD, OPENRC, None for another.

    next_boot: where none runs that we know, as in an image that is being built, what it is made to boot by.
    Source: sd_booted(3); openrc-run's verify_boot (RC_SVCDIR/softlevel); init(1) is a link into systemd's folder.
    """
    if runs_systemd(host):
        return SYSTEMD
    if host.exists("/run/openrc/softlevel"):
        return OPENRC
    if not next_boot:
        return None
    if any("systemd" in (host.readlink(path) or "") for path in ("/sbin/init", "/usr/sbin/init")):
        return SYSTEMD
    if any(host.exists(path) for path in ("/sbin/openrc-run", "/usr/sbin/openrc-run")):
        return OPENRC
    return SYSTEMD if any(host.exists(path) for path in SYSTEMD_FILES) else None


def module_lists(host: Host) -> tuple[str | None, ...]:
    """What is built into the kernel that runs, and what modprobe(8) finds for it; None for a list that is
    not there.
    """
    folder = "/lib/modules/%s" % kernel(host)
    return tuple(host.read("%s/%s" % (folder, index)) for index in ("modules.builtin", "modules.dep"))


def has_module(host: Host, name: str) -> bool:
    """Whether a kernel module is built in or could be loaded: asked of the lists, since loading it is a change."""
    return any(re.search(r"(?m)(^|/)%s\.ko\b" % re.escape(name), text or "") for text in module_lists(host))


def cpus(host: Host) -> int:
    """Processors that are online: ``0-3,6`` is five. Source: the kernel's cputopology.rst."""
    count = 0
    for part in (host.read("/sys/devices/system/cpu/online") or "0").strip().split(","):
        first, _dash, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count
