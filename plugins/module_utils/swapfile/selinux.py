# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type that SELinux wants of a swapfile, so that the boot may turn it on.

The label is the extended attribute ``security.selinux``, ``user:role:type`` and, with levels, ``:range``; what setfiles
and restorecon will give a file at its next relabelling is what semanage-fcontext(8) has been told.
"""

from __future__ import annotations

import os
import re

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

TYPE = "swapfile_t"
ATTRIBUTE = "security.selinux"
DEFAULT = "system_u:object_r:%s:s0" % TYPE  # for a file that has no label at all


def type_of(path: str) -> str | None:
    """The type of a file's label (``swapfile_t``); None where it has none."""
    context = _context(path)
    parts = context.split(":") if context else []
    return parts[2] if len(parts) > 2 else None


def label(path: str) -> None:
    """Give a file the type of a swapfile; user, role and range stay. Raises OSError as the kernel gives it."""
    parts = (_context(path) or DEFAULT).split(":")
    parts[2:3] = [TYPE]
    os.setxattr(path, ATTRIBUTE, ":".join(parts).encode("ascii") + b"\0", follow_symlinks=False)


def _context(path: str) -> str | None:
    try:
        return os.getxattr(path, ATTRIBUTE, follow_symlinks=False).rstrip(b"\0").decode("ascii")
    except OSError:
        return None


# -- what it is to be at the next relabelling ----------------------------------------------------------------------

SEMANAGE = ("/usr/sbin/semanage", "/usr/bin/semanage", "/sbin/semanage")


def can_be_told(host: Host) -> bool:
    """Whether there is a semanage."""
    return any(host.exists(path) for path in SEMANAGE)


def pattern(path: str) -> str:
    """A path as the regular expression that a rule of file contexts is: semanage takes none with a blank in it."""
    return re.sub(r"([.^$?*+|\[\](){}\\])", r"\\\1", path).replace(" ", r"\s")


def has_rule(host: Host, path: str) -> bool:
    """Whether the local rules, which semanage writes, give path the type of a swapfile."""
    policy = re.search(r"(?m)^SELINUXTYPE=\s*(\S+)", host.read("/etc/selinux/config") or "")
    name = policy.group(1) if policy else "targeted"
    rules = host.read("/etc/selinux/%s/contexts/files/file_contexts.local" % name) or ""
    wanted = pattern(path)
    return any(line.split()[:1] == [wanted] and ":%s:" % TYPE in line for line in rules.splitlines())


def rule(path: str) -> tuple[str, ...]:
    """The command that makes the rule."""
    return ("semanage", "fcontext", "--add", "--ftype", "f", "--type", TYPE, pattern(path))


def no_rule(path: str) -> tuple[str, ...]:
    """The command that takes it away."""
    return ("semanage", "fcontext", "--delete", "--ftype", "f", pattern(path))
