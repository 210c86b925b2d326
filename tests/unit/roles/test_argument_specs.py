# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role's argument specs and defaults say the same: the same variables, with the same values.

Ansible does not check this, and it does not fill in defaults inside list items from argument specs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.glob("*") if path.is_dir())


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None


def specified(role):
    """The variables of all entry points: name -> option. An option that two entry points share counts once."""
    specs = load(role / "meta" / "argument_specs.yml") or {}
    entry_points = specs.get("argument_specs", {}).values()
    return {name: option for entry in entry_points for name, option in entry.get("options", {}).items()}


def same(one, other):
    """To Python, True is 1; to a user it is not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def differences(role):
    """What disagrees between the role's two files, a sentence each."""
    options = specified(role)
    defaults = load(role / "defaults" / "main.yml") or {}
    found = []
    for name in sorted(set(options) | set(defaults)):
        if name not in options:
            found.append(f"{name} is in defaults/main.yml only: specify it in meta/argument_specs.yml")
        elif name not in defaults and options[name].get("default") is not None:
            found.append(f"{name} has a default in meta/argument_specs.yml only: give it in defaults/main.yml too")
        elif name in defaults and not same(options[name].get("default"), defaults[name]):
            found.append(f"{name} is {defaults[name]!r} by default, and {options[name].get('default')!r} by the specs")
        if not name.startswith(role.name):
            found.append(f"{name} does not carry the role's name")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_argument_specs_agree_with_defaults(name):
    assert differences(ROLES / name) == []


@pytest.mark.parametrize(
    ("specs", "defaults", "expected"),
    [
        ("r_a: {type: int, default: 1}", "r_a: 1", []),
        ("r_a: {type: str, required: true}", "", []),
        ("r_a: {type: int, default: 1}", "r_a: 2", ["r_a is 2 by default, and 1 by the specs"]),
        ("r_a: {type: int, default: 1}", "r_a: true", ["r_a is True by default, and 1 by the specs"]),
        ("r_a: {type: int}", "r_a: 2", ["r_a is 2 by default, and None by the specs"]),
        (
            "r_a: {type: int, default: 1}",
            "",
            ["r_a has a default in meta/argument_specs.yml only: give it in defaults/main.yml too"],
        ),
        ("", "r_b: 1", ["r_b is in defaults/main.yml only: specify it in meta/argument_specs.yml"]),
        ("b: {type: int, default: 1}", "b: 1", ["b does not carry the role's name"]),
    ],
)
def test_differences_are_found(tmp_path, specs, defaults, expected):
    role = tmp_path / "r"
    (role / "meta").mkdir(parents=True)
    (role / "defaults").mkdir()
    (role / "meta" / "argument_specs.yml").write_text(f"argument_specs: {{main: {{options: {{{specs}}}}}}}")
    (role / "defaults" / "main.yml").write_text(defaults)
    assert differences(role) == expected
