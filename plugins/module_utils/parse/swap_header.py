# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The header of a swap area, as mkswap(8) writes it.

Source: union swap_header of the kernel's include/linux/swap.h, in native byte order.
"""

from __future__ import annotations

import os
import struct
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

SIGNATURE = b"SWAPSPACE2"
# In the signature's place while a hibernated system lies in the area; source: libblkid's superblocks/swap.c.
HIBERNATION = (b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001")
PAGE_SIZES = tuple(1 << bits for bits in range(12, 17))  # as libblkid looks for them
LABEL_BYTES = 15  # volume_name is 16 bytes, and mkswap ends it with a zero

_INFO = struct.Struct("=III16s16s")  # version, last_page, nr_badpages, uuid, volume_name
_INFO_AT = 1024
_SIGNATURE_FROM_END = 10
_MOST_PAGES = 2**32 - 1


class SwapHeader(NamedTuple):
    """area: bytes from the header's first to the last page of swap; uuid: as blkid prints it; label: "" for none."""

    area: int
    uuid: Optional[str]
    label: str


def parse_header(page: bytes) -> SwapHeader | None:
    """The header in the first page of a file (exactly one page of this kernel); None where it is not swap space."""
    if not _ends_with(page, SIGNATURE):
        return None
    version, last_page, _bad, uuid, label = _INFO.unpack_from(page, _INFO_AT)
    if version != 1:
        return None
    return SwapHeader(
        area=(last_page + 1) * len(page),
        uuid=_uuid(uuid),
        label=label.split(b"\0")[0].decode("utf-8", "surrogateescape"),
    )


def make_header(area: int, page: int, uuid: bytes, label: str = "") -> bytes:
    """The first page of a swap area of that many bytes, its header's page among them; uuid: 16 bytes."""
    info = _INFO.pack(1, min(area // page - 1, _MOST_PAGES), 0, uuid, label.encode("utf-8", "surrogateescape"))
    start = bytes(_INFO_AT) + info
    return start + bytes(page - _SIGNATURE_FROM_END - len(start)) + SIGNATURE


def foreign_page(start: bytes) -> int | None:
    """The size of pages that an area was formatted for, by the first 64 KiB of it; None where it is not swap space."""
    return next((size for size in PAGE_SIZES if len(start) >= size and _ends_with(start[:size], SIGNATURE)), None)


def is_hibernated(page: bytes) -> bool:
    """Whether the first page says that a hibernated system lies in the area."""
    return any(_ends_with(page, signature) for signature in HIBERNATION)


def _ends_with(page: bytes, signature: bytes) -> bool:
    return len(page) > _INFO_AT + _INFO.size and page[len(page) - _SIGNATURE_FROM_END :].startswith(signature)


def _uuid(raw: bytes) -> str | None:
    if not any(raw):
        return None
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def uuid_bytes(uuid: str | None) -> bytes:
    """The 16 bytes of a UUID as blkid prints it; None: of a random one. Source of the two marks: RFC 9562, 5.4."""
    if uuid is not None:
        return bytes.fromhex(uuid.replace("-", ""))
    raw = bytearray(os.urandom(16))
    raw[6] = 0x40 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return bytes(raw)
