# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where a module is left out of the action group that one `module_defaults` is to serve."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]


def test_the_group_configure_is_the_modules_that_take_persistent_and_apply():
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]["configure"]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "plugins/modules").glob("*.py")}
    # What a module documents it takes: ansible-test sanity compares the two.
    takes = {name for name, text in texts.items() if "- highwater.memory.configure\n" in text}
    assert set(group) == takes
    says = {name for name, text in texts.items() if "- highwater.memory.attributes.configure\n" in text}
    assert says == takes
