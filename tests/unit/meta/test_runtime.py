# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where a module is left out of the action group that one `module_defaults` is to serve."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]


def test_the_group_configure_is_the_modules_that_take_persistent_and_apply():
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]["configure"]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "plugins/modules").glob("*.py")}
    assert sorted(group) == sorted(name for name, text in texts.items() if re.search(r"\bCONFIGURE_OPTIONS\b", text))
    for name in group:
        assert "highwater.memory.configure\n" in texts[name], "%s does not document the options" % name
        assert "highwater.memory.attributes.configure\n" in texts[name], "%s does not name the group" % name
