# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Where Debian's packages come from."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, Optional

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def keyring() -> list[str]:
    """mmdebstrap's option for the archive's keys; none leaves it to apt."""
    return [f"--keyring={KEYRING}"] if KEYRING.exists() else []


def sources(suite: str, components: str) -> list[str]:
    """The archive to install from, as a line of sources.list: the one that was asked for, or that this machine itself
    uses, when it is one of Debian's. None leaves it to mmdebstrap, which knows where Debian's is.
    """
    mirror = os.environ.get("HIGHWATER_LAB_MIRROR") or next(own_mirrors(Path("/etc/apt")), None)
    return [f"deb {mirror} {suite} {components}"] if mirror else []


def own_mirrors(apt: Path) -> Iterator[str]:
    """The Debian archives in apt's sources, in both of their formats."""
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for path in files:
        if path.is_file() and path.suffix in (".list", ".sources"):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                yield from filter(None, map(debian_archive, re.findall(r"https?://\S+", uncommented(line))))


def uncommented(line: str) -> str:
    return line.partition("#")[0]


def debian_archive(uri: str) -> Optional[str]:
    """The address, when its last part says that it is Debian's main archive."""
    address = uri.rstrip("/")
    return address if address.endswith("/debian") else None
