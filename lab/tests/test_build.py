# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The archive that images are built from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.archive import own_mirrors


@pytest.mark.parametrize(
    ("name", "text", "mirrors"),
    [
        ("sources.list", "deb http://mirror.example/debian bookworm main\n", ["http://mirror.example/debian"]),
        ("sources.list", "deb [arch=amd64] https://m.example/debian/ sid main\n", ["https://m.example/debian"]),
        ("sources.list", "# deb http://mirror.example/debian bookworm main\n", []),
        ("sources.list", "deb http://mirror.example/ubuntu noble main\n", []),
        ("sources.list", "deb http://mirror.example/debian-security bookworm-security main\n", []),
        (
            "sources.list.d/debian.sources",
            "Types: deb\nURIs: http://a.example/debian http://b.example/debian\nSuites: trixie\n",
            ["http://a.example/debian", "http://b.example/debian"],
        ),
        ("sources.list.d/debian.sources.off", "URIs: http://mirror.example/debian\n", []),
    ],
)
def test_mirrors_of_the_machine(tmp_path: Path, name: str, text: str, mirrors: list[str]) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert list(own_mirrors(tmp_path)) == mirrors
