# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether transparent huge pages are on for one size, though the setting for all of them says never.

By the kernel's mm/khugepaged.c (hugepage_pmd_enabled) and mm/shmem.c (shmem_hpage_pmd_enabled): its khugepaged runs,
and raises vm.min_free_kbytes, where anonymous memory has them by a size's own setting. Linux 6.8 to 6.10 count all
sizes for that, 6.11 only that of a page table's entry, and later ones may count all again: where it is not known we do,
so that a value of ours is never one that the kernel would raise. Since 6.13 shared memory counts too.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import Version

_ONLY_LARGEST, _UNTIL, _SHMEM = (6, 11), (7, 0), (6, 13)


def on_for_a_size(host: Host, folder: str, size: int, kernel: Version) -> bool:
    """folder: that of all settings of huge pages; size: bytes of the one that a page table's entry maps."""
    largest = "hugepages-%dkB" % (size // 1024)
    sizes = [name for name in host.listdir(folder) if name.startswith("hugepages-")]
    if _ONLY_LARGEST <= kernel < _UNTIL:
        sizes = [largest] if largest in sizes else []
    if any(_chosen(host, "%s/%s/enabled" % (folder, name)) in ("always", "madvise") for name in sizes):
        return True
    return kernel >= _SHMEM and _for_shmem(host, folder, largest)


def _for_shmem(host: Host, folder: str, largest: str) -> bool:
    all_sizes = _chosen(host, folder + "/shmem_enabled")
    own = _chosen(host, "%s/%s/shmem_enabled" % (folder, largest))
    if own is None or all_sizes == "deny":
        return False
    return all_sizes not in (None, "never") if own == "inherit" else own != "never"


def _chosen(host: Host, path: str) -> str | None:
    return parse_choice(host.read(path) or "").chosen
