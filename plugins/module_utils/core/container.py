# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this is a container or a chroot, which are the same to us: by itself, since many modules ask no more than
that of environment.py."""

from __future__ import annotations

import os
import re

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

# user_namespaces(7): the initial namespace maps every id onto itself, in one line.
INITIAL_UID_MAP = "0 0 4294967295"
# The machine's own PID namespace: PROC_PID_INIT_INO of linux/proc_ns.h, the same on every kernel.
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
CHROOT = "chroot"


def container(host: Host) -> str | None:
    """The container's kind ("podman", "user namespace", "chroot" ...), None on a machine of its own.

    Source: systemd's container interface (/run/systemd/container, PID 1's ``container=``), podman's and docker's files;
    without such a mark, as in pods of Kubernetes with containerd, the namespaces, as systemd-detect-virt(1) has it.
    In a chroot, where images are built, the kernel is another machine's as well: our root is not that of PID 1.
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
    return CHROOT if _has_another_root(host) else None


def inside(kind: str) -> str:
    """In words: ``a container (podman)``, ``a chroot``."""
    return "a chroot" if kind == CHROOT else "a container (%s)" % kind


def _has_another_root(host: Host) -> bool:
    """Whether PID 1 sees another folder as its root. A mount namespace of our own over the same filesystem is none."""
    try:
        ours, first = os.stat(host.path("/")), os.stat(host.path("/proc/1/root"))
    except OSError:  # not ours to look at: without the right to trace it, with hidepid, without /proc
        return False
    return (ours.st_dev, ours.st_ino) != (first.st_dev, first.st_ino)


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
