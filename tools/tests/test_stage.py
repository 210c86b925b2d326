# SPDX-License-Identifier: GPL-3.0-or-later
"""What users get: the archive of the collection."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import stage
from paths import ROOT

# All that an archive has at its top, with what ansible-galaxy writes itself.
INCLUDED = {
    *("CHANGELOG.md", "COPYING", "README.md", "docs", "meta", "playbooks", "plugins", "roles"),
    *("FILES.json", "MANIFEST.json"),
}
STRAY = ("hosts.yml", "hosts", "inventory.ini", "group_vars/all.yml", "host_vars/db1.yml", "highwater-report.json")


def test_what_users_lay_beside_the_checkout_is_not_packed(tmp_path: Path) -> None:
    """Fails where the archive has more than the list above, an inventory with its passwords before all, or less."""
    source = tmp_path / "checkout"
    for file in stage.checkout_files():
        stage.copy_if_changed(ROOT / file, source / file)
    for name in STRAY:
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("ansible_become_password: secret\n")
    stage.galaxy("build", str(source), "--output-path", str(tmp_path))
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        top = {name.split("/")[0] for name in archive.getnames()}
    shutil.rmtree(source)
    assert top == INCLUDED
