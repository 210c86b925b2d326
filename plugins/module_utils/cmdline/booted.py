# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of two boot loaders, both set up here, this machine was booted by.

systemd-boot says so in the EFI variable LoaderInfo ("systemd-boot 257"), and so does GRUB since 2.12 ("GRUB 2.12"):
the boot loader interface, https://systemd.io/BOOT_LOADER_INTERFACE. Whoever says nothing is not systemd-boot, which
there is for EFI only.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

EFI = "/sys/firmware/efi"
VARIABLES = EFI + "/efivars"
LOADER_INFO = VARIABLES + "/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_ATTRIBUTES = 4  # bytes before the text


def by_systemd_boot(host: Host) -> bool | None:
    """None where nothing tells: in an image, which was not booted, and where the variables are not to be seen."""
    if container(host):
        return None
    said = host.read_bytes(LOADER_INFO)
    if said is not None:
        return said[_ATTRIBUTES:].decode("utf-16-le", "replace").startswith("systemd-boot")
    return None if host.exists(EFI) and not host.listdir(VARIABLES) else False
