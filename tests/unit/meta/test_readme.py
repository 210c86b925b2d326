# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where the README leaves out a module, a role or a playbook, or names one that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
THERE = {
    "module": {path.stem for path in (ROOT / "plugins/modules").glob("*.py")},
    "role": {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()},
    "playbook": {path.stem for path in (ROOT / "playbooks").glob("*.yml")},
}


@pytest.mark.parametrize("kind", THERE)
def test_the_table_names_all_that_there_are(kind):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("| %s | does |\n|---|---|\n" % kind)[1].split("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(name.replace("highwater.memory.", "") for name in named) == sorted(THERE[kind])
