# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What playbook report writes, by the oldest controller and by the newest.

Fails where the two write other bytes, where what is written is no JSON or has lost a host, and where a path that the
page cannot have is found out too late, or in other words.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import paths
import pytest
from controller import inventory, play

from bench.fleet import looks

PLAYBOOK = paths.ROOT / "bench/report.yml"


def run(folder: Path, core: str, path: Path) -> subprocess.CompletedProcess[str]:
    """The playbook for twenty hosts that were made up, some with hostile names."""
    hosts = {name: {"highwater__look": look} for name, look in looks(20).items()}
    return play(core, inventory(folder, hosts, highwater_report_path=str(path)), PLAYBOOK)


def test_every_controller_writes_the_same(tmp_path: Path) -> None:
    written = {}
    for core in paths.CORES:
        done = run(tmp_path, core, tmp_path / f"{core}.html")
        assert done.returncode == 0, done.stdout + done.stderr
        data = json.loads((tmp_path / f"{core}.json").read_text())
        assert set(data["hosts"]) == set(looks(20))
        assert (tmp_path / f"{core}.html").read_text().count('class="host"') == 20
        data.pop("made")
        written[core] = json.dumps(data)
        assert '"made"' in (tmp_path / f"{core}.json").read_text()[:20], "as text, not as Python would show it"
    assert len(set(written.values())) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("page.json", "is where the data as JSON would go: name the page, such as"),
        ("folder", "is a folder: name a file in it"),
        ("missing/page.html", "is in a folder that is not there: make that first"),
    ],
)
def test_a_path_that_the_page_cannot_have_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "folder").mkdir()
    done = run(tmp_path, paths.NEWEST_CORE, tmp_path / name)
    assert done.returncode != 0
    assert f"highwater_report_path: {tmp_path / name} {says}" in " ".join(done.stdout.split())
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["folder", "hosts.json", "hosts.sh"]
