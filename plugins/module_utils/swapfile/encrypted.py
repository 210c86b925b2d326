# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a swapfile can be encrypted: by its options, by the programs of the host, beside hibernation."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import has_module, runs_systemd
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import PATH
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.mapping import LONGEST_NAME, mapping_name
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import bridge_path

Params = Mapping[str, Any]

CRYPTSETUP = ("/usr/sbin/cryptsetup", "/sbin/cryptsetup", "/usr/bin/cryptsetup")
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
# What reads crypttab at boot: systemd's generator (of package systemd-cryptsetup since Debian 13), or Debian's script.
GENERATORS = tuple("%s/systemd/system-generators/systemd-cryptsetup-generator" % lib for lib in ("/usr/lib", "/lib"))
SCRIPT = "/etc/init.d/cryptdisks"
# systemd reads no escapes in crypttab, and a field ends at a blank.
_WRITABLE = re.compile(r"[\w@+=:,./-]+\Z", re.ASCII)


def check_options(params: Params) -> None:
    """Raise HighwaterError for options that cannot go together with encrypted: true."""
    path = params["path"]
    if params["discard"] != "none":
        raise HighwaterError(
            "discard: %s cannot go with encrypted: true, since it would punch holes into the file below: leave it out"
            % params["discard"]
        )
    if params["label"]:
        raise HighwaterError(
            "label: %s cannot go with encrypted: true, since it is formatted anew at each boot: leave it out"
            % params["label"]
        )
    if not _WRITABLE.match(path):
        raise HighwaterError(
            "path: %r cannot be written into %s, as encrypted: true needs it: use letters, digits and @+=:,./-_ only"
            % (path, PATH)
        )
    if len(mapping_name(bridge_path(path))) > LONGEST_NAME:
        raise HighwaterError(
            "path: %s is too long for the name of a device, which encrypted: true makes of it: choose a shorter one"
            % path
        )


def refuse_host(host: Host, params: Params) -> None:
    """Raise Unsupported where a program or the kernel is missing, HighwaterError beside hibernation."""
    if not any(host.exists(path) for path in CRYPTSETUP):
        raise Unsupported(
            "encrypted: true needs cryptsetup, which is not on this host: install it (package cryptsetup, on Debian "
            "cryptsetup-bin), or leave encrypted out",
            reason="cryptsetup",
        )
    if params["persistent"] and not _is_read_at_boot(host):
        raise Unsupported(
            "encrypted: true needs a program that reads %s at boot, which is not on this host: install it (with "
            "systemd package systemd-cryptsetup, else cryptsetup), or say persistent: false" % PATH,
            reason="cryptsetup",
        )
    if container(host):  # an image is being built: what follows is about the kernel that runs
        return
    if not _has_dm_crypt(host):
        raise Unsupported(
            "encrypted: true needs the kernel module dm-crypt, which the kernel that runs does not have: install the "
            "package with the rest of its modules, or leave encrypted out",
            reason="kernel_module_missing",
        )
    resumes_from = _resumes_from(host)
    if resumes_from:
        raise HighwaterError(
            "encrypted: true forgets its key at each boot, while this host is set up to wake from swap (%s): take the "
            "resume device away and boot, or leave encrypted out" % resumes_from,
            reason="hibernation",
        )


def _is_read_at_boot(host: Host) -> bool:
    if runs_systemd(host) or any(host.exists(path) for path in SYSTEMD):
        return any(host.exists(path) for path in GENERATORS)
    return host.exists(SCRIPT)


def _has_dm_crypt(host: Host) -> bool:
    """Whether it is there or modprobe would find it."""
    return host.exists("/sys/module/dm_crypt") or has_module(host, "dm-crypt")


def _resumes_from(host: Host) -> str | None:
    """Where a hibernated system would be woken from, in words; None where it would not."""
    device = (host.read("/sys/power/resume") or "").strip()
    if device not in ("", "0:0"):
        return "/sys/power/resume is %s" % device
    line = (host.read("/proc/cmdline") or "").split()
    given = [word for word in line if word.startswith("resume=")]
    return "the kernel was started with %s" % given[-1] if given and "noresume" not in line else None
