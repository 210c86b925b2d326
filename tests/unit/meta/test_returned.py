# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where a module does not document what the runner adds to its answer where it cannot do what was asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import error_facts

MODULES = Path(__file__).resolve().parents[3] / "plugins/modules"
NAMES = sorted(path.stem for path in MODULES.glob("*.py"))
SKIPS = "on_unsupported"  # an option, of the module's own or of the fragment


def text(name, block):
    """A block of YAML that a module has for its documentation."""
    return (MODULES / (name + ".py")).read_text(encoding="utf-8").split(block + ' = r"""')[1].split('"""')[0]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_failure_returns_is_documented(name, tmp_path):
    asked = text(name, "DOCUMENTATION")
    may_skip = SKIPS in asked or "- highwater.memory.configure\n" in asked or name == "converge"
    error = (Unsupported if may_skip else HighwaterError)("it cannot be done", reason="container")
    returned = error_facts(error, Host(root=str(tmp_path)))
    documented = yaml.safe_load(text(name, "RETURN"))
    assert set(returned) - set(documented) == set()
    if may_skip:
        assert {"reason", "supported", "os_id", "kernel"} <= set(returned)
