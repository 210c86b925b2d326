# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kernel could load: the names that its modules and its built-in parts answer to."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.environment import kernel
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

# Compressors of the kernel's crypto API, for what is proposed; its other algorithms answer to the same kind of alias.
COMPRESSORS = ("lzo-rle", "lzo", "lz4", "lz4hc", "zstd", "deflate", "842")


def compressors(host: Host, asked: Sequence[str]) -> tuple[str, ...]:
    """Those that are in /proc/crypto, and those that the kernel would load a module for. asked: names that count as
    well, such as that of a driver for one kind of hardware (deflate-iaa).
    """
    loaded = re.findall(r"(?m)^(?:name|driver)\s*: (\S+)$", host.read("/proc/crypto") or "")
    known = set(loaded) | set(_by_alias(host, "crypto-"))
    return tuple(name for name in dict.fromkeys((*COMPRESSORS, *asked)) if name in known)


def pools(host: Host, _asked: Sequence[str]) -> tuple[str, ...]:
    """What zswap can keep its pages in."""
    return _by_alias(host, "zpool-")


def _by_alias(host: Host, prefix: str) -> tuple[str, ...]:
    """What follows prefix in the aliases of modules (modules.alias) and of what is built in (modules.builtin.modinfo,
    since 5.2). Source: modprobe(8), kbuild.rst.
    """
    folder = "/lib/modules/%s" % kernel(host)
    in_modules = re.findall(r"(?m)^alias %s(\S+) " % prefix, host.read(folder + "/modules.alias") or "")
    built_in = re.findall(r"\.alias=%s([^\0]+)" % prefix, host.read(folder + "/modules.builtin.modinfo") or "")
    return tuple(sorted(set(in_modules) | set(built_in)))
